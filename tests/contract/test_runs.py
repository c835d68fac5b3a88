"""Runs of scrapers: what a run that came to its end did not see is closed in time, nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import jobstore
from jobstore import (
    InvalidPosting,
    JobStore,
    Status,
    job_id,
)
from jobstore.lifecycle import completing, history
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting
from tests.fixtures.runs import Numbers, closed, run


async def test_what_is_missed_often_and_long_enough_is_closed(
    store: JobStore, clock: Clock
) -> None:
    assert (await run(store, range(4))).inserted == 4
    clock.advance(days=1)
    first = await run(store, range(3))
    assert (first.open_before, first.missed, first.closed) == (4, 1, 0)
    assert await closed(store) == set()
    clock.advance(days=1)
    second = await run(store, range(3))
    assert (second.state, second.missed, second.closed, second.seen) == ("complete", 1, 1, 3)

    assert await closed(store) == {"3"}
    gone = await store.find("board", "3")
    assert gone is not None
    assert gone.closed_at == clock()
    newest, opened = await store.history(gone.id)
    assert (newest.kind, newest.reason, newest.run) == ("closed", "missed by its runs", second.run)
    assert (opened.run or "").startswith("20260301T120000-")
    assert [each.run for each in await store.runs()][:2] == [second.run, first.run]
    assert [each async for each in store.stream_run(second.run)] == [
        (gone.id, replace(newest, changes={}))
    ]
    assert [each async for each in store.stream_run(first.run)] == []
    clock.advance(days=1)
    third = await run(store, range(4))
    assert [entry.kind async for _, entry in store.stream_run(third.run)] == ["reopened"]
    assert (await store.runs())[1] == second


async def test_a_run_that_breaks_off_closes_nothing(strict: JobStore, clock: Clock) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    async with strict.scrape_run("board") as silent:
        await silent.upsert(posting(0))
    assert silent.report is not None
    assert silent.report.state == "broken"

    failing = strict.scrape_run("board")

    async def fail() -> None:
        async with failing:
            await failing.upsert(posting(0))
            failing.complete()
            raise ValueError("the page changed")

    with pytest.raises(ValueError, match="the page"):
        await fail()
    assert failing.report is not None
    assert "ValueError" in failing.report.verdict

    started = asyncio.Event()

    async def scrape() -> None:
        async with strict.scrape_run("board") as cancelled:
            await cancelled.upsert(posting(0))
            cancelled.complete()
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(scrape())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await closed(strict) == set()
    assert [each.state for each in await strict.runs()].count("broken") == 2
    # What they saw was seen all the same, and what they did not see was not missed.
    clock.advance(hours=1)
    assert (await run(strict, range(3))).closed == 1


async def test_what_is_seen_again_is_opened_and_its_count_starts_anew(
    store: JobStore, clock: Clock
) -> None:
    await run(store, range(4))
    for _ in range(2):
        clock.advance(days=1)
        await run(store, range(3))
    assert await closed(store) == {"3"}
    clock.advance(days=1)
    back = await run(store, range(4))
    assert (back.reopened, back.open_before, back.missed) == (1, 3, 0)
    assert await closed(store) == set()
    assert (await store.history(job_id("board", "3")))[0].kind == "reopened"

    clock.advance(days=3)
    assert (await run(store, range(3))).closed == 0
    clock.advance(days=1)
    assert (await run(store, range(3))).closed == 1


async def test_what_somebody_saw_between_two_runs_was_not_missed_in_a_row(
    store: JobStore, clock: Clock
) -> None:
    await run(store, range(4))
    clock.advance(days=1)
    await run(store, range(3))
    await store.upsert(posting(3))
    clock.advance(hours=1)
    await store.upsert(posting(3))
    clock.advance(days=3)
    assert (await run(store, range(3))).closed == 0
    clock.advance(days=1)
    assert (await run(store, range(3))).closed == 1


async def test_a_scope_is_what_a_field_says_or_what_its_runs_saw(
    strict: JobStore, clock: Clock
) -> None:
    here = [posting(f"a{n}", company="Acme & Co") for n in range(3)]
    there = [posting(f"b{n}", company="Beta") for n in range(3)]
    await strict.upsert_many([*here, *there])
    clock.advance(days=3)

    # Only what its runs saw belongs to a name.
    assert (await run(strict, ["x", "y"], scope="page 1")).open_before == 0
    clock.advance(days=1)
    named = await run(strict, ["x"], scope="page 1")
    assert (named.open_before, named.missed, named.closed) == (2, 1, 1)

    async with strict.scrape_run("board", scope="company=ACME %26 co") as scraping:
        await scraping.upsert(here[0])
        await scraping.upsert(here[1])
        scraping.complete()
    assert scraping.report is not None
    assert (scraping.report.open_before, scraping.report.missed) == (3, 1)
    assert await closed(strict) == {"y", "a2"}

    every = await run(strict, ["x", "a0", "a1", "b0", "b1"])
    assert (every.open_before, every.closed) == (6, 1)
    assert await closed(strict) == {"y", "a2", "b2"}
    assert [each.scope for each in await strict.runs("board", scope="page 1")] == ["page 1"] * 2


async def test_runs_of_one_source_leave_others_alone(strict: JobStore, clock: Clock) -> None:
    await strict.upsert_many([posting(n, source="Board") for n in range(3)])
    await run(strict, range(3))
    clock.advance(days=3)
    report = await run(strict, range(2))
    assert (report.open_before, report.closed) == (3, 1)
    assert await strict.count(jobstore.SearchQuery(status="closed")) == 1
    # Another key is another source's posting.
    await strict.join(job_id("board", "1"), "elsewhere", "1")
    clock.advance(days=3)
    assert (await run(strict, [0])).open_before == 1
    elsewhere = await strict.find("elsewhere", "1")
    assert elsewhere is not None
    assert elsewhere.status is Status.OPEN


async def test_postings_of_another_source_are_refused(strict: JobStore) -> None:
    async with strict.scrape_run("board") as scraping:
        with pytest.raises(InvalidPosting, match="source of the run"):
            await scraping.upsert(posting(1, source="other"))
        others = [posting(3, source="other"), posting(4, source="other", title="")]
        report = await scraping.upsert_many([posting(2), *others])
        assert [each.index for each in report.rejected] == [1, 2]
        with pytest.raises(InvalidPosting, match="source of the run"):
            await scraping.upsert(posting(5) | {"source": 7})
        scraping.complete()
    assert await strict.count() == 1
    assert scraping.report is not None
    # They are not among those that the run saw of its source.
    assert scraping.report.seen == 1


@pytest.mark.parametrize("how", ["one", "many", "told"])
async def test_a_run_with_rows_that_name_no_posting_closes_nothing(
    strict: JobStore, clock: Clock, how: str
) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    async with strict.scrape_run("board") as scraping:
        rows = [posting(n) for n in range(3)]
        if how == "many":
            await scraping.upsert_many([*rows, posting("N/A"), {}])
        else:
            await scraping.upsert_many(rows)
        if how == "one":
            for row in ({}, posting("x" * 300)):
                with pytest.raises(InvalidPosting):
                    await scraping.upsert(row)
        if how == "told":
            scraping.lost(2)
        scraping.complete()
    assert scraping.report is not None
    assert scraping.report.state == "broken"
    assert scraping.report.verdict.endswith("did not say which postings they are (2 of them).")
    assert await closed(strict) == set()


async def test_what_cannot_be_stored_was_seen_all_the_same(strict: JobStore, clock: Clock) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    async with strict.scrape_run("board") as scraping:
        # An id that is a number is read as it is where it is stored.
        nameless = posting(1, title="") | {"source_job_id": 1}
        report = await scraping.upsert_many([posting(0), nameless])
        assert len(report.rejected) == 1
        with pytest.raises(InvalidPosting):
            await scraping.upsert(posting(2, title=""))
        scraping.complete()
    assert scraping.report is not None
    assert (scraping.report.seen, scraping.report.missed) == (3, 1)
    assert await closed(strict) == {"3"}


async def test_what_is_no_posting_is_refused_by_a_run(strict: JobStore) -> None:
    async with strict.scrape_run("board") as scraping:
        for nothing in (None, 5, {}, posting("", source=7)):
            with pytest.raises(InvalidPosting):
                await scraping.upsert(nothing)


async def test_what_expires_is_closed_with_its_own_reason(strict: JobStore, clock: Clock) -> None:
    ends = (clock() + timedelta(days=1)).isoformat()
    rows = [posting(n, **({"expires_at": ends} if n < 2 else {})) for n in range(4)]
    async with strict.scrape_run("board", scope="page") as scraping:
        await scraping.upsert_many(rows)
        scraping.complete()
    clock.advance(days=2)
    async with strict.scrape_run("board", scope="page") as scraping:
        await scraping.upsert_many([*rows[1:], posting("new", expires_at=ends)])
        scraping.complete()
    assert scraping.report is not None
    assert (scraping.report.missed, scraping.report.closed, scraping.report.expired) == (1, 0, 3)
    assert await closed(strict) == {"0", "1", "new"}
    entry = (await strict.history(job_id("board", "1")))[0]
    assert (entry.kind, entry.reason) == ("closed", "expired")

    # A board that still lists it opens it again only with a time to come.
    clock.advance(days=1)
    await run(strict, [2, 3, 1])
    assert await closed(strict) == {"0", "1", "new"}
    later = (clock() + timedelta(days=9)).isoformat()
    await strict.upsert(posting(1, expires_at=later))
    assert await closed(strict) == {"0", "new"}


async def test_what_expires_is_closed_by_a_call(store: JobStore, clock: Clock) -> None:
    ends = clock() + timedelta(hours=1)
    rows = [posting(n, expires_at=ends.isoformat()) for n in range(3)]
    await store.upsert_many([*rows, posting("stays")])
    assert await store.close_expired() == 0
    clock.advance(hours=2)
    assert await store.close_expired() == 3
    assert await store.close_expired() == 0
    assert await closed(store) == {"0", "1", "2"}
    assert (await store.history(job_id("board", "1")))[0].reason == "expired"


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_told_to_be_gone_is_closed(store: JobStore, status: int) -> None:
    id = (await store.upsert(posting(1))).id
    assert await store.gone(id, http_status=status)
    assert not await store.gone(id, http_status=status)
    assert (await store.get(id)).status is Status.CLOSED
    assert (await store.history(id))[0].reason == f"HTTP {status}"


async def test_other_refusals_close_at_the_third(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting(1))).id
    for status in (403, 429, 500, 503, 200, 302) * 3:
        assert not await store.gone(id, http_status=status)
    assert not await store.gone(id, http_status=400)
    assert not await store.gone(id, http_status=401)
    clock.advance(hours=1)
    # It was seen, so they are counted anew.
    await store.upsert(posting(1))
    assert not await store.gone(id, http_status=400)
    assert not await store.gone(id, http_status=400)
    assert (await store.get(id)).status is Status.OPEN
    assert await store.gone(id, http_status=451)
    history = await store.history(id)
    assert sorted(each.kind for each in history) == ["closed", "opened", *["refused"] * 5]
    # Also those of the same moment are told newest first.
    numbers = [each.detail["number"] for each in history if each.kind == "refused"]
    assert numbers == [3, 2, 1, 2, 1]


async def test_files_of_old_days_are_replayed(store: JobStore, clock: Clock) -> None:
    days = [clock() - timedelta(days=400 - day) for day in range(5)]
    seen: list[Numbers] = [range(4), range(3), range(3), range(4), range(4)]
    reports = [
        await run(store, numbers, seen_at=day) for numbers, day in zip(seen, days, strict=True)
    ]
    assert [each.closed for each in reports] == [0, 0, 1, 0, 0]
    assert [each.reopened for each in reports] == [0, 0, 0, 1, 0]
    assert reports[2].ended_at == days[2]
    job = await store.find("board", "3")
    assert job is not None
    assert job.status is Status.OPEN
    # A file of an earlier day comes too late to count.
    late = await run(store, [0], seen_at=days[1] + timedelta(hours=1))
    assert (late.state, late.closed) == ("late", 0)


async def test_runs_are_forgotten_by_age_but_for_those_that_the_next_one_goes_by(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_AT_ONCE", 3)
    for _ in range(8):
        await run(store, range(10))
        await run(store, range(2), scope="page")
        clock.advance(days=1)
    async with store.scrape_run("board"):
        pass
    first = await run(store, range(9))
    assert (first.state, first.missed, first.closed) == ("complete", 1, 0)
    kept = [each.run for each in await store.runs(limit=6)]
    clock.advance(days=40)
    age = timedelta(days=30)
    # Of each scope the last five stay; one that broke off is nothing that the next one needs.
    assert await store.prune(age, dry_run=True) == jobstore.Pruned(runs=8)
    assert await store.prune(age) == jobstore.Pruned(runs=8)
    assert [len(await store.runs("board", scope=each)) for each in (None, "page")] == [10, 5]
    assert first.run in kept
    assert await store.prune(age) == jobstore.Pruned()

    late = await run(store, [0], seen_at=clock() - timedelta(days=60))
    assert late.state == "late"
    guarded = await run(store, range(6))
    assert guarded.verdict.startswith("It saw 6, below 70% of 10, the median of 5 runs.")
    clock.advance(days=1)
    # Nobody forgot that it was missed before.
    assert (await run(store, range(9))).closed == 1


async def test_what_counted_is_known_behind_many_runs_that_no_guard_believed(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "_RUNS", 3)
    await run(store, range(4))
    clock.advance(days=1)
    counted = await run(store, range(3))
    for _ in range(4):
        clock.advance(days=1)
        assert (await run(store, range(1))).state == "guarded"
    await store.prune(timedelta(hours=1))
    assert counted in await store.runs()
    # The second that missed it in a row, of those that count.
    assert (await run(store, range(3))).closed == 1


async def test_a_run_that_is_repeated_counts_once(store: JobStore, clock: Clock) -> None:
    start = clock() - timedelta(days=30)
    await run(store, range(4), seen_at=start)
    for _ in range(3):
        assert (await run(store, range(3), seen_at=start + timedelta(days=3))).closed == 0
    assert [each.state for each in await store.runs(limit=3)].count("repeated") == 2
    assert (await run(store, range(3), seen_at=start + timedelta(days=4))).closed == 1


async def test_of_two_runs_that_end_at_once_one_counts(store: JobStore, clock: Clock) -> None:
    await run(store, range(6))
    clock.advance(days=3)
    reports = await asyncio.gather(*(run(store, range(4)) for _ in range(4)))
    assert all(each.closed == 0 for each in reports)
    clock.advance(days=1)
    assert (await run(store, range(4))).closed == 2


async def test_all_is_the_whole_source_as_it_is_shown(strict: JobStore) -> None:
    await run(strict, range(2))
    report = await run(strict, [0], scope="all")
    assert (report.scope, report.open_before) == (None, 2)
    assert len(await strict.runs("board", scope="all")) == 2
    assert (await run(strict, [0], scope="name:all")).scope == "name:all"


async def test_what_others_saw_meanwhile_was_not_missed(strict: JobStore, clock: Clock) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    async with strict.scrape_run("board") as scraping:
        await scraping.upsert_many([posting(number) for number in range(3)])
        clock.advance(minutes=5)
        await strict.upsert(posting(3))
        clock.advance(minutes=5)
        scraping.complete()
    assert await closed(strict) == set()


@pytest.mark.parametrize("by", ["call", "run"])
async def test_what_gets_a_later_end_while_it_is_closed_stays_open(
    strict: JobStore, migrated_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    ends = clock() + timedelta(hours=1)
    rows = [posting(number, expires_at=ends.isoformat()) for number in range(3)]
    await strict.upsert_many(rows)
    clock.advance(hours=2)
    inner, read = strict.engine.set_statuses, asyncio.Event()

    async def told(*given: Any) -> Any:
        read.set()
        return await inner(*given)

    monkeypatch.setattr(strict.engine, "set_statuses", told)
    closing: asyncio.Task[Any]
    async with jobstore.connect(migrated_url, clock=clock) as other:
        async with other.transaction() as changing:
            later = clock() + timedelta(days=1)
            await changing.update(job_id("board", "0"), {"expires_at": later})
            await changing.update(job_id("board", "1"), {"expires_at": None})
            if by == "call":
                closing = asyncio.create_task(strict.close_expired())
                await read.wait()
        if by == "run":

            async def late(*given: Any) -> Any:
                await other.update(job_id("board", "2"), {"expires_at": later})
                return await inner(*given)

            monkeypatch.setattr(strict.engine, "set_statuses", late)
            assert (await run(strict, range(3))).expired == 0
            assert await closed(strict) == set()
            return
    assert await closing == 1
    assert await closed(strict) == {"2"}
