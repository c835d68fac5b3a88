"""What a posting lives through, over REST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

import jobstore
from jobstore import HistoryEntry
from jobstore.service.answers import lifecycle as answers
from tests.engines.harness import MEMORY
from tests.fixtures.clock import Clock

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


def test_a_long_history_comes_in_pages_that_stay_where_they_are(client: TestClient) -> None:
    place = stored(client, 1)
    for number in range(8):
        client.patch(place, json={"title": f"Title {number}"})
    whole = client.get(f"{place}/history").json()
    assert (len(whole["items"]), whole["next_cursor"]) == (9, None)
    told, target = [], f"{place}/history?limit=2"
    while target:
        answer = client.get(target)
        told += answer.json()["items"]
        assert len(answer.json()["items"]) <= 2
        target = answer.links.get("next", {}).get("url", "")
        # What happens meanwhile is no part of the pages behind.
        client.patch(place, json={"location": f"Place {len(told)}"})
    assert told == whole["items"]
    for wrong in ("cursor=x", "cursor=1-1", "cursor=%C2%B2-1-1", "limit=0", "limit=101"):
        assert client.get(f"{place}/history?{wrong}").status_code == 400
    end = client.get(f"{place}/history?cursor=0-9-9").json()
    assert end == {"items": [], "next_cursor": None}
    assert len(client.get(f"{place}/history").json()["items"]) == 14


async def test_events_of_one_moment_are_told_once_each(clock: Clock, tmp_path: Path) -> None:
    async with jobstore.connect(MEMORY.new_url(tmp_path), clock=clock) as store:
        id = (await store.upsert(POSTING | {"source": "board", "source_job_id": "1"})).id
        for number in range(10):
            clock.advance(hours=number % 5 // 4)
            await store.update(id, {"title": f"Title {number}"})
        for limit in (1, 2, 3, 20):
            told: list[HistoryEntry] = []
            cursor = None
            while cursor or not told:
                found = await answers.history_from(store, id, cursor, limit)
                assert len(found.items) == min(limit, 11 - len(told))
                told, cursor = told + found.items, found.next_cursor
            assert told == await store.history(id)


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
