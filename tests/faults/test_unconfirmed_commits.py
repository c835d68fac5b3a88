"""COMMITs whose wait for a synchronous standby is cut short: nothing of them is told as done.

The server is one that waits for a standby that never comes, and somebody cancels each wait, as an
administrator does whose standby is gone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from jobstore import OutcomeUnknown, StoreUnavailable, migrating
from jobstore.engines.postgres.sessions import blocking
from jobstore.operations.copying import copy
from jobstore.settings import parse_store_url
from tests.engines.copies import opened
from tests.engines.harness import SQLITE
from tests.fixtures.postgres import SETTINGS, start
from tests.fixtures.postings import posting

_CANCEL = (
    "SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity AS a WHERE a.wait_event = 'SyncRep'"
)
_END_MYSELF = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture(scope="module")
def admin() -> Iterator[str]:
    """The URL of a server of its own, which can wait for standbys."""
    url, stop = start(SETTINGS | {"wal_level": "replica", "max_wal_senders": "2"})
    yield url
    stop()


@pytest.fixture
def database(admin: str) -> Iterator[str]:
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("CREATE DATABASE jobs")
        yield admin.replace("/postgres?", "/jobs?")
        conn.execute("DROP DATABASE jobs WITH (FORCE)")


@contextmanager
def standby_gone(url: str) -> Iterator[None]:
    """Let COMMITs of others wait for a standby that is not there, until their wait is cancelled."""
    over = threading.Event()

    def cancel() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            while not over.wait(0.02):
                conn.execute(_CANCEL)

    def wait_for(names: str) -> None:
        heard: list[object] = []
        with psycopg.connect(url, autocommit=True) as conn:
            conn.add_notice_handler(heard.append)
            conn.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'".encode())
            conn.execute("SELECT pg_reload_conf()")
            while True:
                heard.clear()
                conn.execute("SELECT pg_logical_emit_message(true, '', '')")
                if bool(heard) == bool(names):
                    return

    impatient = threading.Thread(target=cancel)
    impatient.start()
    wait_for("nobody")
    try:
        yield
    finally:
        wait_for("")
        over.set()
        impatient.join()


def _told(raised: pytest.ExceptionInfo[OutcomeUnknown]) -> None:
    assert "nobody knows whether a standby has it" in str(raised.value)


async def test_a_copy_is_not_done_before_a_standby_may_have_it(
    database: str, tmp_path: Path
) -> None:
    source = SQLITE.new_url(tmp_path)
    async with opened(source) as store:
        await store.upsert_many(map(posting, range(3)))
    await asyncio.to_thread(migrating.up, database)
    with standby_gone(database), pytest.raises(OutcomeUnknown) as first:
        await asyncio.to_thread(copy, source, database)
    _told(first)
    assert (await asyncio.to_thread(copy, source, database)).postings == 3
    # There is nothing to carry, and yet it is waited for what was carried before.
    with standby_gone(database), pytest.raises(OutcomeUnknown) as again:
        await asyncio.to_thread(copy, source, database)
    _told(again)


def test_a_migration_is_not_done_before_a_standby_may_have_it(database: str) -> None:
    with standby_gone(database), pytest.raises(OutcomeUnknown) as raised:
        migrating.up(database)
    _told(raised)
    migrating.up(database)
    migrating.check_schema(database)


def _change(url: str, *statements: str) -> None:
    with blocking(parse_store_url(url)) as conn, conn.transaction():
        for statement in statements:
            conn.execute(statement.encode())


def test_a_blocking_transaction_that_is_cut_off_at_its_end_is_unknown(database: str) -> None:
    """So of repairs, restores, roles and whatever else blocks."""
    with pytest.raises(OutcomeUnknown):
        _change(
            database,
            "CREATE TABLE mine (id integer)",
            "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN PERFORM ({_END_MYSELF}); PERFORM pg_sleep(60); END'",
            "CREATE CONSTRAINT TRIGGER gone AFTER INSERT ON mine DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION gone()",
            "INSERT INTO mine VALUES (1)",
        )
    with pytest.raises(StoreUnavailable) as raised:
        _change(database, _END_MYSELF)
    assert not isinstance(raised.value, OutcomeUnknown)
