"""Requests with an Idempotency-Key, which are done once however often they are sent."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from jobstore.operations import repeats
from jobstore.operations.repeats import Told
from jobstore.settings.sections import Settings
from tests.service.conftest import Asking

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.fixture
def place(client: TestClient) -> str:
    """The address of a posting."""
    answer = client.put("/v1/postings/board/1", json={"title": "Clerk", "company": "Acme"})
    return f"/v1/postings/{answer.json()['id']}"


def test_an_application_is_begun_once(client: TestClient, place: str) -> None:
    said = {"state": "applied", "note": "Soon."}
    first = client.post(f"{place}/applications", json=said, headers=KEY)
    again = client.post(f"{place}/applications", json=said, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())
    assert client.post(f"{place}/applications", json=said).status_code == 409


def test_a_note_is_written_once(client: TestClient, asking: Asking, place: str) -> None:
    client.post(f"{place}/applications", json={"state": "saved"})
    for _ in range(3):
        told = client.patch(f"{place}/application", json={"note": "Call."}, headers=KEY)
        assert told.status_code == 200
    assert [each["text"] for each in told.json()["notes"]] == ["Call."]
    other = client.patch(f"{place}/application", json={"note": "Write."}, headers=KEY)
    assert (other.status_code, "another body" in other.json()["detail"]) == (422, True)
    # Another caller's key is another one.
    theirs = asking("write").patch(f"{place}/application", json={"note": "Call."}, headers=KEY)
    assert len(theirs.json()["notes"]) == 2


def test_an_answer_of_an_address_counts_once(client: TestClient, place: str) -> None:
    # The third of its kind would close the posting.
    for _ in range(4):
        told = client.post(f"{place}/gone", json={"http_status": 400}, headers=KEY)
        assert (told.status_code, told.json()) == (200, {"closed": False})
    ended = KEY | {"Idempotency-Key": "another"}
    for _ in range(2):
        told = client.post(f"{place}/gone", json={"http_status": 410}, headers=ended)
        assert told.json() == {"closed": True}
    assert client.get(place).json()["status"] == "closed"


def test_what_was_refused_may_come_again(client: TestClient, place: str) -> None:
    for _ in range(2):
        refused = client.patch(f"{place}/application", json={"note": "Call."}, headers=KEY)
        assert refused.status_code == 404
    client.post(f"{place}/applications", json={"state": "saved"})
    assert client.patch(f"{place}/application", json={"note": "Call."}, headers=KEY).is_success


def test_a_key_is_plain_text(client: TestClient, place: str) -> None:
    for key in ("", "x" * 256, "a b", "ä"):
        headers = {"Idempotency-Key": key.encode()}
        answer = client.post(f"{place}/applications", json={"state": "saved"}, headers=headers)
        assert answer.status_code == 400
        assert [each["field"] for each in answer.json()["errors"]] == ["Idempotency-Key"]


def test_one_that_is_not_done_yet_is_not_begun_again(
    client: TestClient, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "begin", lambda *given: Told.UNFINISHED)
    answer = client.post(f"{place}/applications", json={"state": "saved"}, headers=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")
    assert client.get("/v1/applications").json()["items"] == []


def test_keys_are_known_to_all_processes_for_a_day(settings: Settings) -> None:
    path, key, asked, made = settings.operations_db, b"k" * 32, b"a" * 32, uuid4()
    assert repeats.begin(path, key, asked, 1000) is Told.NEW
    assert repeats.begin(path, key, asked, 1000) is Told.UNFINISHED
    assert repeats.begin(path, key, b"b" * 32, 1000) is Told.ANOTHER
    repeats.forget(path, key)
    assert repeats.begin(path, key, asked, 1000) is Told.NEW
    repeats.end(path, key, made)
    repeats.forget(path, key)
    assert repeats.begin(path, key, asked, 1000 + 86_400) == UUID(bytes=made.bytes)
    assert repeats.begin(path, key, asked, 1001 + 86_400) is Told.NEW
