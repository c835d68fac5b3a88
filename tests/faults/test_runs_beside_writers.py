"""Runs and answers of pages beside others that write to the same postings of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

import jobstore
from jobstore import JobNotFound, JobStore, SourceRules, job_id
from tests.engines.harness import POSTGRES
from tests.fixtures.postings import posting
from tests.fixtures.writers import until_somebody_waits

RULES = {"board": SourceRules(close_after_misses=1, close_after=timedelta(0))}


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[tuple[str, JobStore, JobStore]]:
    """A server's URL, and two programs' stores there."""
    url = POSTGRES.new_url(tmp_path)
    try:
        async with jobstore.connect(url, sources=RULES) as one, jobstore.connect(url) as other:
            yield url, one, other
        POSTGRES.check(url)
    finally:
        POSTGRES.forget(url)


async def left(url: str, table: str) -> int:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        text = f"SELECT count(*) FROM {table} WHERE id NOT IN (SELECT id FROM posting)"
        (number,) = (await (await conn.execute(text)).fetchone()) or (0,)
        return int(number)


async def test_a_run_makes_no_member_of_what_is_deleted_meanwhile(
    stores: tuple[str, JobStore, JobStore],
) -> None:
    url, store, other = stores
    run, stored, go = store.scrape_run("board", "page"), asyncio.Event(), asyncio.Event()

    async def scrape() -> None:
        async with run:
            await run.upsert_many([posting(number) for number in range(6)])
            run.complete()
            stored.set()
            await go.wait()

    scraping = asyncio.create_task(scrape())
    await stored.wait()
    async with other.transaction() as deleting:
        await deleting.delete(job_id("board", "3"))
        go.set()
        await until_somebody_waits(url)
    await scraping
    assert run.report is not None
    assert run.report.state == "complete"
    assert await left(url, "scope_member") == 0


async def test_a_refusal_of_what_is_deleted_meanwhile_leaves_nothing(
    stores: tuple[str, JobStore, JobStore],
) -> None:
    url, store, other = stores
    id = (await store.upsert(posting(1))).id
    async with other.transaction() as deleting:
        await deleting.delete(id)
        refusing = asyncio.create_task(store.gone(id, http_status=451))
        await until_somebody_waits(url)
    with pytest.raises(JobNotFound):
        await refusing
    assert await left(url, "event") == 0


async def test_a_match_that_is_deleted_while_it_is_acknowledged_leaves_nothing(
    stores: tuple[str, JobStore, JobStore],
) -> None:
    url, store, other = stores
    ids = [(await store.upsert(posting(number))).id for number in range(3)]
    await store.save_search("all")
    found = await store.new_matches("all")
    async with other.transaction() as deleting:
        await deleting.delete(ids[1])
        acknowledging = asyncio.create_task(store.acknowledge("all", found))
        await until_somebody_waits(url)
    await acknowledging
    assert len(await store.new_matches("all")) == 0
    assert await left(url, "seen_match") == 0


async def test_refusals_at_once_are_all_counted(stores: tuple[str, JobStore, JobStore]) -> None:
    _, store, other = stores
    ids = [(await store.upsert(posting(number))).id for number in range(8)]
    for id in ids:
        told = [each.gone(id, http_status=451) for each in (store, other, store, other)]
        # At the third it is closed, and the fourth closes nothing.
        assert sorted(await asyncio.gather(*told)) == [False, False, False, True]


async def test_runs_end_beside_those_who_write_to_the_same_postings(
    stores: tuple[str, JobStore, JobStore],
) -> None:
    _, store, other = stores
    rows = [posting(number) for number in range(200)]

    async def scrape(scope: str) -> None:
        async with store.scrape_run("board", scope=scope) as run:
            await run.upsert_many(rows)
            run.complete()
        assert run.report is not None
        assert run.report.state == "complete"

    written = [other.upsert_many(reversed(rows)) for _ in range(4)]
    await asyncio.gather(*(scrape(f"page {number}") for number in range(4)), *written)
    async with other.transaction() as deleting:
        for number in range(0, 200, 2):
            await deleting.delete(job_id("board", str(number)))
    assert await store.count() == 100
