"""What guards believe, how a run ends, and what it refuses, on the engine in memory.

These rules are Python over the protocol of engines, so the contract suite need not repeat them.
"""

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
    SourceRules,
    StoreBusy,
    StoreClosed,
    job_id,
)
from jobstore.engines import freshness
from jobstore.lifecycle import closing, completing
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting
from tests.fixtures.runs import closed, run


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


async def test_gone_says_what_is_wrong(store: JobStore) -> None:
    id = (await store.upsert(posting(1))).id
    with pytest.raises(JobNotFound):
        await store.gone(job_id("board", "none"))
    for wrong in (99, 600, True, "404"):
        with pytest.raises(InvalidQuery, match="http_status"):
            await store.gone(id, http_status=wrong)


class Killed(BaseException):
    """Ends a run as a kill would."""


@pytest.mark.parametrize("step", range(9))
async def test_a_run_that_is_killed_while_it_ends_is_made_up_for(
    migrated_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(completing, "_ROWS", 2)
    monkeypatch.setattr(closing, "_CLOSED", 2)
    async with jobstore.connect(migrated_url, clock=clock) as store:
        await run(store, range(12), scope="page")
        clock.advance(days=3)
        await run(store, range(8), scope="page")
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
                await run(store, [*range(6), "new"], scope="page")
        await run(store, [*range(6), "new"], scope="page")
        assert await closed(store) == {"8", "9", "10", "11"}
        states = [each.state for each in await store.runs()]
        assert "completing" not in states
        # Both of these count as one.
        clock.advance(hours=1)
        await run(store, [*range(6), "new"], scope="page")
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


async def test_a_run_inside_of_a_transaction_is_refused(store: JobStore) -> None:
    async with store.transaction():
        with pytest.raises(StoreBusy):
            async with store.scrape_run("board") as scraping:
                await scraping.upsert(posting(1))


async def test_what_makes_no_sense_is_refused(store: JobStore, clock: Clock) -> None:
    with pytest.raises(InvalidPosting):
        store.scrape_run(" ")
    # A blank one, of a variable that is not set, is not the whole source.
    for scope in ("", " ", "\t", "x" * 1001, "a\nb", "company=A&B", 5):
        with pytest.raises(InvalidQuery, match="scope"):
            store.scrape_run("board", scope)
    with pytest.raises(InvalidQuery, match="workplace"):
        store.scrape_run("board", "workplace=moon")
    with pytest.raises(InvalidQuery, match="whole"):
        store.scrape_run("board", whole="yes")
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
    clock.advance(days=1)
    assert (await run(strict, range(7))).closed == 3


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
    monkeypatch.setattr(closing, "_CLOSED", 1)
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
