"""One posting over REST: reading, storing, changing and deleting it."""

from __future__ import annotations

from uuid import UUID

import pytest
from starlette.testclient import TestClient

import jobstore

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
    assert client.delete(place, headers={"If-Match": '"1"'}).status_code == 412
    assert client.delete(place, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(place).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b'{"title": "x", "company": "y", "source": "other"}', "source"),
        (b'{"title": "x", "company": "y", "salary_min": NaN}', ""),
        (b"[" * 50_000, ""),
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
