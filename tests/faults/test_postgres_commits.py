"""Connections to PostgreSQL that are lost before, at and after a COMMIT, and backends that are
killed: what was acknowledged is there once, and what was not is told as it is."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from jobstore import EngineOptions, Outcome, OutcomeUnknown, StoreUnavailable
from jobstore.engines.kept import EVENT
from jobstore.engines.postgres import sessions
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import alone, commits, transactions
from jobstore.engines.postgres.writing.batch import Batch, Stored
from jobstore.engines.postgres.writing.proof import Evidence
from jobstore.records import job_id
from jobstore.settings import parse_store_url
from tests.fixtures.postgres import start
from tests.fixtures.relay import relay
from tests.fixtures.writers import (
    open_writer,
    posting,
    stored,
    until,
    until_somebody_asks,
    until_somebody_waits,
)

_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle%'
"""


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_group_whose_commit_is_lost_is_stored_once(database: str, fault: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = [fault]

        found = await asyncio.gather(*(writer.upsert(posting(number)) for number in range(20)))

        assert between.lost == 1
        assert {each.outcome for each in found} == {Outcome.INSERTED}
    assert stored(database) == {str(number): 1 for number in range(20)}


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_changes_whose_commit_is_lost_are_made_once(database: str, fault: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        for number in range(3):
            await writer.upsert(posting(number))
        between.faults = [fault]

        title, gone, joined, seen = await asyncio.gather(
            writer.update(job_id("board", "0"), {"title": "Other"}, 1),
            writer.delete(job_id("board", "1")),
            writer.join(job_id("board", "2"), "board", "9"),
            writer.upsert(posting("0", company="Beta")),
        )

        assert between.lost == 1
        assert (title.version, gone, joined.version, seen.version) == (2, True, 2, 3)
    assert stored(database) == {"0": 3, "9": 2}


async def test_a_delete_alone_whose_answer_is_lost_was_done(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        await writer.upsert(posting(1))
        between.faults = ["after"]

        assert await writer.delete(job_id("board", "1")) is True
    assert stored(database) == {}


async def test_a_commit_that_the_server_still_works_on_is_waited_for(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        await writer.upsert(posting("old"))
        between.faults = ["late"]
        writes = asyncio.gather(
            writer.upsert(posting("new")), writer.upsert(posting("old", title="Other"))
        )
        await until_somebody_waits(database)
        assert not writes.done()
        between.release.set()

        inserted, updated = await writes
        assert (inserted.outcome, inserted.version) == (Outcome.INSERTED, 1)
        assert (updated.outcome, updated.version) == (Outcome.UPDATED, 2)
    assert stored(database) == {"old": 2, "new": 1}


async def test_a_key_that_is_being_inserted_is_waited_for(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = ["late"]
        write = asyncio.ensure_future(writer.upsert(posting("new")))
        await until_somebody_asks(database)
        assert not write.done()
        between.release.set()

        assert (await write).outcome is Outcome.INSERTED
    assert stored(database) == {"new": 1}


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_what_others_remove_before_it_is_proven_stays_removed(
    database: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    async with (
        relay(database) as (between, url),
        open_writer(url) as writer,
        open_writer(database) as other,
    ):
        removed = []

        async def pause(*_: Any) -> None:
            removed.append(await other.delete(job_id("board", "new")))

        monkeypatch.setattr(transactions, "pause", pause)
        between.faults = [fault]

        assert (await writer.upsert(posting("new"))).outcome is Outcome.INSERTED
    assert removed[0] is (fault == "after")
    assert stored(database) == ({} if fault == "after" else {"new": 1})


async def test_one_that_is_lost_again_and_again_is_made_once(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = ["before", "after"]

        found = await asyncio.gather(*(writer.upsert(posting(number)) for number in range(3)))

        assert between.lost == 2
        assert {each.outcome for each in found} == {Outcome.INSERTED}
    assert stored(database) == {"0": 1, "1": 1, "2": 1}


async def test_after_a_crash_the_numbers_of_transactions_are_not_believed() -> None:
    url, stop = start({})
    try:
        opened = await Sessions.open(parse_store_url(url), EngineOptions(busy_timeout=60))
        async with opened.writing() as conn:
            before, server = conn.history, conn.server
            victim = conn.info.backend_pid
        os.kill(victim, signal.SIGKILL)
        await until(lambda: not conn.is_alive())
        async with opened.writing() as conn:
            # It was started at the same time as before.
            assert conn.server == server
            assert conn.history != before
        await opened.close()
    finally:
        stop()


async def test_a_connection_that_a_pooler_led_on_believes_no_number_of_before(
    database: str,
) -> None:
    opened = await Sessions.open(parse_store_url(database), EngineOptions())
    async with opened.writing() as conn:
        evidence = Evidence()
        evidence.add(Batch([], [], [], [], [], [], {UUID(int=1).bytes: (None, (1, b"", b""))}, {}))
        async with conn.transaction():
            found = await conn.execute("SELECT pg_current_xact_id()::text")
            ((number,),) = await found.fetchall()
        evidence.transaction = conn.history, number
        assert await commits.is_stored(conn, evidence, Stored(()))

        # What a crash does too. The pooler would have kept its connection to us.
        await conn.execute("SELECT pg_stat_reset_shared('bgwriter')")
        with pytest.raises(OutcomeUnknown):
            await commits.is_stored(conn, evidence, Stored(()))
    await opened.close()


async def test_a_commit_that_nobody_can_ask_about_is_unknown(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url, busy_timeout=1) as writer:
        between.faults = ["late"]
        with pytest.raises(OutcomeUnknown):
            await writer.upsert(posting("new"))

        between.release.set()
        await until(lambda: "new" in stored(database))
        # Repeating it is safe.
        assert (await writer.upsert(posting("new"))).outcome is Outcome.UNCHANGED


async def test_a_transaction_whose_answer_is_lost_is_proven(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = ["after"]

        async with writer.transaction(30) as unit:
            await unit.upsert(posting(1))
            await unit.upsert(posting(2))
            await unit.delete(job_id("board", "2"))

        assert between.lost == 1
    assert stored(database) == {"1": 1}


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_what_is_kept_beside_postings_is_proven_by_the_number_of_its_transaction(
    database: str, fault: str
) -> None:
    id = job_id("board", "1").bytes
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = [fault]

        async def tell() -> None:
            async with writer.transaction(60) as unit:
                await unit.put(EVENT, [(id, 1, "noticed", "{}", None, None)])

        if fault == "after":
            await tell()
        else:
            with pytest.raises(StoreUnavailable):
                await tell()
        assert between.lost == 1
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM event").fetchone() == (int(fault == "after"),)


async def test_a_transaction_that_was_not_committed_says_so(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        await writer.upsert(posting(1))
        between.faults = ["before"]

        with pytest.raises(StoreUnavailable, match="rolled back"):
            async with writer.transaction(30) as unit:
                await unit.update(job_id("board", "1"), {"title": "Other"}, None)
        between.faults = ["before"]
        with pytest.raises(StoreUnavailable, match="rolled back"):
            async with writer.transaction(30) as unit:
                await unit.upsert(posting(2))
        await writer.upsert(posting(3))
    assert stored(database) == {"1": 1, "3": 1}


async def test_a_commit_that_a_standby_may_lack_is_confirmed_by_another(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when the wait for a synchronous standby is cut short: COMMIT succeeds with a warning.
    warning = """
        CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE WARNING ''might not have been replicated''; RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON posting DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION warn();
    """
    with psycopg.connect(database) as conn:
        conn.execute(warning)
    proven = []

    async def commit_proof(session: Session) -> None:
        proven.append(session)
        await commits.commit_proof(session)

    for module in (alone, transactions):
        monkeypatch.setattr(module, "commit_proof", commit_proof)
    async with open_writer(database) as writer:
        assert (await writer.upsert(posting(1))).outcome is Outcome.INSERTED
        assert len(proven) == 1
        async with writer.transaction(30) as unit:
            await unit.upsert(posting(2))
        assert len(proven) == 2
    assert stored(database) == {"1": 1, "2": 1}


async def test_a_killed_backend_between_two_writes_is_not_noticed(database: str) -> None:
    async with open_writer(database) as writer:
        for number in range(3):
            assert (await writer.upsert(posting(number))).outcome is Outcome.INSERTED
            with psycopg.connect(database) as conn:
                conn.execute(_KILL)
    assert stored(database) == {"0": 1, "1": 1, "2": 1}


async def test_a_backend_that_is_killed_while_it_waits_is_replaced(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as holder, psycopg.connect(database) as killer:
            holder.execute("SELECT id FROM posting FOR UPDATE")
            write = asyncio.ensure_future(writer.upsert(posting(1, title="Other")))
            kill = _KILL.replace("state LIKE 'idle%'", "wait_event_type = 'Lock'")
            killer.autocommit = True
            await until(lambda: killer.execute(kill).fetchall())
        assert (await write).version == 2
    assert stored(database) == {"1": 2}


async def test_a_transaction_whose_backend_is_killed_is_over(database: str) -> None:
    async with open_writer(database) as writer:

        async def killed() -> None:
            async with writer.transaction(30) as unit:
                await unit.upsert(posting(1))
                with psycopg.connect(database) as conn:
                    conn.execute(_KILL)
                await unit.upsert(posting(2))

        with pytest.raises(StoreUnavailable, match="run it again"):
            await killed()
        async with writer.transaction(30) as unit:
            await unit.upsert(posting(3))
    assert stored(database) == {"3": 1}


async def test_what_changes_nothing_but_saw_what_may_be_lost_is_told_as_unknown(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def warned(conn: Session) -> None:
        await conn.execute("COMMIT")
        raise commits.Unconfirmed

    async with open_writer(database, busy_timeout=0.2) as writer:
        await writer.upsert(posting(1))
        for module in (commits, transactions):
            monkeypatch.setattr(module, "committed", warned)

        with pytest.raises(OutcomeUnknown):
            await writer.update(job_id("board", "1"), {"title": "Other"}, 7)


async def test_a_connection_is_waited_for_while_the_server_has_none_left(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [psycopg.OperationalError("FATAL:  sorry, too many clients already")] * 3
    made = sessions.connect

    async def connect(*args: Any, **kwargs: Any) -> Session:
        if refusals:
            raise refusals.pop()
        return await made(*args, **kwargs)

    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        monkeypatch.setattr(sessions, "connect", connect)
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute(_KILL)

        assert (await writer.upsert(posting(2))).version == 1
    assert refusals == []
