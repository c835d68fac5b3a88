"""Groups of writes that are under way at once on PostgreSQL: what touches the same posting is done
in order, and what becomes of one group changes nothing for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from jobstore import Outcome, OutcomeUnknown
from jobstore.engines.writing.operations import QueuedWrites
from jobstore.records import job_id
from tests.fixtures.relay import relay
from tests.fixtures.writers import (
    open_writer,
    posting,
    stored,
    until,
    until_somebody_asks,
    until_somebody_waits,
)

_WAITING = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@contextmanager
def held(url: str, number: int | str) -> Iterator[None]:
    """Keep others from writing a stored posting while the block lasts."""
    with psycopg.connect(url) as rival:
        row = rival.execute(
            "SELECT id FROM posting WHERE source_job_id = %s FOR UPDATE", (str(number),)
        )
        assert row.fetchone() is not None
        yield


async def test_a_group_goes_on_while_another_one_waits(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with held(database, 1):
            first = asyncio.ensure_future(writer.upsert(posting(1, title="Other")))
            await until_somebody_waits(database)

            assert (await writer.upsert(posting(2))).outcome is Outcome.INSERTED
            assert not first.done()
        assert (await first).version == 2
    assert stored(database) == {"1": 2, "2": 1}


async def test_what_touches_the_same_posting_waits_for_its_turn(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with held(database, 1):
            first = asyncio.ensure_future(writer.upsert(posting(1, title="Second")))
            await until_somebody_waits(database)
            # By its key, by its id, as the target of another key, and as one of many.
            later = asyncio.gather(
                writer.upsert(posting(1, title="Third")),
                writer.update(job_id("board", "1"), {"company": "Fourth"}, 3),
                writer.upsert_many([posting(2), posting(1, title="Fifth")]),
                writer.join(job_id("board", "2"), "board", "1"),
            )
            # One that touches nothing of it would be done by now, if it did not stand behind them.
            await until(lambda: writer.queue.depth == 5)
            with psycopg.connect(database) as conn:
                assert len(conn.execute(_WAITING).fetchall()) == 1
        assert (await first).version == 2
        third, fourth, many, joined = await later
        assert (third.version, fourth.version) == (3, 4)
        assert [getattr(each, "version", each) for each in many] == [1, 5]
        assert joined.source_job_id == "1"
    assert set(stored(database)) == {"1"}


async def test_what_is_inserted_is_seen_by_the_write_behind_it(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = ["late"]
        first = asyncio.ensure_future(writer.upsert(posting("new")))
        await until(lambda: between.lost)
        second = asyncio.ensure_future(writer.upsert(posting("new", title="Other")))
        await until_somebody_asks(database)
        between.release.set()

        assert (await first).outcome is Outcome.INSERTED
        assert (await second).version == 2
    assert stored(database) == {"new": 2}


async def test_a_group_that_fails_leaves_the_other_as_it_is(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url, busy_timeout=3) as writer:
        between.faults = ["late"]
        first = asyncio.ensure_future(writer.upsert(posting(1)))
        await until(lambda: between.lost)

        assert (await writer.upsert(posting(2))).outcome is Outcome.INSERTED
        with pytest.raises(OutcomeUnknown):
            await first
        # What waited for the first one begins with what is stored then.
        between.release.set()
        await until(lambda: "1" in stored(database))
        assert (await writer.upsert(posting(1, title="Other"))).version == 2
    assert stored(database) == {"1": 2, "2": 1}


async def test_a_cancelled_write_is_followed_by_the_one_behind_it(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with held(database, 1):
            first = asyncio.ensure_future(writer.upsert(posting(1, title="Second")))
            await until_somebody_waits(database)
            second = asyncio.ensure_future(writer.upsert(posting(1, title="Third")))
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        assert (await second).version == 3
    assert stored(database) == {"1": 3}


async def test_a_transaction_waits_for_all_groups_and_they_for_it(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert_many([posting(1), posting(2)])
        order = []

        async def transact() -> None:
            async with writer.transaction(30) as unit:
                order.append("transaction")
                await unit.upsert(posting(2, title="Other"))
                await asyncio.sleep(0)
                order.append("end")

        async def write() -> None:
            await writer.upsert(posting(3))
            order.append("write")

        with held(database, 1):
            first = asyncio.ensure_future(writer.upsert(posting(1, title="Other")))
            first.add_done_callback(lambda _: order.append("group"))
            await until_somebody_waits(database)
            transaction = asyncio.ensure_future(transact())
            await asyncio.sleep(0)
            later = asyncio.ensure_future(write())
            await until(lambda: writer.queue.depth == 2)
            assert order == []
        await asyncio.gather(first, transaction, later)
        assert order == ["group", "transaction", "end", "write"]
    assert stored(database) == {"1": 2, "2": 2, "3": 1}


async def test_connections_that_are_lost_at_many_commits_cost_no_write(database: str) -> None:
    async with relay(database) as (between, url), open_writer(url) as writer:
        between.faults = ["before", "after", "after", "before"] * 2
        versions: dict[int, list[int]] = {}

        async def write(number: int) -> None:
            for turn in range(4):
                found = await writer.upsert(posting(number, title=f"Turn {turn}"))
                versions.setdefault(number, []).append(found.version)

        await asyncio.gather(*(write(number) for number in range(40)))

        assert between.lost == 8
        assert set(map(tuple, versions.values())) == {(1, 2, 3, 4)}
    assert stored(database) == {str(number): 4 for number in range(40)}


async def test_several_programs_with_groups_at_once_keep_every_change(database: str) -> None:
    async with open_writer(database) as one, open_writer(database) as other:

        async def change(writer: QueuedWrites, number: int) -> None:
            for turn in range(3):
                await writer.upsert(posting(number, title=f"{writer is one} {turn}"))

        # More than one group at once, of the same keys in both programs.
        await asyncio.gather(*(change(each, n) for each in (one, other) for n in range(40)))
    assert stored(database) == {str(number): 6 for number in range(40)}
