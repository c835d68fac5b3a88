"""Tokens of a running service: made and revoked beside it, and whose writes they are."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from starlette.testclient import TestClient

from jobstore.errors import InvalidQuery
from jobstore.operations import tokens
from jobstore.settings.sections import Settings
from tests.fixtures.processes import Run
from tests.service.conftest import Asking

POSTING = {"title": "Clerk", "company": "Acme"}


def bearer(token: str) -> dict[str, str]:
    """The header that sends a token."""
    return {"Authorization": f"Bearer {token}"}


def soon(client: TestClient, token: str) -> int:
    """What a token is answered with within a second."""
    until = time.monotonic() + 1
    while True:
        status = client.get("/v1/statistics", headers=bearer(token)).status_code
        if status == 401 or time.monotonic() > until:
            return int(status)
        time.sleep(0.05)


def test_a_token_is_good_at_once_until_it_is_revoked(asking: Asking, settings: Settings) -> None:
    path, client = settings.operations_db, asking(None, "10.0.0.1")
    token = tokens.create(path, "ada", "read", None)
    for scheme in ("Bearer ", "bearer ", "BEARER  "):
        answer = client.get("/v1/statistics", headers={"Authorization": f"{scheme}{token}"})
        assert answer.status_code == 200
    later = tokens.create(path, "bob", "read", None)
    assert client.get("/v1/statistics", headers=bearer(later)).status_code == 200
    assert tokens.revoke(path, "ada")
    assert soon(client, token) == 401
    assert client.get("/v1/statistics", headers=bearer(later)).status_code == 200


def test_a_token_is_good_until_its_time_has_come(asking: Asking, settings: Settings) -> None:
    client = asking(None, "10.0.0.1")
    token = tokens.create(settings.operations_db, "ada", "read", 3600)
    assert client.get("/v1/statistics", headers=bearer(token)).status_code == 200
    with closing(sqlite3.connect(settings.operations_db)) as database, database:
        database.execute("UPDATE token SET expires_at = unixepoch() - 1")
    assert soon(client, token) == 401


def test_no_token_is_kept_and_its_use_is_written_down(asking: Asking, settings: Settings) -> None:
    path = settings.operations_db
    token = tokens.create(path, "ada", "read", None)
    assert asking(None).get("/v1/statistics", headers=bearer(token)).status_code == 200
    until = time.monotonic() + 10
    while next(iter(tokens.tokens(path).values())).used_at is None:
        assert time.monotonic() < until
        time.sleep(0.05)
    kept = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    assert token.encode() not in kept
    assert token.removeprefix(tokens.PREFIX).encode() not in kept
    assert len(token) > 48


def test_who_sends_wrong_ones_does_not_shut_out_who_has_one(client: TestClient) -> None:
    assert client.get("/v1/statistics").status_code == 200
    statuses = {
        client.get("/v1/statistics", headers=bearer(f"jobstore_{number}")).status_code
        for number in range(15)
    }
    assert statuses == {401, 429}
    assert client.get("/v1/statistics").status_code == 200


def test_no_route_makes_tokens(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert not [path for path in described["paths"] if "token" in path]
    for path in ("/v1/tokens", "/tokens", "/v1/token"):
        assert client.post(path, json={"name": "x", "scope": "admin"}).status_code == 404


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "x" * 101, "\x1b[31m"])
def test_names_of_tokens_are_words(settings: Settings, name: str) -> None:
    with pytest.raises(InvalidQuery, match="must be a word"):
        tokens.create(settings.operations_db, name, "read", None)


def test_what_is_written_is_written_in_the_name_of_the_token(
    asking: Asking, settings: Settings
) -> None:
    client = asking(None)
    ada, bob = (
        bearer(tokens.create(settings.operations_db, name, "admin", None))
        for name in ("ada", "bob")
    )

    def actors(place: str) -> list[tuple[Any, Any]]:
        items = client.get(f"{place}/history").json()["items"]
        return [(each["kind"], each["actor"]) for each in items]

    id = client.put("/v1/postings/board/1", json=POSTING, headers=ada).json()["id"]
    place = f"/v1/postings/{id}"
    client.patch(place, json={"title": "Chief Clerk"}, headers=bob)
    applied = client.post(f"{place}/applications", json={"state": "applied"}, headers=ada)
    assert applied.json()["stages"][0]["actor"] == "ada"
    client.post(f"{place}/gone", json={"http_status": 404}, headers=bob)
    line = '{"source": "board", "source_job_id": "2", "title": "Clerk", "company": "Acme"}'
    client.post("/v1/postings:batch", content=line, headers=bob)
    other = client.get("/v1/postings/board/2").json()["id"]
    assert actors(f"/v1/postings/{other}") == [("opened", "bob")]
    said = {"other": other, "verdict": "same"}
    (judged,) = client.post(f"{place}/duplicates", json=said, headers=ada).json()["items"]
    assert judged["actor"] == "ada"
    client.delete(place, headers=bob)
    assert actors(place)[0] == ("deleted", "bob")


def test_tokens_are_made_listed_and_revoked_from_the_shell(
    run_command: Run, settings: Settings
) -> None:
    store = ("--store", settings.store.url)
    made = run_command("tokens", "create", "ada", "--scope", "write", "--expires", "90d", *store)
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert token.startswith(tokens.PREFIX)
    assert "not shown again" in made.stderr
    assert "no store" not in made.stderr
    # Such a token is good, but seldom for the service that somebody had in mind.
    elsewhere = run_command("tokens", "create", "ada", "--store", "sqlite:///none.db")
    assert "There is no store there yet. Is it the one that is served?" in elsewhere.stderr
    again = run_command("tokens", "create", "ada", *store)
    assert (again.returncode, "is taken" in again.stderr) == (2, True)
    for wrong, told in (("0d", "0d is out of range: 1s to 36600d"), ("soon", "7d, or never")):
        refused = run_command("tokens", "create", "bob", "--expires", wrong, *store)
        assert refused.returncode == 2
        assert told in " ".join(refused.stderr.split())
    listed = run_command("tokens", "list", *store)
    assert "ada" in listed.stdout
    assert token not in listed.stdout
    assert run_command("tokens", "revoke", "ada", *store).returncode == 0
    assert run_command("tokens", "revoke", "ada", *store).returncode == 1
    assert tokens.tokens(settings.operations_db) == {}
