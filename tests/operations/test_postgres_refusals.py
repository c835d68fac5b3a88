"""What can be wrong with a server, a database or an account is told by its name, and what to do."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from typer.testing import Result

import jobstore
from jobstore import migrating
from jobstore.engines.postgres import connection
from jobstore.engines.postgres.errors import translating
from jobstore.errors import (
    JobStoreError,
    SchemaMismatch,
    StoreCorrupt,
    StoreUnavailable,
)
from tests.contract.cli.commands import run as invoke
from tests.fixtures.postgres import SETTINGS, PostgresServer, new_name, start

SECRET = "pl4nted-s3cret"


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    url = postgres.create()
    yield url
    postgres.drop(url)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def other(url: str, *, user: str | None = None, database: str | None = None) -> str:
    parts = urlsplit(url)
    netloc = parts.netloc if user is None else f"{user}@{parts.netloc.rpartition('@')[2]}"
    path = parts.path if database is None else f"/{quote(database)}"
    return urlunsplit(parts._replace(netloc=netloc, path=path))


async def refuses(url: str, kind: type[JobStoreError], told: str) -> None:
    """Assert that whoever opens or migrates the store is told the same."""
    with pytest.raises(kind, match=told) as seen:
        async with jobstore.connect(url):
            pass
    assert type(seen.value) is kind
    calls: list[Callable[[str], object]] = [migrating.check_schema]
    if kind is not SchemaMismatch:
        calls += [migrating.up, migrating.down, migrating.status, migrating.verify, migrating.roles]
    for call in calls:
        with pytest.raises(kind, match=told):
            call(url)


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The URL of a server that asks everybody but the administrator for a password."""
    folder = Path(tempfile.mkdtemp(prefix="hba-"))
    folder.chmod(0o755)
    rules = folder / "pg_hba.conf"
    rules.write_text(
        "local all postgres trust\nlocal all refused reject\nlocal all all scram-sha-256\n"
    )
    url, stop = start({**SETTINGS, "hba_file": str(rules)})
    run(url, f"CREATE ROLE app LOGIN PASSWORD '{SECRET}'", "CREATE ROLE refused LOGIN")
    yield url
    stop()
    shutil.rmtree(folder)


async def test_a_wrong_password_and_an_unknown_account(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "refused the account or its password; check the user.*~/.pgpass"
    monkeypatch.delenv("PGPASSWORD", raising=False)
    for user in ("app:wrong", "app", "refused", "nobody-of-that-name"):
        await refuses(other(guarded, user=user), StoreUnavailable, told)
    # The right one is taken from where libpq looks for it.
    monkeypatch.setenv("PGPASSWORD", SECRET)
    await refuses(other(guarded, user="app"), SchemaMismatch, "run: jobstore migrate up")


async def test_a_missing_database(url: str) -> None:
    await refuses(
        other(url, database="none here"), StoreUnavailable, r"no database.*\('createdb'\)"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1:1/jobs",
        "postgresql://postgres@/jobs?host=%2Fnowhere",
        "postgresql://postgres@nowhere.invalid/jobs",
        "postgresql://127.0.0.1:1,127.0.0.1:2/jobs",
    ],
)
async def test_a_server_that_is_not_there(url: str) -> None:
    await refuses(url, StoreUnavailable, "cannot be reached; check that it runs, and the host")


async def test_tls_that_the_server_has_not(url: str) -> None:
    for asked in ("sslmode=require&host=127.0.0.1&port=1", "sslmode=verify-full"):
        with pytest.raises(StoreUnavailable, match="TLS settings|cannot be reached"):
            migrating.check_schema(f"postgresql://postgres@127.0.0.1:1/jobs?{asked}")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('root certificate file "/root.crt" does not exist', "TLS with .* failed; check sslmode"),
        ("SSL error: certificate verify failed", "TLS with .* failed; check sslmode"),
        ('server certificate for "a" does not match host name "b"', "TLS with .* failed"),
        ("server does not support SSL, but SSL was required", "TLS with .* failed"),
        ("SSL SYSCALL error: EOF detected", "cannot be reached"),
        ("SSL connection has been closed unexpectedly", "was lost"),
    ],
)
def test_trouble_with_tls_is_not_taken_for_a_server_that_is_away(said: str, told: str) -> None:
    with pytest.raises(StoreUnavailable, match=told), translating():
        raise psycopg.OperationalError(f'connection to server at "db", port 5432 failed: {said}')


def test_a_misspelled_parameter_is_told_without_its_value() -> None:
    with pytest.raises(StoreUnavailable, match="a parameter that libpq does not know") as caught:
        migrating.check_schema(f"postgresql://postgres@db/jobs?sslmod={SECRET}")
    assert SECRET not in str(caught.value)


async def test_an_encoding_that_cannot_hold_every_posting(postgres: PostgresServer) -> None:
    run(postgres.url, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII'")
    try:
        await refuses(
            postgres.url_of("latin"),
            StoreUnavailable,
            "keeps text as SQL_ASCII.*createdb --encoding UTF8 --template template0",
        )
    finally:
        run(postgres.url, "DROP DATABASE latin WITH (FORCE)")


async def test_a_server_that_is_too_old(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OLDEST", 99_00_00)
    await refuses(url, StoreUnavailable, "which is too old; use version 99 or newer")


async def test_a_database_of_another_program(url: str) -> None:
    run(url, "CREATE TABLE customer (id int)")
    await refuses(url, StoreCorrupt, "tables of another program, and was not touched.*createdb")


async def test_a_schema_that_is_behind_or_ahead(url: str) -> None:
    await refuses(url, SchemaMismatch, "is empty; run: jobstore migrate up --store '?postgresql:")
    migrating.up(url)
    run(
        url,
        "INSERT INTO _yoyo_migration VALUES ('x', '9999.later', now())",
        "UPDATE store_property SET value = '9999.later' WHERE name = 'compatible'",
    )
    await refuses(url, SchemaMismatch, "newer")


async def test_an_account_without_rights(url: str) -> None:
    role = new_name("nothing")
    migrating.up(url)
    run(url, f"CREATE ROLE {role} LOGIN")
    mine = other(url, user=role)
    try:
        with pytest.raises(StoreUnavailable, match="lacks rights on the store: reading takes"):
            async with jobstore.connect(mine):
                pass
        with pytest.raises(StoreUnavailable, match="lacks rights"):
            migrating.up(mine)
        run(url, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await refuses(mine, StoreUnavailable, "no schema that this role may use.*migrate roles")
    finally:
        run(url, f"DROP ROLE {role}")


async def test_the_reading_role_reads_and_is_told_what_writing_takes(url: str) -> None:
    roles = migrating.Roles("", new_name("writes"), new_name("reads"))
    migrating.up(url)
    migrating.roles(url, roles)
    posting = jobstore.JobPosting(source="a", source_job_id="1", title="T", company="C")
    try:
        async with jobstore.connect(other(url, user=roles.writer)) as store:
            id = (await store.upsert(posting)).id
            await store.update(id, {"title": "Other"})
            async with store.transaction() as unit:
                await unit.delete(id)
            assert (await store.upsert_many([posting])).inserted == 1
        async with jobstore.connect(other(url, user=roles.reader)) as store:
            assert (await store.get(id)).title == "T"
            assert [each.id for each in (await store.search(limit=5)).items] == [id]
            assert (await store.statistics()).total == await store.count() == 1
            for write in (
                store.upsert(posting),
                store.upsert_many([posting]),
                store.update(id, {"title": "More"}),
                store.delete(id),
            ):
                with pytest.raises(StoreUnavailable, match="reading takes the reading role, writ"):
                    await write
            assert (await store.get(id)).title == "T"
    finally:
        run(url, *(f"DROP OWNED BY {each}" for each in roles[1:]))
        run(url, *(f"DROP ROLE {each}" for each in roles[1:]))


COMMANDS = (
    ("migrate", "up"),
    ("migrate", "down", "--yes"),
    ("migrate", "status"),
    ("migrate", "verify"),
    ("migrate", "finish", "--yes"),
    ("migrate", "roles"),
    ("search", "engineer"),
    ("show", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
    ("stats",),
    ("count",),
    ("import", "postings.jsonl"),
    ("export", "--output", "out.jsonl"),
    ("doctor",),
    ("health",),
    ("config", "show"),
    ("config", "check"),
    ("monitor", "--once"),
    ("alerts", "check"),
    ("backup", "create"),
    ("backup", "list"),
    ("run-due",),
    ("deploy", "--yes"),
    ("deployments", "list"),
    ("vacuum",),
)


def test_a_password_that_was_planted_is_nowhere(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands fail and succeed; nothing they print or write has the password."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "postings.jsonl").write_text(
        '{"source": "a", "source_job_id": "1", "title": "T", "company": "C"}\n'
    )
    run(guarded, "CREATE DATABASE planted OWNER app")
    wrong = other(guarded, user=f"app:{SECRET}x", database="planted")
    right = other(guarded, user=f"app:{SECRET}", database="planted")
    in_the_query = other(guarded, user="app", database="planted") + f"&password={SECRET}"
    for command in COMMANDS:
        done = invoke(*command, "--store", wrong)
        assert_discreet(done, command)
        told = " ".join(done.output.split())
        if command[0] in ("migrate", "search", "show", "stats", "count", "import", "export"):
            assert done.exit_code == 1, (command, told)
            assert "refused the account or its password" in told, (command, told)
    for command in COMMANDS:
        assert_discreet(invoke(*command, "--store", right, "--json"), command)
    monkeypatch.setenv("JOBSTORE_URL", in_the_query)
    for command in COMMANDS:
        assert_discreet(invoke(*command), command)
    kept = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert len(kept) > 2
    for file in kept:
        assert SECRET.encode() not in file.read_bytes(), file
    answer = json.loads(invoke("config", "show", "--json", "--store", right).stdout)
    shown = {each["name"]: each["value"] for each in answer["settings"]}
    assert shown["store.url"] == other(guarded, user="app", database="planted")
    assert "store.url has a password in it" in invoke("config", "check").stderr
    # The commands that are recommended name the store without it.
    behind = invoke("stats", "--store", other(right, database="postgres"))
    assert "jobstore migrate up --store" in behind.stderr


def assert_discreet(done: Result, command: tuple[str, ...]) -> None:
    assert SECRET not in done.output, (command, done.output)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{SECRET}@[::1/jobs",
        f"postgresql://app:{SECRET}/x@host/jobs",
        f"postgresql://app:{SECRET}@host:port/jobs",
        f"postgresql://app:{SECRET}@host/jobs?nonsense=1",
        f"postgresql:app:{SECRET}@host/jobs",
        f"postgresqlx://app:{SECRET}@host/jobs",
    ],
)
def test_a_malformed_url_is_told_without_its_password(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobstore.yaml").write_text(f"store:\n  url: {url}\n")
    for done in (
        invoke("stats", "--store", url),
        invoke("config", "check", "--config", "jobstore.yaml"),
        invoke("migrate", "up", "--store", url, "--json"),
    ):
        assert done.exit_code in (1, 2)
        assert_discreet(done, (url,))
    monkeypatch.setenv("JOBSTORE_URL", url)
    assert_discreet(invoke("stats"), (url,))
