"""Runs of scrapers: what a run that came to its end did not see is closed in time, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

import jobstore
from jobstore import (
    InvalidPosting,
    InvalidQuery,
    JobNotFound,
    JobStore,
    OutcomeUnknown,
    RunReport,
    SourceRules,
    Status,
    StoreBusy,
    StoreClosed,
    job_id,
)
from jobstore.engines import freshness
from jobstore.lifecycle import completing, history
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

Numbers = Iterable[int | str]


async def run(store: JobStore, numbers: Numbers, **scope: Any) -> RunReport:
    """Do a complete run that sees these postings."""
    async with store.scrape_run("board", **scope) as scraping:
        await scraping.upsert_many([posting(number) for number in numbers])
        scraping.complete()
    assert scraping.report is not None
    return scraping.report


async def closed(store: JobStore) -> set[str]:
    return {job.source_job_id async for job in store.stream() if job.status is Status.CLOSED}


@pytest.fixture
async def strict(migrated_url: str, clock: Clock) -> AsyncIterator[JobStore]:
    """A store whose source is closed after one miss, at once."""
    rules = {"board": SourceRules(close_after_misses=1, close_after=timedelta(0))}
    async with jobstore.connect(migrated_url, clock=clock, sources=rules, actor="anna") as opened:
        yield opened


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
    assert (await store.runs())[0] == second


async def test_two_runs_an_hour_apart_close_nothing(store: JobStore, clock: Clock) -> None:
    await run(store, range(4))
    for _ in range(5):
        clock.advance(hours=1)
        assert (await run(store, range(3))).closed == 0
    clock.advance(hours=43)
    assert (await run(store, range(3))).closed == 1


@pytest.mark.parametrize("misses", [1, 4])
async def test_how_often_is_said_for_each_source(
    migrated_url: str, clock: Clock, misses: int
) -> None:
    rules = {"board": SourceRules(close_after_misses=misses), "other": SourceRules()}
    async with jobstore.connect(migrated_url, clock=clock, sources=rules) as store:
        await run(store, range(4))
        for number in range(1, misses + 1):
            clock.advance(days=3)
            assert (await run(store, range(3))).closed == (number == misses)


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


async def test_a_run_that_saw_too_little_closes_nothing_and_says_so(
    strict: JobStore, clock: Clock
) -> None:
    await run(strict, range(10))
    clock.advance(days=3)
    guarded = await run(strict, range(4))
    assert (guarded.state, guarded.missed, guarded.closed) == ("guarded", 6, 0)
    said = "If there are no more now, set min_completeness of the source to 0.4."
    assert guarded.verdict == f"It saw 4 of 10 open postings, below 50%. {said}"
    assert await closed(strict) == set()
    assert (await run(strict, ())).verdict.endswith("say so with whole=True, or --whole.")
    assert (await run(strict, range(5))).closed == 5


@pytest.mark.parametrize("seen", [7, 29])
async def test_a_run_is_believed_at_the_share_that_was_told(
    migrated_url: str, clock: Clock, seen: int
) -> None:
    advice = None
    for least in (0.5, 0.0):
        rules = SourceRules(min_completeness=advice or 0.5)
        async with jobstore.connect(migrated_url, clock=clock, sources={"board": rules}) as store:
            if advice is None:
                await run(store, range(100))
            clock.advance(days=1)
            report = await run(store, range(seen))
            assert report.state == ("guarded" if least else "complete")
            if least:
                advice = float(report.verdict.split()[-1].rstrip("."))
                assert advice == seen / 100


async def test_a_run_far_below_those_before_closes_nothing(strict: JobStore, clock: Clock) -> None:
    for _ in range(3):
        await run(strict, range(10))
        clock.advance(days=1)
    guarded = await run(strict, range(6))
    assert guarded.state == "guarded"
    assert guarded.verdict.startswith("It saw 6, below 70% of 10, the median of 3 runs. ")
    clock.advance(days=1)
    assert (await run(strict, range(7))).closed == 3


async def test_a_source_that_shrank_is_believed_at_the_fourth_run(
    strict: JobStore, clock: Clock
) -> None:
    for _ in range(6):
        await run(strict, range(10))
        clock.advance(days=1)
    reports = []
    for _ in range(4):
        reports.append(await run(strict, range(6)))
        clock.advance(days=1)
    assert [each.state for each in reports] == ["guarded"] * 3 + ["complete"]
    assert "the fourth run in a row" in reports[0].verdict
    assert reports[-1].closed == 4


async def test_a_whole_catalogue_is_empty_after_six_empty_runs(
    store: JobStore, clock: Clock
) -> None:
    await run(store, range(3), whole=True)
    for number in range(1, 6):
        clock.advance(days=1)
        empty = await run(store, (), whole=True)
        assert (empty.state, empty.closed) == ("guarded", 0)
        assert empty.verdict.startswith(f"It was empty, {number} of 6 times in a row;")
    clock.advance(days=1)
    believed = await run(store, (), whole=True)
    assert (believed.state, believed.closed) == ("complete", 3)
    assert await closed(store) == {"0", "1", "2"}


async def test_a_scope_that_is_not_whole_never_closes_for_being_empty(
    store: JobStore, clock: Clock
) -> None:
    await run(store, range(3))
    for _ in range(8):
        clock.advance(days=1)
        assert (await run(store, ())).state == "guarded"
    assert await closed(store) == set()


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
        for nothing in (None, 5, {}, posting("", source=7)):
            with pytest.raises(InvalidPosting):
                await scraping.upsert(nothing)
        report = await scraping.upsert_many([posting(2), posting(3, source="other")])
        assert [each.index for each in report.rejected] == [1]
        scraping.complete()
    assert await strict.count() == 1


async def test_what_cannot_be_stored_was_seen_all_the_same(strict: JobStore, clock: Clock) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    async with strict.scrape_run("board") as scraping:
        report = await scraping.upsert_many([posting(0), posting(1, title="")])
        assert len(report.rejected) == 1
        with pytest.raises(InvalidPosting):
            await scraping.upsert(posting(2, title=""))
        scraping.complete()
    assert scraping.report is not None
    assert (scraping.report.seen, scraping.report.missed) == (3, 1)
    assert await closed(strict) == {"3"}


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
    kinds = [each.kind for each in await store.history(id)]
    assert sorted(kinds) == ["closed", "opened", *["refused"] * 5]


async def test_gone_says_what_is_wrong(store: JobStore) -> None:
    id = (await store.upsert(posting(1))).id
    with pytest.raises(JobNotFound):
        await store.gone(job_id("board", "none"))
    for wrong in (99, 600, True, "404"):
        with pytest.raises(InvalidQuery, match="http_status"):
            await store.gone(id, http_status=wrong)


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


async def test_a_run_that_is_repeated_counts_once(store: JobStore, clock: Clock) -> None:
    start = clock() - timedelta(days=30)
    await run(store, range(4), seen_at=start)
    for _ in range(3):
        assert (await run(store, range(3), seen_at=start + timedelta(days=3))).closed == 0
    assert [each.state for each in await store.runs(limit=3)].count("repeated") == 2
    assert (await run(store, range(3), seen_at=start + timedelta(days=4))).closed == 1


class Killed(BaseException):
    """Ends a run as a kill would."""


@pytest.mark.parametrize("step", range(9))
async def test_a_run_that_is_killed_while_it_ends_is_made_up_for(
    migrated_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(completing, "_ROWS", 2)
    monkeypatch.setattr(completing, "_CLOSED", 2)
    async with jobstore.connect(migrated_url, clock=clock) as store:
        await run(store, range(12))
        clock.advance(days=3)
        await run(store, range(8))
        clock.advance(days=3)
        left = step
        inner, statuses = store.engine.transaction, store.engine.set_statuses

        def counted(what: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any) -> Any:
                nonlocal left
                if left == 0:
                    raise Killed
                left -= 1
                return what(*given)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(store.engine, "transaction", counted(inner))
            patch.setattr(store.engine, "set_statuses", counted(statuses))
            # Of 8 it sees 6: two are missed for the first time.
            with suppress(Killed):
                await run(store, [*range(6), "new"])
        await run(store, [*range(6), "new"])
        assert await closed(store) == {"8", "9", "10", "11"}
        states = [each.state for each in await store.runs()]
        assert "completing" not in states
        # Both of these count as one.
        clock.advance(hours=1)
        await run(store, [*range(6), "new"])
        assert await closed(store) == {"6", "7", "8", "9", "10", "11"}


async def test_a_run_that_cannot_tell_what_is_stored_asks_again(
    strict: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    inner, unsure = strict.engine.transaction, [True, False] * 9

    @asynccontextmanager
    async def transaction(timeout: float) -> AsyncIterator[Any]:
        async with inner(timeout) as unit:
            yield unit
        if unsure and unsure.pop(0):
            raise OutcomeUnknown

    monkeypatch.setattr(strict.engine, "transaction", transaction)
    report = await run(strict, range(3))
    assert len(unsure) < 12
    assert (report.state, report.missed, report.closed) == ("complete", 1, 1)
    assert (await strict.runs())[0] == report

    unsure[:] = [True] * 9
    with pytest.raises(OutcomeUnknown):
        await run(strict, range(3))


async def test_of_two_runs_that_end_at_once_one_counts(store: JobStore, clock: Clock) -> None:
    await run(store, range(6))
    clock.advance(days=3)
    reports = await asyncio.gather(*(run(store, range(4)) for _ in range(4)))
    assert all(each.closed == 0 for each in reports)
    clock.advance(days=1)
    assert (await run(store, range(4))).closed == 2


async def test_a_run_inside_of_a_transaction_is_refused(store: JobStore) -> None:
    async with store.transaction():
        with pytest.raises(StoreBusy):
            async with store.scrape_run("board") as scraping:
                await scraping.upsert(posting(1))


async def test_what_makes_no_sense_is_refused(store: JobStore, clock: Clock) -> None:
    with pytest.raises(InvalidPosting):
        store.scrape_run(" ")
    for scope in ("", " " * 1001, "a\nb", "workplace=moon", "company=A&B", 5):
        with pytest.raises(InvalidQuery):
            store.scrape_run("board", scope)
    with pytest.raises(InvalidQuery, match="seen_at"):
        store.scrape_run("board", seen_at=clock() + timedelta(days=9))
    for limit in (0, 1001, True):
        with pytest.raises(InvalidQuery, match="limit"):
            await store.runs(limit=limit)
    with pytest.raises(InvalidQuery, match="scope"):
        await store.runs(scope="page")
    with pytest.raises(ValueError, match="close_after_misses"):
        SourceRules(close_after_misses=0)
    with pytest.raises(ValueError, match="close_after"):
        SourceRules(close_after=timedelta(days=-1))
    with pytest.raises(ValueError, match="min_completeness"):
        SourceRules(min_completeness=1.5)


async def test_runs_that_failed_say_nothing_of_how_many_there_are_usually(
    strict: JobStore, clock: Clock
) -> None:
    for seen in [range(10)] * 3 + [()] * 3:
        await run(strict, seen)
        clock.advance(days=1)
    partial = await run(strict, range(6))
    assert (partial.state, partial.closed) == ("guarded", 0)
    assert partial.verdict.startswith("It saw 6, below 70% of 10, the median of 3 runs. ")


async def test_all_is_the_whole_source_as_it_is_shown(strict: JobStore) -> None:
    await run(strict, range(2))
    report = await run(strict, [0], scope="all")
    assert (report.scope, report.open_before) == (None, 2)
    assert len(await strict.runs("board", scope="all")) == 2
    assert (await run(strict, [0], scope="name:all")).scope == "name:all"


@pytest.mark.parametrize("scope", ["", " ", "\t"])
async def test_a_scope_that_is_blank_is_not_the_whole_source(store: JobStore, scope: str) -> None:
    with pytest.raises(InvalidQuery, match="scope"):
        await run(store, range(1), scope=scope)


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


async def test_a_run_whose_postings_broke_off_closes_nothing_though_that_was_forgiven(
    strict: JobStore, clock: Clock
) -> None:
    await run(strict, range(4))
    clock.advance(days=3)

    def pages() -> Iterable[dict[str, Any]]:
        yield from (posting(number) for number in range(3))
        raise ConnectionError

    async with strict.scrape_run("board") as scraping:
        with suppress(ConnectionError):
            await scraping.upsert_many(pages())
        scraping.complete()
    assert scraping.report is not None
    assert (scraping.report.state, await closed(strict)) == ("broken", set())


@pytest.mark.parametrize("given", [True, False], ids=["seen_at", "clock"])
async def test_a_run_of_now_puts_aside_what_lies_in_the_future(
    store: JobStore, migrated_url: str, clock: Clock, given: bool
) -> None:
    await run(store, range(10))
    clock.advance(days=3)
    if given:
        await run(store, range(9), seen_at=clock() + timedelta(hours=20))
    else:
        ahead = Clock(clock() + timedelta(days=400))
        async with jobstore.connect(migrated_url, clock=ahead) as other:
            await run(other, range(9))
    clock.advance(hours=1)
    second = await run(store, range(8))
    assert (second.state, second.missed) == ("complete", 2)
    put_aside = (await store.runs())[0]
    assert put_aside.state == "late"
    assert "had not come" in put_aside.verdict
    clock.advance(hours=1)
    assert (await run(store, range(8))).state == "complete"
    assert await closed(store) == {"9"}
    # What it saw stays open until that time has come, and as long as its rules say after it.
    for _ in range(2):
        clock.advance(days=1)
        assert (await run(store, range(8))).closed == 0
    clock.advance(days=3 if given else 401)
    await run(store, range(8))
    clock.advance(hours=1)
    await run(store, range(8))
    assert await closed(store) == {"8", "9"}


async def test_of_two_runs_that_overlap_the_earlier_one_still_counts_nothing(
    strict: JobStore, clock: Clock
) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    late = strict.scrape_run("board", seen_at=clock())
    async with late:
        await late.upsert_many([posting(0), posting(1)])
        clock.advance(minutes=5)
        assert (await run(strict, range(3))).state == "complete"
        late.complete()
    assert late.report is not None
    assert late.report.state == "late"


async def test_a_scope_with_a_field_that_is_not_known_says_which_is_meant(
    strict: JobStore, clock: Clock
) -> None:
    with pytest.raises(InvalidQuery, match="no field 'compny': did you mean company"):
        strict.scrape_run("board", "compny=acme")
    with pytest.raises(InvalidQuery, match="'Sons' is no field=value; write %26"):
        strict.scrape_run("board", "company=Acme&Sons")
    name = "name:https://acme.example/?page=1"
    with pytest.raises(InvalidQuery, match="begins with name:"):
        strict.scrape_run("board", name.removeprefix("name:"))
    await strict.upsert(posting(9))
    await run(strict, range(2), scope=name)
    clock.advance(days=3)
    report = await run(strict, range(1), scope=name)
    assert (report.scope, report.open_before, report.closed) == (name, 2, 1)


async def test_a_run_takes_postings_in_its_block_alone(strict: JobStore, clock: Clock) -> None:
    scraping = strict.scrape_run("board")

    async def refused(match: str) -> None:
        with pytest.raises(StoreClosed, match=match):
            await scraping.upsert(posting(7))
        with pytest.raises(StoreClosed, match=match):
            await scraping.upsert_many([posting(7)])
        with pytest.raises(StoreClosed, match=match):
            scraping.complete()

    await refused("in its block")
    async with scraping:
        scraping.complete()
        await asyncio.gather(*(scraping.upsert(posting(number % 50)) for number in range(100)))
        scraping.complete()
    assert scraping.report is not None
    assert (scraping.report.state, scraping.report.seen) == ("complete", 50)
    assert (scraping.report.inserted, scraping.report.unchanged) == (50, 50)
    await refused("is over")
    with pytest.raises(StoreClosed, match="is over"):
        async with scraping:
            pass
    assert await strict.count() == 50


async def test_a_run_that_ends_before_all_is_stored_closes_nothing(
    strict: JobStore, clock: Clock
) -> None:
    await run(strict, range(4))
    clock.advance(days=3)
    more = asyncio.Event()

    async def pages() -> AsyncIterator[dict[str, Any]]:
        yield posting(0)
        await more.wait()
        yield posting(1)

    async with strict.scrape_run("board") as scraping:
        rest = asyncio.create_task(scraping.upsert_many(pages()))
        await asyncio.sleep(0)
        scraping.complete()
    assert scraping.report is not None
    assert scraping.report.state == "broken"
    assert "still to be stored" in scraping.report.verdict
    more.set()
    await asyncio.gather(rest, return_exceptions=True)
    assert await closed(strict) == set()


async def test_a_run_that_is_cancelled_while_it_ends_is_made_up_for(
    strict: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(strict, range(9))
    clock.advance(days=3)
    monkeypatch.setattr(completing, "_CLOSED", 1)
    inner, begun = strict.engine.set_statuses, asyncio.Event()

    async def slow(*given: Any) -> Any:
        done = await inner(*given)
        begun.set()
        await asyncio.sleep(0)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(strict.engine, "set_statuses", slow)
        task = asyncio.create_task(run(strict, range(5)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert 0 < len(await closed(strict)) < 4
    assert (await strict.runs())[0].state == "completing"
    clock.advance(hours=1)
    assert (await run(strict, range(5))).state == "complete"
    assert await closed(strict) == {"5", "6", "7", "8"}
    assert [each.state for each in await strict.runs(limit=2)] == ["complete", "broken"]


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


async def test_what_is_closed_is_looked_for_where_nothing_is_behind(
    strict: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(strict, range(3))
    inner, wanted = strict.engine.scan_columns, []

    async def read(*given: Any, **named: Any) -> Any:
        wanted.append(freshness.wanted(str(strict.engine.url)))
        return await inner(*given, **named)

    monkeypatch.setattr(strict.engine, "scan_columns", read)
    await strict.close_expired()
    await run(strict, range(3))
    assert len(wanted) == 2
    assert None not in wanted
