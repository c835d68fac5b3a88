"""Real days of company boards, replayed as runs: what appeared, vanished and changed is told.

A part of the companies is replayed, always the same, with all 43 postings that come back and the 11
companies that vanish; HYPOTHESIS_PROFILE=thorough takes all companies, on SQLite.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, JobStore, RunReport, SearchQuery, Status
from tests.engines.harness import Harness
from tests.fixtures.clock import Clock
from tests.fixtures.thorough import THOROUGH

Row = dict[str, Any]
Day = dict[str, dict[str, Row]]
"""The postings of a day by company and id."""

SOURCE = "boards"
START = datetime(2026, 1, 6, 6, tzinfo=UTC)
# One company of so many is taken, beside those that the tests are about.
_PART = 160
# Of the larger ones others are enough.
_LARGE = 60


@cache
def _all_days(folder: Path) -> tuple[Day, ...]:
    return tuple(_day(folder / f"ats_daily/all_jobs_2026-01-0{day}.json.gz") for day in (6, 7, 8))


def _day(path: Path) -> Day:
    found: Day = defaultdict(dict)
    with gzip.open(path) as packed:
        for row in json.load(packed):
            found[row["company_slug"]][str(row["id"])] = row
    return dict(found)


def returning(days: tuple[Day, ...]) -> set[tuple[str, str]]:
    """Return the postings that vanished on the second day and were there again on the third."""
    one, two, three = (
        {(company, id) for company, rows in day.items() for id in rows} for day in days
    )
    return (one - two) & three


@pytest.fixture
def days(real_data: Path, engine: Harness) -> tuple[Day, ...]:
    """Three days of whole companies."""
    if THOROUGH and engine.scheme == "sqlite":
        return _all_days(real_data)
    return _some_days(real_data)


@cache
def _some_days(folder: Path) -> tuple[Day, ...]:
    every = _all_days(folder)
    back = returning(every)
    wanted = every[0].keys() - every[1].keys()
    wanted |= {company for company, _ in back if len(every[0][company]) <= _LARGE}
    wanted |= {
        company
        for day in every
        for company, rows in day.items()
        if zlib.crc32(company.encode()) % _PART == 0 and len(rows) <= _LARGE
    }
    part = tuple({name: day[name] for name in sorted(wanted & day.keys())} for day in every)
    # Of the others with such a posting, these postings and some more.
    for company in {company for company, _ in back} - wanted:
        ids = {id for of, id in back if of == company}
        kept = sorted(each for each in every[0][company] if each not in ids)[: _LARGE // 2]
        for day, here in zip(every, part, strict=True):
            rows = day.get(company, {})
            here[company] = {id: rows[id] for id in (*kept, *ids) if id in rows}
    assert len(returning(part)) == 43
    return part


@pytest.fixture
def companies(days: tuple[Day, ...]) -> list[str]:
    return sorted({company for day in days for company in day})


@pytest.fixture
async def replayed(migrated_url: str, clock: Clock) -> Any:
    clock.now = START
    options = EngineOptions(synchronous="normal", busy_timeout=120, read_timeout=120)
    async with jobstore.connect(migrated_url, options=options, clock=clock) as store:
        yield store


def advertised(row: Row) -> Row:
    return {
        "source": SOURCE,
        "source_job_id": f"{row['company_slug']}/{row['id']}",
        "title": row["title"].strip() or "?",
        "company": row["company_slug"],
        # Whatever the board says: a row that differs is a posting that has changed.
        "attributes": {"row": row},
    }


async def replay(store: JobStore, day: Day, companies: list[str]) -> list[RunReport]:
    """Do one complete run for each company, some at a time."""
    turns = asyncio.Semaphore(8)

    async def one(company: str) -> RunReport:
        async with turns, store.scrape_run(SOURCE, scope=f"company={company}") as run:
            await run.upsert_many(advertised(row) for row in day.get(company, {}).values())
            run.complete()
        assert run.report is not None
        return run.report

    return await asyncio.gather(*map(one, companies))


async def is_closed(store: JobStore) -> set[tuple[str, str]]:
    found = set()
    async for job in store.stream(SearchQuery(status="closed")):
        company, _, id = job.source_job_id.partition("/")
        found.add((company, id))
    return found


def total(reports: list[RunReport], name: str) -> int:
    return sum(getattr(each, name) for each in reports)


def pairs(day: Day) -> dict[tuple[str, str], Row]:
    return {(company, id): row for company, rows in day.items() for id, row in rows.items()}


def changed(before: dict[Any, Row], after: dict[Any, Row]) -> int:
    return sum(before[key] != after[key] for key in before.keys() & after.keys())


async def test_three_days_are_told_as_the_files_tell_them(
    replayed: JobStore, clock: Clock, days: tuple[Day, ...], companies: list[str]
) -> None:
    one, two, three = map(pairs, days)
    first = await replay(replayed, days[0], companies)
    assert (total(first, "inserted"), total(first, "seen")) == (len(one), len(one))

    clock.advance(days=1)
    second = await replay(replayed, days[1], companies)
    assert total(second, "inserted") == len(two.keys() - one.keys())
    assert total(second, "missed") == len(one.keys() - two.keys())
    assert total(second, "updated") == changed(one, two)
    assert total(second, "closed") == 0

    clock.advance(days=1)
    third = await replay(replayed, days[2], companies)
    assert total(third, "inserted") == len(three.keys() - two.keys() - one.keys())
    assert total(third, "missed") == len((one.keys() | two.keys()) - three.keys())
    assert total(third, "updated") == changed({**one, **two}, three)
    assert total(third, "reopened") == 0

    closed = await is_closed(replayed)
    assert closed == set(missing(days))
    assert total(third, "closed") == len(closed)
    assert closed.isdisjoint(returning(days))
    whole = days[0].keys() - days[1].keys()
    assert {company for company, _ in closed}.isdisjoint(whole)
    assert {each.state for each in second if each.scope in {f"company={c}" for c in whole}} == {
        "guarded"
    }
    statistics = await replayed.statistics()
    everything = len(one.keys() | two.keys() | three.keys())
    assert statistics.total == everything
    assert statistics.by_status.get(Status.CLOSED, 0) == len(closed)


def missing(days: tuple[Day, ...]) -> Iterator[tuple[str, str]]:
    """Yield what two runs that saw at least half did not see."""
    for company, ids in days[0].items():
        second, third = (day.get(company, {}).keys() for day in days[1:])
        known = ids.keys() | second
        if 2 * len(ids.keys() & second) >= len(ids) and 2 * len(known & third) >= len(known):
            yield from ((company, id) for id in ids.keys() - second - third)


async def test_runs_that_were_killed_half_way_close_nothing(
    replayed: JobStore, clock: Clock, days: tuple[Day, ...], companies: list[str]
) -> None:
    await replay(replayed, days[0], companies)
    clock.advance(days=1)
    started: list[asyncio.Event] = []

    async def half(company: str, at: asyncio.Event) -> None:
        rows = [*days[1].get(company, {}).values()]
        async with replayed.scrape_run(SOURCE, scope=f"company={company}") as run:
            await run.upsert_many(map(advertised, rows[: len(rows) // 2]))
            at.set()
            await asyncio.Event().wait()
            run.complete()

    for company in companies:
        started.append(asyncio.Event())
        task = asyncio.create_task(half(company, started[-1]))
        await started[-1].wait()
        task.cancel()
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
    clock.advance(days=1)
    third = await replay(replayed, days[2], companies)
    assert total(third, "missed") > 0
    assert await is_closed(replayed) == set()


async def test_runs_an_hour_apart_close_nothing(
    replayed: JobStore, clock: Clock, days: tuple[Day, ...], companies: list[str]
) -> None:
    for day in days:
        await replay(replayed, day, companies)
        clock.advance(hours=1)
    assert await is_closed(replayed) == set()


async def test_weeks_with_flags_of_their_own_stay_exact(
    real_data: Path, migrated_url: str, clock: Clock
) -> None:
    rows = json.loads((real_data / "simplify/newgrad_listings.json").read_text("utf-8"))
    rows = [row for row in rows if row["is_visible"]]
    newest = max(row["date_updated"] for row in rows)
    weeks = [newest - 7 * 86_400 * back for back in range(5, -1, -1)]
    options = EngineOptions(synchronous="normal", busy_timeout=120, read_timeout=120)
    async with jobstore.connect(migrated_url, options=options) as store:
        for week in weeks:
            seen_at = datetime.fromtimestamp(week, UTC)
            there = {row["id"]: flag(row, week) for row in rows if row["date_posted"] <= week}
            async with store.scrape_run("simplify", whole=True, seen_at=seen_at) as run:
                await run.upsert_many(
                    {
                        "source": "simplify",
                        "source_job_id": row["id"],
                        "title": row["title"],
                        "company": row["company_name"],
                        "status": there[row["id"]],
                    }
                    for row in rows
                    if row["id"] in there
                )
                run.complete()
            assert run.report is not None
            assert (run.report.missed, run.report.closed) == (0, 0)
            found = {job.source_job_id: job.status.value async for job in store.stream()}
            assert found == there
        assert {"open", "closed"} <= set(there.values())


def flag(row: Row, at: int) -> str:
    """Return what the list says of a posting at a time; it tells when it last changed that."""
    return "open" if row["active"] or row["date_updated"] > at else "closed"
