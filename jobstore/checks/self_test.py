"""The self-test of a store: writing, reading, searching and counting, and how long that takes.

Health, the validation of a deployment and restore tests share it. It asks the engine, so that
observers hear nothing of it, and leaves no trace: what it writes is taken back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

from jobstore.derived.counters import MOST_SOURCES
from jobstore.engines.protocol import Asked, Engine, Found
from jobstore.errors import StoreCorrupt
from jobstore.intake.validation import check_posting
from jobstore.records import JobPosting, JobSummary, Outcome, SearchQuery, Statistics, job_id
from jobstore.search.criteria import Criteria, check_query
from jobstore.search.words import words
from jobstore.verdicts import Check, Verdict, at_most

SOURCE = "jobstore-self-test"
"""The source of every posting that is made up for a test."""

WORD = "zyxwvut"
"""A word that is in every such posting, and in no other."""

# Calls that a 95th percentile is taken of, of each operation.
CALLS = 30
# Steps of the test: one that was left out is no success.
_STEPS = 9
# Attempts to catch counters between two writes.
_TRIES = 3

_VERIFY = "run 'jobstore doctor --verify'"
_EVERYTHING = check_query(None)

Calls = Iterator[Callable[[], Awaitable[object]]]


class _TakenBack(Exception):
    """Ends a transaction that shall leave nothing."""


def made_up(key: str, **fields: Any) -> JobPosting:
    """Return a made-up posting, checked; the same ``key`` gives the same id."""
    usual = {"title": f"Validation {WORD} posting", "company": "jobstore"}
    given = {"source": SOURCE, "source_job_id": key} | usual | fields
    return check_posting(JobPosting(**given))


async def operate(engine: Engine, timeout: float) -> Check:
    """Do everything that can be done to a posting, and take it back within ``timeout`` seconds.

    Raises StoreCorrupt where an answer is wrong, or a trace is left.
    """
    started, key = time.perf_counter(), f"{uuid4()}"
    given, id = made_up(key, applicant_count=1), job_id(SOURCE, key)
    done: list[str] = []

    def did(step: str, right: bool) -> None:
        if not right:
            raise StoreCorrupt(
                f"What was written did not come back as it should: '{step}' was wrong, after "
                f"{len(done)} right steps; {_VERIFY}."
            )
        done.append(step)

    with suppress(_TakenBack):
        async with engine.transaction(timeout) as unit:
            did("insert", (await unit.upsert(given)).outcome is Outcome.INSERTED)
            (job,) = await unit.get_many([id])
            did("get", job is not None and job.title == given.title)
            did("upsert again", (await unit.upsert(given)).outcome is Outcome.UNCHANGED)
            changed = await unit.update(id, {"applicant_count": 7}, 1)
            did("update", (changed.version, changed.applicant_count) == (2, 7))
            merged = await unit.upsert(made_up(key, location="Köln"))
            did("merge", (merged.outcome, merged.version) == (Outcome.UPDATED, 3))
            (job,) = await unit.get_many([id])
            did("keep", job is not None and (job.applicant_count, job.location) == (7, "Köln"))
            did("delete", await unit.delete(id))
            did("be gone", await unit.get_many([id]) == [None])
            # Something to take back, so that there might be a trace.
            await unit.upsert(given)
            await unit.update(id, {"applicant_count": 8}, None)
            raise _TakenBack
    taken = _since(started)
    traces = (await _search(engine, _query(WORD), 1)).total
    traces += await engine.count(check_query(SearchQuery(source=SOURCE)))
    traces += len(await engine.revisions(id)) + (await engine.get_many([id]) != [None])
    traces += (await engine.statistics()).by_source.get(SOURCE, 0)
    did("leave no trace", not traces)
    if len(done) != _STEPS:
        raise StoreCorrupt(f"Only {len(done)} of {_STEPS} steps were made: {', '.join(done)}.")
    return Check(Verdict.PASS, taken, "ms", limit=f"{_STEPS} right steps")


async def answer(engine: Engine) -> Check:
    """Ask how many postings there are."""
    started = time.perf_counter()
    await engine.count(_EVERYTHING)
    return Check(Verdict.PASS, _since(started), "ms")


async def agree(engine: Engine) -> Check:
    """Compare the counters with each other, and with as many postings as a search counts."""
    for _ in range(_TRIES):
        before = await engine.statistics()
        found = await _search(engine, _EVERYTHING, 1)
        after = await engine.statistics()
        # Others may have written meanwhile.
        low, high = sorted((before.total, after.total))
        if _agrees(after) and found.total <= high and (found.total_capped or low <= found.total):
            return Check(Verdict.PASS, after.total, "postings")
    advice = f"{_VERIFY}, then --repair"
    return Check(Verdict.FAIL, after.total, "postings", "differs from what is stored", advice)


def _agrees(counted: Statistics) -> bool:
    # Every posting has a status and a source; only where there are many, some are left out.
    sources = counted.by_source
    others = counted.other_sources if len(sources) == MOST_SOURCES else 0
    stated = (sum(counted.by_status.values()), sum(sources.values()) + others)
    return others >= 0 and all(each == counted.total for each in stated)


async def gets(engine: Engine) -> Calls:
    """Return calls that each read one posting."""
    ids = [each.id for each in await _newest(engine)] or [uuid4()]
    return (partial(engine.get_many, [id]) for id in cycle(ids))


async def searches(engine: Engine) -> Calls:
    """Return calls that each search for the title of a posting."""
    texts = [title_phrases(each.title) for each in await _newest(engine)]
    queries = [_query(text) for text in texts if text] or [_query("data")]
    return (partial(_search, engine, query, 20) for query in cycle(queries))


async def statistics(engine: Engine) -> Calls:
    """Return calls that each ask for the statistics."""
    return cycle([engine.statistics])


READS = {"get": gets, "search": searches, "statistics": statistics}
"""What is timed of a store that is only read, by name."""


async def timed(
    calls: Callable[[], Awaitable[Calls]], limit: float, fail: float, *, turns: int = 1
) -> Check:
    """Measure the 95th percentile of some calls, in milliseconds.

    What is above ``limit`` is measured again, ``turns`` times in all: another program may have
    kept the machine busy. The last time counts.
    """
    turn, found = 0, math.inf
    while found > limit and turn < turns:
        turn, taken = turn + 1, list[float]()
        for call in islice(await calls(), CALLS):
            started = time.perf_counter()
            await call()
            taken.append(_since(started))
        found = p95(taken)
    check = at_most(found, "ms", limit, fail)
    again = f", measured {turn} times" if turn > 1 else ""
    return replace(check, unit=f"ms, p95 of {CALLS}{again}") if turns > 1 else check


def p95(taken: list[float]) -> float:
    """Return the 95th percentile, by nearest rank; 0 of nothing."""
    return sorted(taken)[math.ceil(0.95 * len(taken)) - 1] if taken else 0.0


def title_phrases(title: str) -> str:
    """Return a search for the first words of a title that can be typed; empty without any."""
    # The index has clusters of Thai and its like in a form of its own, which nobody can type.
    typed = [word for word in words(title) if words(word) == [word]]
    return " ".join(f'"{word}"' for word in typed[:2])


async def _newest(engine: Engine) -> list[JobSummary]:
    return (await _search(engine, _EVERYTHING, CALLS)).items


def _search(engine: Engine, criteria: Criteria, limit: int) -> Awaitable[Found]:
    return engine.search(criteria, Asked(limit, snippets=False))


def _query(text: str) -> Criteria:
    return check_query(SearchQuery(text=text))


def _since(started: float) -> float:
    """Milliseconds that have passed."""
    return round(1000 * (time.perf_counter() - started), 3)
