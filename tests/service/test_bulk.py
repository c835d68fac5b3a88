"""Many postings over REST: a batch in, an export out."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from jobstore.exchange.jsonl import JsonLinesWriter
from jobstore.service.answers import postings as answers
from jobstore.service.answers.postings import MOST_VALUES
from jobstore.service.rest import bulk


def line(number: int, **more: object) -> str:
    """A posting as a line."""
    posting = {"source": "board", "source_job_id": str(number), "title": "Clerk", "company": "Acme"}
    return json.dumps(posting | more)


def test_a_batch_names_what_it_did_not_take_by_its_position(client: TestClient) -> None:
    lines = [line(0), "{", line(2, title=None), line(3, salary_min="much"), "[1]", line(5)]
    answer = client.post("/v1/postings:batch", content="\n".join(lines))
    report = answer.json()
    assert (answer.status_code, report["inserted"]) == (200, 3)
    assert [each["index"] for each in report["rejected"]] == [1, 2, 4]
    assert report["rejected"][1]["reasons"] == [{"field": "title", "reason": "is required"}]
    assert [(each["index"], each["field"]) for each in report["warnings"]] == [(3, "salary_min")]


def test_an_export_is_what_a_batch_takes(client: TestClient) -> None:
    lines = [line(number, description="long " * 400) for number in range(200)]
    client.post("/v1/postings:batch", content="\n".join(lines))
    exported = client.get("/v1/postings:export?company=acme")
    assert exported.headers["content-type"] == "application/jsonl"
    assert len(exported.text.splitlines()) == 200
    again = client.post("/v1/postings:batch", content=exported.content).json()
    assert (again["unchanged"], again["rejected"]) == (200, [])
    assert client.get("/v1/postings:export?company=nobody").text == ""


def test_a_posting_is_taken_alike_alone_and_in_a_batch(client: TestClient) -> None:
    given = line(1, expires_at="2026-03-01", attributes={"a": 0.5}, url="https://a.example/1")
    body = json.loads(given)
    alone = client.put("/v1/postings/board/1", json=body)
    report = client.post("/v1/postings:batch", content=given).json()
    assert (alone.status_code, report["unchanged"]) == (201, 1)
    told = client.get("/v1/postings/board/1").json()
    # What a file says to expire on a day is there until its end.
    assert told["expires_at"] == "2026-03-01T23:59:59Z"
    # What was told is taken back as it is.
    again = client.put("/v1/postings/board/1", json=told).json()
    assert (again["outcome"], again["warnings"]) == ("unchanged", [])
    assert client.get("/v1/postings/board/1").json()["attributes"] == {"a": 0.5}
    deep = {"a": json.loads("[" * 600 + "]" * 600)}
    refused = client.put("/v1/postings/board/1", json=body | {"attributes": deep})
    assert [each["field"] for each in refused.json()["errors"]] == ["attributes"]


@pytest.mark.parametrize("asked", ["sort=salary", "company=", "limit=3"])
def test_what_is_wrong_with_an_export_is_told_first(client: TestClient, asked: str) -> None:
    assert client.get(f"/v1/postings:export?{asked}").status_code == 400


def test_what_is_not_read_of_a_batch_is_told_with_what_is_stored(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_LINES", 700)
    lines = [line(number) for number in range(700)]
    lines[600] = "{"
    assert client.post("/v1/postings:batch", content="\n".join(lines)).status_code == 200
    told = []
    for body in (
        "\n".join([*lines, line(700), line(701)]),
        f"[{','.join(lines[601:])},{line(800)}",
    ):
        told.append(client.post("/v1/postings:batch", content=body))
    for answer, status, kind, read in zip(
        told, (413, 422), ("batch-too-long", "invalid-posting"), (700, 100), strict=True
    ):
        problem = answer.json()
        assert (answer.status_code, problem["read"]) == (status, read)
        assert problem["type"].endswith(kind)
        assert f"The first {read} postings were read: they are stored" in problem["detail"]
    (too_long, cut) = (answer.json() for answer in told)
    assert (too_long["unchanged"], [each["index"] for each in too_long["rejected"]]) == (699, [600])
    assert (cut["unchanged"], cut["inserted"], cut["warnings"]) == (99, 1, [])
    assert client.get("/v1/postings").json()["total"] == 700
    # Nothing was read of what is no batch.
    nothing = client.post("/v1/postings:batch", content="[").json()
    assert (nothing["read"], nothing["inserted"]) == (0, 0)
    told = client.get("/openapi.json").json()["paths"]["/v1/postings:batch"]["post"]["responses"]
    assert all("'read' says how many" in told[status]["description"] for status in ("413", "422"))


def test_a_posting_of_a_batch_holds_as_many_values_as_one_alone(client: TestClient) -> None:
    body = line(1, attributes={"a": [1] * MOST_VALUES})
    assert client.put("/v1/postings/board/1", json=json.loads(body)).status_code == 413
    report = client.post("/v1/postings:batch", content=f"{body}\n{line(2)}").json()
    (refused,) = report["rejected"]
    assert (refused["index"], report["inserted"]) == (0, 1)
    assert refused["reasons"][0]["reason"] == "must have fewer than 100,000 values"


def test_few_exports_are_read_at_a_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/v1/postings:batch", content=line(1))
    monkeypatch.setattr(bulk, "MOST_EXPORTS", 1)
    # One that is over, or was refused, is none any more.
    for asked, status in (("", 200), ("?sort=salary", 400), ("", 200), ("?company=x", 200)) * 2:
        assert client.get(f"/v1/postings:export{asked}").status_code == status
    monkeypatch.setattr(bulk, "MOST_EXPORTS", 0)
    refused = client.get("/v1/postings:export")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_an_export_of_which_only_the_head_is_asked_for_is_not_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/v1/postings:batch", content="\n".join(map(line, range(50))))
    written: list[object] = []
    write = JsonLinesWriter.write
    monkeypatch.setattr(bulk, "_PIECE", 1)
    monkeypatch.setattr(
        JsonLinesWriter, "write", lambda self, job: (written.append(job), write(self, job))
    )
    for _ in range(5):
        told = client.head("/v1/postings:export")
        assert (told.status_code, told.content) == (200, b"")
    assert client.head("/v1/postings:export?sort=salary").status_code == 400
    # The first piece shows that the query can be answered.
    assert len(written) == 5


def test_who_sent_a_body_that_was_cut_short_is_not_told_to_get_it(client: TestClient) -> None:
    for body in ('[{"title": "x"', '{"title": "x",'):
        told = client.post("/v1/postings:batch", content=body).json()
        assert "get it again" not in json.dumps(told).lower(), told
    cut = client.post("/v1/postings:batch", content='[{"title": "x"').json()
    assert "ive all of it" in cut["detail"]
