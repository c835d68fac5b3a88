"""The migration that brings runs: up, down and up again on a store that holds data."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import jobstore
from jobstore import RunReport, migrating
from jobstore.engines.kept import SCOPE_MEMBER, SCRAPE_RUN
from jobstore.engines.named_statements import load
from jobstore.lifecycle.completing import row_of
from jobstore.settings import parse_store_url
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

BEFORE = {"sqlite": "0013.history", "postgresql": "0002.history"}


async def run(
    store: jobstore.JobStore, number: int, scope: str | None = None
) -> jobstore.RunReport:
    async with store.scrape_run("board", scope) as scraping:
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
            await run(store, 3, "page")
            await store.delete(jobstore.job_id("board", "0"))
            moved = await store.join(jobstore.job_id("board", "1"), "board", "new")
            rows = await store.engine.rows("members_of_scope", "board", "page", bytes(16), 10)
            left = {moved.id.bytes, jobstore.job_id("board", "2").bytes}
            assert {row[0] for row in rows} == left
            assert SCOPE_MEMBER.follows
            clock.advance(seconds=timedelta(days=3).total_seconds())
            assert (await run(store, 3, "page")).open_before == 2
        engine.check(url)
    finally:
        engine.forget(url)


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_no_list_of_runs_reads_those_that_it_does_not_show(
    engine: Harness, tmp_path: Path
) -> None:
    url, sql = engine.new_url(tmp_path), load("sqlite" if engine is SQLITE else "postgres")
    expected = {
        ("newest_runs", 1): "scrape_run_newest",
        ("newest_runs_of_source", 2): "scrape_run_source",
        ("newest_runs_of_scope", 3): "KEY" if engine is SQLITE else "scrape_run_pkey",
        ("runs_that_count", 3): "KEY" if engine is SQLITE else "scrape_run_pkey",
    }
    try:
        begun = RunReport(
            run="1",
            source="board",
            scope=None,
            whole=False,
            state="complete",
            started_at=Clock()(),
            ended_at=Clock()(),
        )
        rows = [
            row_of(replace(begun, run=str(n), source=f"board {n % 30}", scope=f"page {n % 7}"), 0)
            for n in range(3000)
        ]
        async with jobstore.connect(url) as store, store.engine.transaction(60) as unit:
            await unit.put(SCRAPE_RUN, rows)
        for (name, number), index in expected.items():
            plan = explained(url, sql[name], (*("board 1", "page 2")[: number - 1], 5))
            assert index in plan, plan
            assert "sort" not in plan.lower(), plan
            assert "TEMP B-TREE" not in plan, plan
    finally:
        engine.forget(url)


def explained(url: str, statement: str, given: tuple[Any, ...]) -> str:
    """Return how a database runs a statement."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(parse_store_url(url).path)) as file:
            return str(file.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall())
    with psycopg.connect(url) as conn:
        conn.execute("ANALYZE scrape_run")
        return str(conn.execute(f"EXPLAIN {statement}".encode(), given).fetchall())
