"""Many postings over REST: a batch in, an export out."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from jobstore.service.answers.postings import MOST_LINES
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


@pytest.mark.parametrize("asked", ["sort=salary", "company=", "limit=3"])
def test_what_is_wrong_with_an_export_is_told_first(client: TestClient, asked: str) -> None:
    assert client.get(f"/v1/postings:export?{asked}").status_code == 400


def test_a_batch_without_end_is_refused_before_what_is_said_of_it_fills_the_memory(
    client: TestClient,
) -> None:
    answer = client.post("/v1/postings:batch", content=b"1\n" * (MOST_LINES + 1))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The body has more than 50,000 postings")


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
