"""A transaction that expires while SQLite works for it stops nobody else."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from jobstore import JobPosting, JobStore, Outcome, StoreTimeout, UpsertResult, job_id
from jobstore.checks import HealthLimits, Verdict, self_test
from jobstore.derived.plan import Plan
from jobstore.records import Origin
from tests.fixtures.postings import posting


async def test_one_that_expires_while_it_works_does_not_stop_the_next_ones(
    store: JobStore, tmp_path: Path
) -> None:
    await store.upsert_many(posting(number) for number in range(100))
    chance = random.Random(5)
    words = [f"word{number}" for number in range(3000)]

    async def work(timeout: float) -> None:
        async with store.transaction(timeout=timeout) as tx:
            while True:
                text = " ".join(chance.choices(words, k=6000))
                await tx.update(job_id("board", str(chance.randrange(100))), {"description": text})

    for attempt in range(60):
        with pytest.raises(StoreTimeout):
            await work(0.005 + 0.0007 * (attempt % 30))
        # What is written next waits for the rollback, and is not told of the other's timeout.
        await store.upsert(posting("next", title=f"Title {attempt}"))
        with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

    assert await store.count() == 101
    assert (await store.get(job_id("board", "1"))).version == 1


async def test_the_health_checks_own_transaction_expires_like_any_other(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, opened = threading.Event(), threading.Event()
    upsert = Plan.upsert

    def slow(plan: Plan, given: JobPosting, *origin: Origin) -> UpsertResult:
        if given.source == self_test.SOURCE:
            entered.set()
            assert opened.wait(60)
        return upsert(plan, given, *origin)

    monkeypatch.setattr(Plan, "upsert", slow)
    looking = asyncio.create_task(store.health(HealthLimits(timeout=0.2)))
    await asyncio.to_thread(entered.wait, 60)
    other = asyncio.create_task(store.upsert(posting(1)))
    checks = {check.name: check for check in (await looking).checks}
    assert checks["operations:responseTime"].verdict is Verdict.FAIL
    opened.set()

    assert (await other).outcome is Outcome.INSERTED
    assert await store.find(self_test.SOURCE, "1") is None
    assert await store.count() == 1
