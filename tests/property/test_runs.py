"""Runs of scrapers beside a plain model: whatever the order of runs, the same is closed."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import EngineOptions, JobStore, SourceRules, job_id
from tests.engines.harness import ENGINES, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting
from tests.property.strategies import START

RULES = {
    "careful": SourceRules(),
    "quick": SourceRules(
        close_after_misses=1, close_after=timedelta(hours=2), min_completeness=0.25
    ),
}
SCOPES = (None, "company=Acme", "page")
NUMBERS = range(8)
ENDS = START + timedelta(days=9)


def advertised(source: str, number: int) -> dict[str, Any]:
    """Return what a board says: every second posting is Acme's, and the last one ends."""
    company = "Acme" if number % 2 else "Beta"
    ends = {"expires_at": ENDS} if number == NUMBERS[-1] else {}
    return posting(number, source=source, company=company, **ends)


@dataclass
class Known:
    """A posting in the model."""

    seen_at: datetime
    is_open: bool = True
    reason: str | None = None


@dataclass
class Scope:
    """What its runs have left: how often in a row each member was missed."""

    misses: dict[int, int] = field(default_factory=dict)
    counted_at: datetime | None = None
    runs: list[tuple[int, bool, bool]] = field(default_factory=list)


class Model:
    """What runs do, in plain Python."""

    def __init__(self) -> None:
        self.postings: dict[tuple[str, int], Known] = {}
        self.scopes: dict[tuple[str, str | None], Scope] = {}

    def see(self, source: str, number: int, now: datetime) -> bool:
        """See a posting; return whether it was not open before."""
        known = self.postings.get((source, number))
        if known is None:
            self.postings[source, number] = Known(now)
            return True
        known.seen_at = now
        is_over = number == NUMBERS[-1] and now >= ENDS
        if known.is_open or is_over:
            return False
        known.is_open = True
        return True

    def complete(
        self, source: str, scope: str | None, seen: set[int], fresh: set[int], whole: bool, at: Any
    ) -> tuple[str, int, int, int, int]:
        rules, standing = RULES[source], self.scopes.setdefault((source, scope), Scope())
        misses = standing.misses
        within = {
            number: known
            for (of, number), known in self.postings.items()
            if of == source and (number in misses or number in seen or belongs(number, scope))
        }
        open_now = {number for number, known in within.items() if known.is_open}
        before = {
            number for number in open_now - fresh if number in misses or belongs(number, scope)
        }
        missed = before - seen
        state = self.judged(standing, rules, seen, before, missed, whole)
        enough = len(before - missed) >= rules.min_completeness * len(before)
        standing.runs.insert(0, (len(seen), whole, enough))
        for number in seen:
            misses[number] = 0
        for number in set(misses) - open_now - seen:
            del misses[number]
        closed: set[int] = set()
        expired: set[int] = set()
        if state == "complete":
            for number in missed:
                known = within[number]
                between = standing.counted_at is None or known.seen_at > standing.counted_at
                earlier = 0 if between else misses.get(number, 0)
                misses[number] = earlier + 1
                often = misses[number] >= rules.close_after_misses or (whole and not seen)
                if often and at - known.seen_at >= rules.close_after:
                    closed.add(number)
            expired = {number for number in open_now if number == NUMBERS[-1] and at >= ENDS}
            standing.counted_at = at
            for number in closed | expired:
                within[number].is_open = False
                within[number].reason = "expired" if number in expired else "missed by its runs"
                misses.pop(number, None)
        return state, len(before), len(missed), len(closed - expired), len(expired)

    def judged(
        self,
        standing: Scope,
        rules: SourceRules,
        seen: set[int],
        before: set[int],
        missed: set[int],
        whole: bool,
    ) -> str:
        if whole and not seen and before:
            empty = 1
            for number, was_whole, _ in standing.runs:
                if number or not was_whole:
                    break
                empty += 1
            return "complete" if empty >= 6 else "guarded"
        if len(before - missed) < rules.min_completeness * len(before):
            return "guarded"
        last = [number for number, _, enough in standing.runs if enough][:5]
        shrunk = len(last) >= 3 and len(seen) < 0.7 * median(last)
        return "guarded" if shrunk else "complete"


def belongs(number: int, scope: str | None) -> bool:
    return scope is None or (scope == "company=Acme" and number % 2 == 1)


numbers = st.sets(st.sampled_from(NUMBERS))
# Most runs see most, and lack the same, or guards would believe few and little would be closed.
lacking = st.sets(st.sampled_from(NUMBERS[:3]), max_size=2).map(lambda few: {*NUMBERS} - few)
seen = st.one_of(*[lacking] * 6, numbers, st.just(set()))
ways = st.sampled_from(("complete",) * 8 + ("silent", "raises"))
sources = st.sampled_from(("careful", "careful", "quick"))
runs = st.tuples(
    st.just("run"), sources, st.sampled_from((None, *SCOPES)), seen, st.booleans(), ways
)
others = st.tuples(
    st.sampled_from(("see", "see", "gone", "open", "close", "delete")),
    sources,
    st.sampled_from(NUMBERS[:4]),
)
hours = st.sampled_from((1, 12, 24, 24, 24, 49))
steps = st.lists(st.tuples(hours, st.one_of(*[runs] * 4, others)), min_size=4, max_size=24)


async def did_run(store: JobStore, model: Model, clock: Clock, *what: Any) -> None:
    source, scope, numbers, whole, way = what
    fresh = {number for number in sorted(numbers) if model.see(source, number, clock())}
    scraping = store.scrape_run(source, scope, whole=whole)
    try:
        async with scraping:
            await scraping.upsert_many([advertised(source, number) for number in sorted(numbers)])
            if way != "silent":
                scraping.complete()
            if way == "raises":
                raise KeyError
    except KeyError:
        pass
    report = scraping.report
    assert report is not None
    assert report.seen == len(numbers)
    if way == "complete":
        expected = model.complete(source, scope, numbers, fresh, whole, clock())
        found = (report.state, report.open_before, report.missed, report.closed, report.expired)
        assert found == expected, report
    else:
        assert report.state == "broken"


async def did(store: JobStore, model: Model, clock: Clock, what: str, *given: Any) -> None:
    if what == "run":
        return await did_run(store, model, clock, *given)
    source, number = given
    id = job_id(source, str(number))
    if what == "see":
        model.see(source, number, clock())
        await store.upsert(advertised(source, number))
    if (known := model.postings.get((source, number))) is None:
        return None
    if what == "gone":
        assert await store.gone(id) == known.is_open
        if known.is_open:
            known.is_open, known.reason = False, "HTTP 410"
    elif what in ("open", "close"):
        await store.update(id, {"status": "open" if what == "open" else "closed"})
        if known.is_open != (what == "open"):
            known.is_open, known.reason = what == "open", None
    elif what == "delete":
        assert await store.delete(id)
        del model.postings[source, number]
        for (of, _), scope in model.scopes.items():
            if of == source:
                scope.misses.pop(number, None)
    return None


async def check(store: JobStore, model: Model) -> None:
    found = {(job.source, int(job.source_job_id)): job async for job in store.stream()}
    assert found.keys() == model.postings.keys()
    for key, known in model.postings.items():
        job = found[key]
        assert (job.status == "open") == known.is_open, key
        assert job.last_seen_at == known.seen_at
        if not known.is_open:
            assert (await store.history(job.id))[0].reason == known.reason
    counted = Counter(job.status.value for job in found.values())
    statistics = await store.statistics()
    assert statistics.by_status == counted
    assert statistics.total == len(found)
    for (source, scope), standing in model.scopes.items():
        numbers = {job_id(source, str(number)).bytes: number for number in NUMBERS}
        rows = await store.engine.rows("members_of_scope", source, scope or "", bytes(16), 100)
        assert {numbers[row[0]]: row[1] is not None for row in rows} == {
            number: misses > 0
            for number, misses in standing.misses.items()
            # What belongs to a scope by its source is not written down.
            if misses or scope is not None
        }


async def do(engine: Harness, steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, clock, model = engine.new_url(Path(folder)), Clock(START), Model()
        options = EngineOptions(synchronous="normal")
        try:
            async with jobstore.connect(url, options=options, clock=clock, sources=RULES) as store:
                for ahead, (what, *given) in steps:
                    clock.advance(hours=ahead)
                    await did(store, model, clock, what, *given)
                    await check(store, model)
            engine.check(url)
        finally:
            engine.forget(url)


QUICK = [each for each in ENGINES if each.scheme == "memory"]
OTHERS = [each for each in ENGINES if each.scheme != "memory"]


@pytest.mark.parametrize("engine", QUICK, ids=lambda engine: engine.scheme)
@settings(max_examples=max(1, settings.default.max_examples * 2))
@given(steps)
async def test_what_runs_close_agrees_with_a_plain_model(
    engine: Harness, steps: list[tuple[int, tuple[Any, ...]]]
) -> None:
    await do(engine, steps)


@pytest.mark.parametrize("engine", OTHERS, ids=lambda engine: engine.scheme)
@settings(max_examples=max(1, settings.default.max_examples // 10))
@given(steps)
async def test_and_so_it_does_where_it_is_kept_in_tables(
    engine: Harness, steps: list[tuple[int, tuple[Any, ...]]]
) -> None:
    await do(engine, steps)
