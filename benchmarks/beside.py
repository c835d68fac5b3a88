"""Measures reads beside writers: one caller reads while 100 coroutines upsert all the time.

Each operation is called in turns alone, beside writers of the same process, and beside those of
another one, on one copy of a database. In between they write without reads. So whatever slows the
machine down meets all sides of a comparison.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median
from typing import Any

import jobstore
from benchmarks import bare, report
from benchmarks.databases import Database, working_copy
from benchmarks.draws import Draws
from benchmarks.gates import Gate
from benchmarks.measuring import Timings, quiet
from benchmarks.operations import Call, Operation, reading_operations
from benchmarks.running import say
from benchmarks.upserting import Here, Upserting, elsewhere, now
from jobstore.store import JobStore

ROUNDS = 3
PAUSE = 0.005
"""Seconds between an answer and the next call. A caller that needs none would keep one of two
processors for itself, and tell how processors are shared rather than who waits for whom."""
FIGURES = ("p50", "p99")
HERE, ELSEWHERE = "writers here", "writers elsewhere"
"""Writers of the same process, and of another one."""
SLOWEST = 25.0
"""No read may have a p99 of so many milliseconds beside writers."""
LEAST_WRITES = 0.8
"""At least this share of the writes without reads is stored while others read."""

_SECONDS = 1.0
"""How long an operation is called beside writers in a round, and half of it alone."""
_CALLS = 60
_LEAST = 20
"""... but so often at least."""


@dataclass(slots=True)
class Beside:
    """Timings of reads by way and name; rates of writes by way, without and with reads."""

    pause: float
    reads: dict[str, dict[str, Timings]] = field(default_factory=dict)
    writes: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def read(self, way: str, name: str, durations: list[float]) -> None:
        """Note a round of an operation."""
        self.reads.setdefault(name, {}).setdefault(way, Timings()).rounds.append(durations)

    def wrote(self, way: str, kind: str, rate: float) -> None:
        """Note how many postings a second were stored in one phase."""
        self.writes.setdefault(way, {}).setdefault(kind, []).append(rate)

    def summary(self) -> dict[str, Any]:
        """Return everything as plain numbers, milliseconds and postings a second."""
        return {
            "beside": {
                name: {way: timings.summary() for way, timings in ways.items()}
                for name, ways in self.reads.items()
            },
            "rates": {way: _rates(kinds) for way, kinds in self.writes.items()},
        }


def _rates(kinds: Mapping[str, list[float]]) -> dict[str, float]:
    middle = {kind: median(rates) for kind, rates in kinds.items()}
    return {
        **{kind: round(rate, 1) for kind, rate in middle.items()},
        "ratio": round(middle["reading"] / middle["alone"], 3),
    }


async def run(
    database: Database, rounds: int, pause: float = PAUSE, only: str | None = None
) -> dict[str, Any]:
    """Measure on a copy of ``database``; returns plain numbers.

    ``pause``: seconds between an answer and the next call. ``only``: the name of a single
    operation.
    """
    found = Beside(pause)
    about = {"scale": database.size, "machine": report.machine(), "pause": pause}
    results: dict[str, Any] = about
    with working_copy(database) as copy:
        async with (
            jobstore.connect(copy.url, clock=now) as store,
            # Far enough from each other that no number is used twice.
            elsewhere(copy.url, 30_000_000) as other,
        ):
            with closing(bare.connect(copy.path)) as plain:
                operations = await reading_operations(Draws(plain), store)
            operations = [each for each in operations if only in (None, each.name)]
            here = Here(store, 20_000_000)
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                for operation in operations:
                    await _round(found, operation, number, store, {HERE: here, ELSEWHERE: other})
        with closing(sqlite3.connect(copy.path)) as plain:
            results["postings"] = plain.execute("SELECT count(*) FROM posting").fetchone()[0]
    return {**results, **found.summary()}


async def _round(
    found: Beside,
    operation: Operation,
    number: int,
    store: JobStore,
    ways: Mapping[str, Upserting],
) -> None:
    # Other parameters in each round, and the same for each way.
    start = number * _CALLS % len(operation.calls)
    with quiet():
        durations = await _timed(store, operation.calls, start, found.pause, _SECONDS / 2)
    found.read("alone", operation.name, durations)
    for way, writers in ways.items():
        await writers.prepare()
        with quiet():
            await writers.start()
            await asyncio.sleep(_SECONDS / 2)
            found.wrote(way, "alone", await writers.stop())
            await writers.start()
            durations = await _timed(store, operation.calls, start, found.pause, _SECONDS)
            found.wrote(way, "reading", await writers.stop())
        found.read(way, operation.name, durations)


async def _timed(
    store: JobStore, calls: list[Call], start: int, pause: float, seconds: float
) -> list[float]:
    clock = time.perf_counter
    # What was read last by others is not in the caches; the first call is nobody's.
    await calls[start](store)
    durations: list[float] = []
    until = clock() + seconds
    for call in islice(cycle(calls), start, None):
        if len(durations) >= _LEAST and clock() > until:
            break
        started = clock()
        await call(store)
        durations.append(clock() - started)
        if pause:
            await asyncio.sleep(pause)
    return durations


def gates(results: Mapping[str, Any]) -> list[Gate]:
    """Return what reads and writes beside each other are held to."""
    size = f"{results['scale']:,}"
    found = [
        Gate(f"{name} at {size}, {way}, p99 ms", ways[way]["p99"], SLOWEST, kind="promise")
        for name, ways in results["beside"].items()
        for way in (HERE, ELSEWHERE)
    ]
    for way, rates in results["rates"].items():
        label = f"writes at {size} with reads against without, {way}"
        ratio = rates["ratio"]
        found.append(Gate(label, ratio, LEAST_WRITES, at_least=True, kind="promise"))
    return found


def show(results: Mapping[str, Any]) -> None:
    """Print the figures of a run."""
    ways = ("alone", HERE, ELSEWHERE)
    report.show_rows(
        f"Reads beside 100 coroutines that upsert, {results['scale']:,} postings, milliseconds",
        ("operation", *(f"{way}: {figure}" for way in ways for figure in FIGURES)),
        [
            (name, *(f"{found[way][figure]:.3f}" for way in ways for figure in FIGURES))
            for name, found in results["beside"].items()
        ],
    )
    report.show_rows(
        "Writes, postings a second",
        ("", "without reads", "with reads", "ratio"),
        [
            (way, f"{kinds['alone']:,.0f}", f"{kinds['reading']:,.0f}", f"{kinds['ratio']:.2f}")
            for way, kinds in results["rates"].items()
        ],
    )
