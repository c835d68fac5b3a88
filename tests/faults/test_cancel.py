"""Cancellation at any point: nothing acknowledged is lost, nothing stays open."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Coroutine, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobstore import JobStore, Outcome, SearchQuery, job_id
from tests.fixtures.checks import check_file
from tests.fixtures.postings import posting


class Ledger:
    """What callers were told, by key."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.there: set[str] = set()
        self.gone: set[str] = set()
        self.pairs: set[str] = set()

    async def upsert(self, key: str) -> None:
        await self.store.upsert(posting(key, description="word " * 30))
        self.there.add(key)

    async def upsert_and_delete(self, key: str) -> None:
        result = await self.store.upsert(posting(key))
        assert result.outcome is Outcome.INSERTED
        await asyncio.sleep(0)
        await self.store.delete(result.id)
        self.gone.add(key)

    async def change(self, key: str) -> None:
        result = await self.store.upsert(posting(key))
        await self.store.update(result.id, {"posted_at": "2026-01-01"})
        await self.store.update(result.id, {"title": "Changed"})
        self.there.add(key)

    async def pair(self, key: str) -> None:
        async with self.store.transaction() as tx:
            await tx.upsert(posting(f"{key}-a", company="Pair"))
            await asyncio.sleep(0)
            await tx.upsert(posting(f"{key}-b", company="Pair"))
        self.pairs.add(key)

    async def many(self, key: str) -> None:
        await self.store.upsert_many(posting(f"{key}-{n}", company="Many") for n in range(40))
        self.there.update(f"{key}-{n}" for n in range(40))

    async def read(self, key: str) -> None:
        page = await self.store.search(SearchQuery(text="word"), limit=100)
        assert len({item.id for item in page.items}) == len(page.items)
        await self.store.statistics()
        await self.store.count(SearchQuery(text="word OR changed"))
        await self.store.get_many([job_id("board", key)])
        pairs = [job.source_job_id async for job in self.store.stream(SearchQuery(company="Pair"))]
        assert len(pairs) == len(set(pairs))

    async def check(self) -> None:
        found = [job async for job in self.store.stream()]
        keys = {job.source_job_id for job in found}
        assert len(keys) == len(found) == await self.store.count()
        assert self.there <= keys
        assert not self.gone & keys
        assert {f"{key}-{part}" for key in self.pairs for part in "ab"} <= keys
        halves = [job.source_job_id.rsplit("-") for job in found if job.company == "Pair"]
        whole = [{half[0] for half in halves if half[1] == part} for part in "ab"]
        assert whole[0] == whole[1]


@pytest.mark.parametrize("seed", range(8))
async def test_a_hundred_writers_and_readers_that_are_cancelled_at_random(
    store: JobStore, tmp_path: Path, seed: int
) -> None:
    generator = random.Random(seed)
    ledger = Ledger(store)
    works: list[Any] = [ledger.upsert] * 50 + [ledger.change] * 20 + [ledger.pair] * 15
    works += [ledger.upsert_and_delete] * 15 + [ledger.many] * 5 + [ledger.read] * 100
    generator.shuffle(works)
    tasks = [asyncio.create_task(work(f"{number}")) for number, work in enumerate(works)]
    patient = asyncio.create_task(ledger.upsert("patient"))

    cancelled = 0
    while any(not task.done() for task in tasks):
        for _ in range(generator.randrange(8)):
            await asyncio.sleep(0)
        cancelled += generator.choice(tasks).cancel()
        if cancelled > 120:
            break
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(each) for each in results} <= {type(None), asyncio.CancelledError}
    assert cancelled > 10
    await patient
    await ledger.check()
    # All of it goes on working: every kind of call, by nobody disturbed.
    for number, work in enumerate(
        (ledger.upsert, ledger.change, ledger.pair, ledger.upsert_and_delete, ledger.many)
    ):
        await work(f"after {number}")
    await ledger.read("after")
    await ledger.check()
    await store.close()
    check_file(tmp_path / "jobs.db")


class CancelledAt:
    """Await ``work``, and cancel the task that does at its ``number``-th pause."""

    def __init__(self, work: Coroutine[Any, Any, Any], number: int) -> None:
        self._work = work
        self._number = number
        self.happened = False

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._work.__await__()
        step: Any = partial(steps.send, None)
        for number in itertools.count():
            try:
                waits_for = step()
            except StopIteration:
                return
            if number == self._number:
                self.happened = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waits_for
                step = partial(steps.send, None)
            except BaseException as error:
                step = partial(steps.throw, error)


@pytest.mark.parametrize("what", ["upsert", "change", "pair", "upsert_and_delete", "many", "read"])
async def test_each_call_may_be_cancelled_at_each_of_its_pauses(
    store: JobStore, tmp_path: Path, what: str
) -> None:
    ledger = Ledger(store)
    await ledger.upsert("first")
    for number in itertools.count():
        work = CancelledAt(getattr(ledger, what)(f"{what} {number}"), number)

        async def task(work: CancelledAt = work) -> None:
            await work

        (end,) = await asyncio.gather(asyncio.create_task(task()), return_exceptions=True)
        assert end is None or isinstance(end, asyncio.CancelledError)
        await ledger.upsert(f"next {number}")
        await ledger.check()
        if not work.happened:
            break
    assert number >= 1
    await store.close()
    check_file(tmp_path / "jobs.db")


async def test_a_timeout_around_a_call_is_a_cancellation(store: JobStore) -> None:
    begun = asyncio.Event()

    async def late() -> None:
        await begun.wait()
        await asyncio.wait_for(store.upsert(posting("late")), timeout=0.01)

    task = asyncio.create_task(late())
    async with store.transaction() as tx:
        begun.set()
        with pytest.raises(TimeoutError):
            await task
        await tx.upsert(posting("held"))

    # It was withdrawn from the queue before its turn came.
    assert await store.find("board", "late") is None
    assert await store.count() == 1


async def test_a_cancelled_close_still_closes(store: JobStore, migrated_url: str) -> None:
    await store.upsert(posting())
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    await store.close()
