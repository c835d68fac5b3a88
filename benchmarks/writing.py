"""Measures operations that write, on a copy of a database, durably (synchronous=FULL).

Rounds of the gateway and of bare sqlite3 are interleaved on the same copy, each with postings
of its own that are like the others'.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from statistics import median
from typing import Any, cast

import jobstore
from benchmarks import bare, generator
from benchmarks.databases import Database
from benchmarks.measuring import CALLERS, Timings, at_once, percentile, quiet, ticker
from jobstore.engines.sqlite.writing import changes
from jobstore.intake.validation import check_posting
from jobstore.records import JobPosting
from jobstore.store import JobStore

ROUNDS = 5
PER_ROUND = 1024
ALONE = 100
BATCH = 512
STALL_SECONDS = 3.0


@dataclass(slots=True)
class Writes:
    """What was measured, by name, and rates in postings per second by round."""

    alone: dict[str, Timings] = field(default_factory=dict)
    together: dict[str, Timings] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)
    stall: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, count: int, seconds: float) -> None:
        """Note the rate of one round."""
        self.rates.setdefault(name, []).append(count / seconds)

    def rate(self, name: str) -> float:
        """Return the median rate."""
        return median(self.rates[name])

    def ratio(self, name: str, other: str) -> float:
        """Return the median of the rounds' ratios: both sides of each met the same machine."""
        pairs = zip(self.rates[name], self.rates[other], strict=True)
        return median(one / two for one, two in pairs)

    def summary(self) -> dict[str, Any]:
        """Return everything as plain numbers."""
        return {
            "alone": {name: each.summary() for name, each in self.alone.items()},
            "together": {name: each.summary() for name, each in self.together.items()},
            "per_second": {name: round(self.rate(name), 1) for name in self.rates},
            "rounds": {
                name: [round(rate, 1) for rate in rates] for name, rates in self.rates.items()
            },
            "stall": self.stall,
        }


async def measure_writes(copy: Database, rounds: int = ROUNDS) -> Writes:
    """Measure upserts of new and of unchanged postings."""
    found = Writes()
    fresh = _numbered(copy.size)
    async with jobstore.connect(copy.url, clock=_now) as store:
        # Statements are prepared and pages cached before anything counts.
        await _upsert_all(store, fresh(BATCH), Timings())
        for _ in range(rounds):
            new = fresh(PER_ROUND)
            await _gateway(found, "upsert new", store, new)
            await _gateway(found, "upsert unchanged", store, new)
            _bare(found, copy, fresh)
        alone = fresh(ALONE)
        for name in ("upsert new", "upsert unchanged"):
            timings = found.alone[name] = Timings()
            await at_once([partial(store.upsert, each) for each in alone], timings, callers=1)
        found.stall = await _stall(store, fresh)
    return found


def _numbered(size: int) -> Callable[[int], list[JobPosting]]:
    """Return what makes postings that nobody has seen yet."""
    next_number = size

    def make(count: int) -> list[JobPosting]:
        nonlocal next_number
        made = list(generator.fresh(count, first=next_number))
        next_number += count
        return [JobPosting(**posting) for posting in made]

    return make


async def _gateway(
    found: Writes, name: str, store: JobStore, postings: Sequence[JobPosting]
) -> None:
    timings = found.together.setdefault(name, Timings())
    started = time.perf_counter()
    with quiet():
        await _upsert_all(store, postings, timings)
    found.add(name, len(postings), time.perf_counter() - started)


async def _upsert_all(store: JobStore, postings: Sequence[JobPosting], timings: Timings) -> None:
    await at_once([partial(store.upsert, posting) for posting in postings], timings)


def _bare(found: Writes, copy: Database, fresh: Callable[[int], list[JobPosting]]) -> None:
    with closing(bare.connect(copy.path, write=True)) as conn, quiet():
        # The engine's own functions: intake and merge in Python, the same SQL, no event loop.
        new = fresh(PER_ROUND)
        started = time.perf_counter()
        for part in _parts(new):
            _transact(conn, conn, [check_posting(posting) for posting in part])
        found.add("engine functions", len(new), time.perf_counter() - started)
        # The statements alone: recorded in a transaction that is undone, then run for good.
        new = [check_posting(posting) for posting in fresh(PER_ROUND)]
        seconds = 0.0
        for part in _parts(new):
            recorder = bare.Recorder(conn)
            _transact(conn, recorder, part, end="ROLLBACK")
            statements = recorder.take()
            started = time.perf_counter()
            conn.execute("BEGIN IMMEDIATE")
            bare.replay(conn, statements)
            conn.execute("COMMIT")
            seconds += time.perf_counter() - started
        found.add("sqlite3", len(new), seconds)


def _parts(postings: Sequence[JobPosting]) -> Iterator[list[JobPosting]]:
    waiting = iter(postings)
    while part := list(islice(waiting, BATCH)):
        yield part


def _transact(
    conn: sqlite3.Connection,
    through: sqlite3.Connection | bare.Recorder,
    postings: Sequence[JobPosting],
    end: str = "COMMIT",
) -> None:
    conn.execute("BEGIN IMMEDIATE")
    writes = changes.PostingWrites(cast(sqlite3.Connection, through), _now())
    for posting in postings:
        writes.upsert(posting)
    writes.finish()
    conn.execute(end)


_STARTED = time.monotonic()


def _now() -> datetime:
    # A clock that stands still would make a repeated sighting nothing to write.
    return generator.NOW + timedelta(seconds=time.monotonic() - _STARTED)


async def _stall(store: JobStore, fresh: Callable[[int], list[JobPosting]]) -> dict[str, float]:
    """Return the gaps of the loop, in milliseconds, under 100 writers and 100 readers."""
    # Made beforehand, since making them would hold the loop: more than any machine writes.
    postings = iter(fresh(20_000))
    ids = [(await store.upsert(posting)).id for posting in islice(postings, 200)]
    done = False
    written = read = 0

    async def writer() -> None:
        nonlocal written
        while not done:
            await store.upsert(next(postings))
            written += 1

    async def reader(number: int) -> None:
        nonlocal read
        while not done:
            if read % 10:
                await store.get(ids[(number + read) % len(ids)])
            else:
                await store.recent(limit=20)
            read += 1

    async with ticker() as gaps, asyncio.TaskGroup() as group:
        for number in range(CALLERS):
            group.create_task(writer())
            group.create_task(reader(number))
        await asyncio.sleep(STALL_SECONDS)
        done = True
    return {
        "p50": round(1000 * percentile(gaps, 50), 3),
        "p99": round(1000 * percentile(gaps, 99), 3),
        "max": round(1000 * max(gaps), 3),
        "writes_per_second": round(written / STALL_SECONDS, 1),
        "reads_per_second": round(read / STALL_SECONDS, 1),
    }
