"""The migration that brings runs: up, down and up again on a store that holds data."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

import jobstore
from jobstore import migrating
from jobstore.engines.kept import SCOPE_MEMBER
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

BEFORE = {"sqlite": "0013.history", "postgresql": "0002.history"}


async def run(store: jobstore.JobStore, number: int) -> jobstore.RunReport:
    async with store.scrape_run("board") as scraping:
        await scraping.upsert_many([posting(each) for each in range(number)])
        scraping.complete()
    assert scraping.report is not None
    return scraping.report


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_runs_come_to_a_store_that_holds_data_and_go_again(
    engine: Harness, tmp_path: Path
) -> None:
    url, clock = engine.new_url(tmp_path), Clock()
    try:
        async with jobstore.connect(url, clock=clock) as store:
            await run(store, 4)
            clock.advance(days=2)
            assert (await run(store, 3)).missed == 1
            jobs = [job async for job in store.stream()]

        await asyncio.to_thread(migrating.down, url, BEFORE[engine.scheme])
        await asyncio.to_thread(migrating.up, url)
        await asyncio.to_thread(migrating.verify, url)
        engine.check(url)

        async with jobstore.connect(url, clock=clock) as store:
            assert [job async for job in store.stream()] == jobs
            # Nobody knows any more what was missed, so it is counted anew.
            assert await store.runs() == []
            clock.advance(days=2)
            assert [(await run(store, 3)).closed, len(await store.runs())] == [0, 1]
            clock.advance(days=2)
            assert (await run(store, 3)).closed == 1
        engine.check(url)
    finally:
        engine.forget(url)


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_members_go_with_their_posting_and_follow_it(engine: Harness, tmp_path: Path) -> None:
    url, clock = engine.new_url(tmp_path), Clock()
    try:
        async with jobstore.connect(url, clock=clock) as store:
            await run(store, 3)
            await store.delete(jobstore.job_id("board", "0"))
            moved = await store.join(jobstore.job_id("board", "1"), "board", "new")
            rows = await store.engine.rows("members_of_scope", "board", "", bytes(16), 10)
            left = {moved.id.bytes, jobstore.job_id("board", "2").bytes}
            assert {row[0] for row in rows} == left
            assert SCOPE_MEMBER.follows
            clock.advance(seconds=timedelta(days=3).total_seconds())
            assert (await run(store, 3)).open_before == 2
        engine.check(url)
    finally:
        engine.forget(url)
