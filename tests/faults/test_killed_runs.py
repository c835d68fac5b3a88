"""SIGKILL in the middle of a run of a scraper, or at its end: it closes nothing, or counts once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from jobstore import JobStore, RunReport
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.postings import posting

Start = Callable[..., Popen[str]]

NUMBER = 300
LEFT = 200
START = datetime(2026, 1, 5, tzinfo=UTC)

# Tells each step before it is done, and goes on when it is told to.
RUN = """
import asyncio, sys
from datetime import datetime
import jobstore

async def main(url, day, number, half):
    async with jobstore.connect(url) as store:
        async with store.scrape_run("board", seen_at=datetime.fromisoformat(day)) as run:
            rows = [{"source": "board", "source_job_id": str(n), "title": f"Engineer {n}",
                     "company": "Acme"} for n in range(int(number))]
            await run.upsert_many(rows[:len(rows) // 2])
            if half == "half":
                print("half", flush=True)
                await asyncio.Event().wait()
            await run.upsert_many(rows)
            run.complete()
            transaction, statuses = store.engine.transaction, store.engine.set_statuses
            def told(what):
                def call(*given):
                    print("step", flush=True)
                    sys.stdin.readline()
                    return what(*given)
                return call
            store.engine.transaction = told(transaction)
            store.engine.set_statuses = told(statuses)
    print("done", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=[SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
def engine(request: pytest.FixtureRequest) -> Harness:
    found: Harness = request.param
    return found


async def run(store: JobStore, day: int, number: int) -> RunReport:
    async with store.scrape_run("board", seen_at=START + timedelta(days=day)) as scraping:
        await scraping.upsert_many([posting(each) for each in range(number)])
        scraping.complete()
    assert scraping.report is not None
    return scraping.report


def killed(start: Start, url: str, day: int, *, after: int, half: str = "whole") -> bool:
    """Have a process do a run, and kill it after some steps; return whether it was not done."""
    at = (START + timedelta(days=day)).isoformat()
    with start(RUN, url, at, str(LEFT), half) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline().strip()
        for _ in range(after):
            if line != "step":
                break
            process.stdin.write("\n")
            process.stdin.flush()
            line = process.stdout.readline().strip()
        process.kill()
    assert line in ("half", "step", "done")
    return line != "done"


async def closed(store: JobStore) -> int:
    return await store.count(jobstore.SearchQuery(status="closed"))


async def test_a_run_that_is_killed_half_way_closes_nothing(
    engine: Harness, tmp_path: Path, start_python: Start
) -> None:
    url = engine.new_url(tmp_path)
    try:
        async with jobstore.connect(url) as store:
            await run(store, 0, NUMBER)
            assert killed(start_python, url, 3, after=0, half="half")
            assert (await run(store, 6, LEFT)).missed == NUMBER - LEFT
            assert await closed(store) == 0
        engine.check(url)
    finally:
        engine.forget(url)


@pytest.mark.parametrize("after", [0, 1, 2, 4, 6, 9])
async def test_a_run_that_is_killed_at_its_end_counts_once(
    engine: Harness, tmp_path: Path, start_python: Start, after: int
) -> None:
    url = engine.new_url(tmp_path)
    try:
        async with jobstore.connect(url) as store:
            await run(store, 0, NUMBER)
            # Missed for the first time: killed, then repeated.
            killed(start_python, url, 3, after=min(after, 1))
            assert await closed(store) == 0
            assert (await run(store, 3, LEFT)).closed == 0
            # And for the second time: what was closed before the kill stays so, the rest follows.
            if not killed(start_python, url, 6, after=after):
                assert await closed(store) == NUMBER - LEFT
            await run(store, 6, LEFT)
            assert await closed(store) == NUMBER - LEFT
            statistics = await store.statistics()
            assert statistics.by_status == {"open": LEFT, "closed": NUMBER - LEFT}
            assert "completing" not in {each.state for each in await store.runs()}
        engine.check(url)
    finally:
        engine.forget(url)
