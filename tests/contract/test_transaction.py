"""Several writes that stand or fall together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import jobstore
from jobstore import (
    EngineOptions,
    InvalidPosting,
    JobNotFound,
    JobStore,
    Outcome,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    Transaction,
    VersionConflict,
    job_id,
)
from tests.fixtures.clock import LoopClock
from tests.fixtures.postings import posting

ONE, TWO = job_id("board", "1"), job_id("board", "2")


async def test_all_is_stored_when_the_block_ends(store: JobStore) -> None:
    await store.upsert(posting(1))

    async with store.transaction() as tx:
        inserted = await tx.upsert(posting(2))
        updated = await tx.update(ONE, {"title": "Changed"}, expected_version=1)
        again = await tx.upsert(posting(2, title="Again"))
        assert await tx.delete(TWO) is True
        assert await tx.delete(TWO) is False
        await tx.upsert(posting(3))

    assert (inserted.outcome, updated.version, again.version) == (Outcome.INSERTED, 2, 2)
    assert (await store.get(ONE)).title == "Changed"
    assert await store.find("board", "2") is None
    assert await store.count() == (await store.statistics()).total == 2


async def test_nothing_is_stored_when_the_block_raises(store: JobStore) -> None:
    await store.upsert(posting(1))
    before = await store.get(ONE), await store.statistics()

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.update(ONE, {"title": "Changed", "posted_at": "2020-01-01"})
            await tx.upsert(posting(2))
            await tx.delete(ONE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()

    assert (await store.get(ONE), await store.statistics()) == before
    assert await store.revisions(ONE) == []
    assert [item.id for item in (await store.search()).items] == [ONE]


async def test_a_transaction_reads_its_own_writes_and_others_do_not(store: JobStore) -> None:
    async with store.transaction() as tx:
        await tx.upsert(posting(1, title="Inside"))

        assert (await tx.get(ONE)).title == "Inside"
        found = await tx.find("board", "1")
        assert found is not None
        assert found.title == "Inside"
        assert [job and job.id for job in await tx.get_many([ONE, TWO])] == [ONE, None]
        assert await store.find("board", "1") is None
        assert (await store.search()).items == []

    assert (await store.get(ONE)).title == "Inside"


async def test_a_call_that_fails_leaves_the_others(store: JobStore) -> None:
    async with store.transaction() as tx:
        await tx.upsert(posting(1))
        with pytest.raises(InvalidPosting):
            await tx.upsert(posting(2, title=""))
        with pytest.raises(JobNotFound):
            await tx.update(TWO, {"title": "x"})
        with pytest.raises(VersionConflict):
            await tx.update(ONE, {"title": "x"}, expected_version=9)
        with pytest.raises(JobNotFound):
            await tx.get(TWO)
        await tx.upsert(posting(3))

    assert await store.count() == 2
    assert (await store.get(ONE)).version == 1


async def test_an_empty_transaction_does_nothing(store: JobStore) -> None:
    async with store.transaction():
        pass

    assert await store.count() == 0


async def test_other_writers_wait_and_then_go_on(store: JobStore) -> None:
    order: list[str] = []
    begun = asyncio.Event()

    async def write(number: int) -> None:
        await begun.wait()
        await store.upsert(posting(number))
        order.append("other")

    others = [asyncio.create_task(write(number)) for number in range(10, 20)]
    async with store.transaction() as tx:
        begun.set()
        for number in range(5):
            await tx.upsert(posting(number))
            order.append("mine")
    await asyncio.gather(*others)

    assert order == ["mine"] * 5 + ["other"] * 10
    assert await store.count() == 15


async def test_transactions_follow_each_other(store: JobStore) -> None:
    await store.upsert(posting(1, applicant_count=0))

    async def add_one() -> None:
        async with store.transaction() as tx:
            job = await tx.get(ONE)
            assert job.applicant_count is not None
            await asyncio.sleep(0)
            await tx.update(ONE, {"applicant_count": job.applicant_count + 1})

    await asyncio.gather(*(add_one() for _ in range(25)))

    job = await store.get(ONE)
    assert (job.applicant_count, job.version) == (25, 26)


async def test_no_change_to_what_a_transaction_has_read_is_lost(
    store: JobStore, migrated_url: str
) -> None:
    await store.upsert(posting(1, applicant_count=0))
    patient = EngineOptions(busy_timeout=120)

    async def add_one(store: JobStore, number: int) -> None:
        async with store.transaction() as tx:
            job = await (tx.get(ONE) if number % 2 else tx.find("board", "1"))
            assert job is not None
            assert job.applicant_count is not None
            await asyncio.sleep(0)
            await tx.update(ONE, {"applicant_count": job.applicant_count + 1})

    async with (
        # As other programs would have it open.
        jobstore.connect(migrated_url, options=patient) as one,
        jobstore.connect(migrated_url, options=patient) as two,
    ):
        await asyncio.gather(*(add_one((one, two)[n % 4 // 2], n) for n in range(100)))

    job = await store.get(ONE)
    assert (job.applicant_count, job.version) == (100, 101)


async def test_who_writes_what_a_transaction_has_read_waits_and_who_reads_it_does_not(
    store: JobStore, migrated_url: str
) -> None:
    await store.upsert(posting(1))
    impatient = EngineOptions(busy_timeout=0.05)

    async with jobstore.connect(migrated_url, options=impatient) as other:
        async with store.transaction() as tx:
            await tx.get_many([ONE, TWO])
            assert (await other.get(ONE)).version == 1
            with pytest.raises(StoreBusy):
                await other.update(ONE, {"title": "Theirs"})
            with pytest.raises(StoreBusy):
                async with other.transaction() as theirs:
                    await theirs.get(ONE)
            await tx.update(ONE, {"title": "Mine"})
        assert (await other.update(ONE, {"title": "Theirs"})).version == 3


async def test_calls_may_run_together_inside(store: JobStore) -> None:
    async with store.transaction() as tx:
        results = await asyncio.gather(*(tx.upsert(posting(number)) for number in range(50)))

    assert {result.outcome for result in results} == {Outcome.INSERTED}
    assert await store.count() == 50


@pytest.mark.parametrize("point", ["before", "inside", "after"])
async def test_cancelling_the_block_stores_nothing(store: JobStore, point: str) -> None:
    reached = asyncio.Event()

    async def work() -> None:
        async with store.transaction() as tx:
            if point != "before":
                await tx.upsert(posting(1))
            reached.set()
            if point == "inside":
                # Cancelled while the database works.
                await asyncio.gather(*(tx.upsert(posting(n)) for n in range(2, 200)))
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await reached.wait()
    if point == "inside":
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await store.count() == 0
    assert (await store.upsert(posting(1))).outcome is Outcome.INSERTED


async def test_cancelling_while_it_waits_for_its_turn_changes_nothing(store: JobStore) -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        await begun.wait()
        await _hold(store)

    waiting = asyncio.create_task(wait())
    async with store.transaction() as tx:
        begun.set()
        await tx.upsert(posting(1))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert await store.count() == 1


async def _hold(store: JobStore) -> None:
    async with store.transaction() as tx:
        await tx.upsert(posting("held"))
        await asyncio.Event().wait()


@pytest.fixture
async def other_write(store: JobStore) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Write from a task of its own, which gets its turn when the transaction is over."""
    wanted = asyncio.Event()

    async def write() -> None:
        await wanted.wait()
        await store.upsert(posting("other"))

    task = asyncio.create_task(write())

    async def written() -> None:
        wanted.set()
        await task

    yield written
    task.cancel()


async def test_a_transaction_that_takes_too_long_is_rolled_back(
    store: JobStore, other_write: Callable[[], Awaitable[None]]
) -> None:
    loop_clock = LoopClock()

    async def work() -> None:
        async with store.transaction(timeout=3600) as tx:
            await tx.upsert(posting(1))
            loop_clock.advance(4000)
            await other_write()
            with pytest.raises(StoreTimeout):
                await tx.upsert(posting(3))

    with pytest.raises(StoreTimeout, match="rolled back"):
        await work()

    assert await store.find("board", "1") is None
    assert await store.count() == 1


async def test_an_error_of_the_block_is_told_rather_than_the_timeout(
    store: JobStore, other_write: Callable[[], Awaitable[None]]
) -> None:
    loop_clock = LoopClock()

    async def work() -> None:
        async with store.transaction(timeout=3600) as tx:
            await tx.upsert(posting(1))
            loop_clock.advance(4000)
            await other_write()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()

    assert await store.count() == 1


async def test_a_transaction_is_of_no_use_after_its_block(store: JobStore) -> None:
    kept: list[Transaction] = []
    async with store.transaction() as tx:
        kept.append(tx)
        await tx.upsert(posting(1))

    calls: list[Any] = [
        tx.upsert(posting(2)),
        tx.get(ONE),
        tx.delete(ONE),
        tx.update(ONE, {"title": "x"}),
    ]
    for call in calls:
        with pytest.raises(StoreClosed, match="transaction is over"):
            await call

    assert (await store.get(ONE)).version == 1


async def test_a_write_beside_the_transaction_in_its_own_block_is_refused_at_once(
    store: JobStore,
) -> None:
    async with store.transaction() as tx:
        await tx.upsert(posting(1))
        for write in (
            store.upsert(posting(2)),
            store.upsert_many([posting(2)]),
            store.update(ONE, {"title": "x"}),
            store.delete(ONE),
            _hold(store),
            asyncio.create_task(store.upsert(posting(2))),
        ):
            with pytest.raises(StoreBusy, match="the transaction's own methods"):
                await write
        # Reading is no danger, but sees what was there before.
        assert await store.count() == 0

    assert (await store.get(ONE)).version == 1
    assert (await store.upsert(posting(2))).outcome is Outcome.INSERTED


async def test_a_write_on_another_store_inside_of_a_block_is_none_of_its_business(
    store: JobStore, new_url: Callable[[], str]
) -> None:
    async with jobstore.connect(new_url()) as other:
        async with store.transaction() as tx, other.transaction() as other_tx:
            await tx.upsert(posting(1))
            await other_tx.upsert(posting(1))
            with pytest.raises(StoreBusy):
                await other.upsert(posting(2))
        async with store.transaction() as tx:
            await other.upsert(posting(2))
        assert (await store.count(), await other.count()) == (1, 2)


async def test_a_task_that_outlives_the_block_that_started_it_may_write(store: JobStore) -> None:
    over = asyncio.Event()

    async def outlive() -> None:
        await over.wait()
        await store.upsert(posting("later"))
        async with store.transaction() as tx:
            await tx.upsert(posting("later still"))

    async with store.transaction() as tx:
        task = asyncio.create_task(outlive())
        await tx.upsert(posting(1))
    over.set()
    await task

    assert await store.count() == 3


async def test_a_block_may_end_in_another_context_than_it_began(store: JobStore) -> None:
    # As the fixtures of test tools and exit stacks do.
    block = store.transaction()
    tx = await asyncio.create_task(block.__aenter__())
    await tx.upsert(posting(1))
    await asyncio.create_task(block.__aexit__(None, None, None))

    assert await store.count() == 1
    assert (await store.upsert(posting(2))).outcome is Outcome.INSERTED


async def test_a_store_that_is_closed_meanwhile_still_ends_the_transaction(
    migrated_url: str,
) -> None:
    store = await jobstore.connect(migrated_url)
    async with store.transaction() as tx:
        await tx.upsert(posting(1))
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        await tx.upsert(posting(2))
    await closing

    async with jobstore.connect(migrated_url) as again:
        assert await again.count() == 2
    with pytest.raises(StoreClosed):
        await _hold(store)
