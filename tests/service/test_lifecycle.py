"""What a posting lives through, over REST."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

POSTING = {"title": "Data Engineer", "company": "Acme"}


def stored(client: TestClient, number: int, **more: Any) -> str:
    """The address of a posting that was stored."""
    answer = client.put(f"/v1/postings/board/{number}", json=POSTING | more)
    return f"/v1/postings/{answer.json()['id']}"


def test_the_history_of_a_posting_outlives_it(client: TestClient) -> None:
    place = stored(client, 1)
    client.patch(place, json={"location": "Bonn"})
    assert client.post(f"{place}/gone", json={"http_status": 410}).json() == {"closed": True}
    client.delete(place)
    kinds = [each["kind"] for each in client.get(f"{place}/history").json()["items"]]
    assert kinds[0] == "deleted"
    assert client.get("/v1/postings/" + "0" * 32 + "/history").status_code == 404


def test_an_application_goes_its_way(client: TestClient) -> None:
    place = stored(client, 1)
    sent = {"state": "applied", "at": "2026-01-05T10:00:00Z", "contacts": [{"name": "Ada"}]}
    first = client.post(f"{place}/applications", json=sent)
    assert first.status_code == 201
    assert client.post(f"{place}/applications", json=sent).json() == first.json()
    numbered = client.post(f"{place}/applications", json={"state": "applied", "at": 1767571200})
    assert (numbered.status_code, numbered.json()["errors"][0]["field"]) == (422, "at")
    second = client.post(f"{place}/applications", json={"state": "applied"})
    assert (second.status_code, second.json()["why"]) == (409, "posting")
    # A day is one, as in a query and over MCP.
    said = {"state": "interviewing", "note": "Soon.", "due_at": "2026-05-01"}
    moved = client.patch(f"{place}/application", json=said)
    assert moved.json()["due_at"] == "2026-05-01T00:00:00Z"
    assert [each["state"] for each in moved.json()["stages"]] == ["applied", "interviewing"]
    assert client.patch(f"{place}/application", json={"state": "saved"}).status_code == 400
    board = client.get("/v1/applications?state=interviewing&state=offered").json()["items"]
    assert [each["id"] for each in board] == [moved.json()["id"]]


def test_matches_come_until_they_are_acknowledged(client: TestClient) -> None:
    stored(client, 1)
    saved = client.put("/v1/searches/data", json={"query": {"text": "data"}})
    assert saved.json()["query"]["text"] == "data"
    found = client.get("/v1/searches/data/matches").json()
    (job,) = client.get("/v1/searches/data/matches").json()["items"]
    assert found["items"] == [job]
    told = client.post("/v1/searches/data/acknowledged", json={"token": found["token"]})
    assert told.status_code == 204
    assert client.get("/v1/searches/data/matches").json()["items"] == []
    assert client.post("/v1/searches/data/acknowledged", json={"token": "x"}).status_code == 400
    assert [each["name"] for each in client.get("/v1/searches").json()["items"]] == ["data"]
    assert client.put("/v1/searches/a%2Fb", json={}).json()["name"] == "a/b"
    assert client.get("/v1/searches/a%2Fb/matches").json()["items"][0]["id"] == job["id"]
    assert client.delete("/v1/searches/a%2Fb").status_code == 204
    assert client.delete("/v1/searches/data").status_code == 204
    assert client.delete("/v1/searches/data").status_code == 404
    assert client.get("/v1/searches/data/matches").status_code == 404


def test_a_person_judges_two_postings(client: TestClient) -> None:
    one, other = stored(client, 1), stored(client, 2, title="Clerk")
    assert client.get(f"{one}/duplicates").json() == {"items": []}
    said = {"other": other.rpartition("/")[2], "verdict": "same"}
    (found,) = client.post(f"{one}/duplicates", json=said).json()["items"]
    assert (found["verdict"], found["together"], found["id"]) == ("same", True, said["other"])
    undone = client.post(f"{one}/duplicates", json=said | {"verdict": "undo"})
    assert undone.json() == {"items": []}


def test_figures_and_runs_are_told(client: TestClient) -> None:
    stored(client, 1, country="DE")
    assert client.get("/v1/statistics").json()["total"] == 1
    assert client.get("/v1/values/country").json() == {"items": [{"value": "DE", "count": 1}]}
    assert "did you mean country" in client.get("/v1/values/contry").json()["detail"]
    assert client.get("/v1/runs?source=board").json() == {"items": []}
    assert client.get("/v1/runs?scope=x").status_code == 400
