"""One posting over REST: reading, storing, changing and deleting it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

import jobstore
from jobstore import EngineOptions, JobStore, StoreBusy, VersionConflict
from jobstore.postings import Transaction
from jobstore.service.answers import postings as answers
from tests.engines.harness import POSTGRES

KEY = "/v1/postings/board/7"
POSTING = {"title": "Data Engineer", "company": "Acme", "salary_min": 50000.5}


@pytest.fixture
def id(client: TestClient) -> UUID:
    """A posting that is stored."""
    answer = client.put(KEY, json=POSTING)
    assert answer.status_code == 201
    return UUID(answer.json()["id"])


def test_a_posting_is_stored_once_and_then_merged(client: TestClient, id: UUID) -> None:
    assert id == jobstore.job_id("board", "7")
    again = client.put(KEY, json={"title": "Data Engineer", "company": "Acme", "location": "Bonn"})
    assert (again.status_code, again.json()["outcome"]) == (200, "updated")
    assert again.headers["etag"] == '"2"'
    stored = client.get(again.headers["location"]).json()
    assert (stored["salary_min"], stored["location"]) == (50000.5, "Bonn")


def test_a_posting_is_read_by_id_and_by_key(client: TestClient, id: UUID) -> None:
    by_id = client.get(f"/v1/postings/{id}")
    assert by_id.json() == client.get(KEY).json()
    assert by_id.headers["etag"] == '"1"'
    for tags in ('"1"', 'W/"1"', '"0", "1"', "*"):
        same = client.get(f"/v1/postings/{id}", headers={"If-None-Match": tags})
        assert (same.status_code, same.content) == (304, b"")
    assert client.get(KEY, headers={"If-None-Match": '"2"'}).status_code == 200


def test_keys_may_hold_slashes_and_any_letters(client: TestClient) -> None:
    place = "/v1/postings/a%2Fb/%C3%A4%2F1%3F"
    assert client.put(place, json=POSTING).status_code == 201
    found = client.get(place).json()
    assert (found["source"], found["source_job_id"]) == ("a/b", "ä/1?")
    # A proxy that decodes what it passes on would have another posting stored.
    for ask in (client.get, client.put):
        refused = ask("/v1/postings/a/b/1", **({"json": POSTING} if ask == client.put else {}))
        assert (refused.status_code, "%2F" in refused.json()["detail"]) == (400, True)


def test_a_change_needs_the_version_that_it_names(client: TestClient, id: UUID) -> None:
    place = f"/v1/postings/{id}"
    old = client.patch(place, json={"location": "Bonn"}, headers={"If-Match": '"7"'})
    weak = client.patch(place, json={"location": "Bonn"}, headers={"If-Match": 'W/"1"'})
    assert weak.status_code == 412
    assert (old.status_code, old.json()["type"]) == (412, "tag:jobstore,2026:version-conflict")
    new = client.patch(place, json={"salary_min": None}, headers={"If-Match": '"3", "1"'})
    assert (new.status_code, new.headers["etag"]) == (200, '"2"')
    assert new.json()["salary_min"] is None
    assert client.get(f"{place}?version=1").json()["salary_min"] == 50000.5
    scored = client.patch(place, json={"attributes": {"score": 0.5, "deep": [{"er": 1.25}]}})
    assert scored.json()["attributes"] == {"score": 0.5, "deep": [{"er": 1.25}]}
    # One in another is merged with it as well (RFC 7396).
    more = {"score": None, "deep": {"a": {"b": 1, "c": None}}, "new": [None]}
    for expected in (4, 4):
        merged = client.patch(place, json={"attributes": more})
        assert merged.json()["attributes"] == {"deep": {"a": {"b": 1}}, "new": [None]}
        assert merged.json()["version"] == expected
    old = client.patch(place, json={"attributes": {"x": 1}}, headers={"If-Match": '"3"'})
    assert old.status_code == 412
    assert client.patch(place, json={"attributes": None}).json()["version"] == 5
    assert client.delete(place, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(place, headers={"If-Match": '"5"'}).status_code == 204
    assert client.get(place).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b'{"title": "x", "company": "y", "source": "other"}', "source"),
        (b'{"title": "x", "company": "y", "salary_min": NaN}', ""),
        (b"[" * 90_000, ""),
        (b'{"company": "y"}', "title"),
    ],
)
def test_a_faulty_body_is_refused_field_by_field(
    client: TestClient, body: bytes, field: str
) -> None:
    answer = client.put(KEY, content=body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert client.get(KEY).status_code == 404


async def test_a_version_is_looked_at_until_the_write_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There others write while a transaction is open.
    url = POSTGRES.new_url(tmp_path)
    changed: list[int] = []
    impatient = EngineOptions(busy_timeout=0.1)
    async with (
        jobstore.connect(url) as store,
        jobstore.connect(url) as other,
        jobstore.connect(url, options=impatient) as refused,
    ):
        key = {"source": "a", "source_job_id": "1"}
        id = (await store.upsert(POSTING | key)).id

        def met(kind: type[Any], other: JobStore) -> None:
            get = kind.get

            async def late(self: Any, id: UUID, **past: Any) -> Any:
                job = await get(self, id, **past)
                if self is not other and not changed:
                    changed.append(job.version)
                    told = {**job.attributes, "other": job.version}
                    with pytest.raises(StoreBusy) if other is refused else nullcontext():
                        await other.update(id, {"attributes": told})
                return job

            monkeypatch.setattr(kind, "get", late)

        met(Transaction, refused)
        with pytest.raises(VersionConflict):
            await answers.delete(store, id, ["2"])
        changed.clear()
        await answers.delete(store, id, ["1"])
        assert changed == [1]
        changed.clear()
        await store.upsert(POSTING | key)
        await store.update(id, {"title": "Other"})
        met(JobStore, other)
        with pytest.raises(VersionConflict):
            await answers.update(store, id, {"attributes": {"own": 1}}, ["2"])
        changed.clear()
        job = await answers.update(store, id, {"attributes": {"own": 1}})
        assert job.attributes == {"other": 3, "own": 1}
        await answers.delete(store, id, [str(job.version)])
    POSTGRES.forget(url)
