"""Time as numbers: percentiles, one caller alone, many callers at once, the loop's stalls.

Nothing here knows a store.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import Any

CALLERS = 100
"""How many coroutines call at once."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` of all do not exceed (nearest rank)."""
    if not values:
        raise ValueError("there is nothing to measure")
    ordered = sorted(values)
    return ordered[max(1, ceil(len(ordered) * percent / 100)) - 1]


@dataclass(slots=True)
class Timings:
    """Durations in seconds, by round: rounds of everything that is compared are interleaved."""

    rounds: list[list[float]] = field(default_factory=list)
    elapsed: float = 0.0
    """Wall-clock time of all rounds, where calls overlap."""

    @property
    def all(self) -> list[float]:
        """Return the durations of all rounds."""
        return [value for each in self.rounds for value in each]

    def medians(self) -> list[float]:
        """Return the median of each round."""
        return [median(each) for each in self.rounds]

    def summary(self) -> dict[str, float]:
        """Return p50, p95, p99 and max in milliseconds, calls and calls per second."""
        values = self.all
        found = {f"p{p}": 1000 * percentile(values, p) for p in (50, 95, 99)}
        elapsed = self.elapsed or sum(values)
        return {
            **{name: round(value, 4) for name, value in found.items()},
            "max": round(1000 * max(values), 4),
            "calls": len(values),
            "per_second": round(len(values) / elapsed, 1),
        }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the garbage collector out of a measurement, as timeit does, and collect before."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def at_once(
    calls: Sequence[Callable[[], Awaitable[Any]]], timings: Timings, callers: int = CALLERS
) -> None:
    """Let ``callers`` coroutines work through ``calls``, each as fast as it is answered.

    Adds a round to ``timings``.
    """
    waiting = iter(calls)
    durations: list[float] = []

    async def caller() -> None:
        for call in waiting:
            started = time.perf_counter()
            await call()
            durations.append(time.perf_counter() - started)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    timings.elapsed += time.perf_counter() - started
    timings.rounds.append(durations)


@asynccontextmanager
async def ticker(interval: float = 0.001) -> AsyncIterator[list[float]]:
    """Tick every ``interval`` seconds on the event loop; gives the gaps between ticks.

    A gap is what passed between two ticks, less the interval: how long the loop kept a
    coroutine waiting that was ready to run.
    """
    gaps: list[float] = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(interval)
            now = time.perf_counter()
            gaps.append(max(0.0, now - last - interval))
            last = now

    task = asyncio.create_task(tick())
    try:
        yield gaps
    finally:
        task.cancel()
