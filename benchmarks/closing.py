"""How long other writers wait while a run that ends closes 10,000 postings.

    python -m benchmarks.closing [URL]

Prints the distribution of the waits of one writer, alone and beside the run's end, in one process,
and the longest that Python's own collector of garbage stopped it: the worst waits are often that.
On a machine that does other work everything waits longer; so it also tells what the longest of the
collector's took of the processor, and what the process did for 32 that are closed, which are
written at once.
Without a URL it makes a SQLite store in a temporary folder; another one must be empty.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any

import jobstore
from jobstore import JobStore, SourceRules

NUMBER = 10_000
WORDS = "bread and cakes are baked here every morning with care and flour " * 10


def _posting(source: str, number: int) -> dict[str, Any]:
    return {
        "source": source,
        "source_job_id": str(number),
        "title": f"Baker {number}",
        "company": f"Acme {number % 50}",
        "description": WORDS,
    }


class _Collector:
    """Keeps the longest pause of the collector, in milliseconds: by the clock and the processor."""

    def __init__(self) -> None:
        self._most = self._began = (0.0, 0.0)
        gc.callbacks.append(self)

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        now = 1000 * time.perf_counter(), 1000 * time.thread_time()
        if phase == "start":
            self._began = now
        else:
            self._most = max(self._most, (now[0] - self._began[0], now[1] - self._began[1]))

    def take(self) -> tuple[float, float]:
        """Return the longest pause since the last time that it was asked."""
        most, self._most = self._most, (0.0, 0.0)
        return most


async def _waits(store: JobStore, until: asyncio.Event, numbers: count[int]) -> list[float]:
    """Write one posting after another until told to stop; return the milliseconds of each."""
    waits = []
    while not until.is_set():
        began = time.perf_counter()
        await store.upsert(_posting("other", next(numbers)))
        waits.append(1000 * (time.perf_counter() - began))
    return waits


def _told(name: str, waits: list[float], paused: tuple[float, float]) -> str:
    parts = quantiles(waits, n=100)
    return (
        f"{name}: {len(waits):,} writes, median {parts[49]:.1f} ms, p99 {parts[98]:.1f} ms, "
        f"most {max(waits):.1f} ms; the collector at most {paused[0]:.1f} ms "
        f"({paused[1]:.1f} of the processor)"
    )


async def measure(url: str) -> None:
    """Fill the store, and have a run close what it filled."""
    start = datetime.now(UTC) - timedelta(days=30)
    rules = {"board": SourceRules(close_after_misses=1, min_completeness=0)}
    numbers = count()
    async with jobstore.connect(url, migrate=True, sources=rules) as store:
        async with store.scrape_run("board", seen_at=start) as run:
            await run.upsert_many(_posting("board", number) for number in range(NUMBER + 100))
            run.complete()
        alone = asyncio.Event()
        asyncio.get_running_loop().call_later(5, alone.set)
        collector = _Collector()
        print(_told("alone", await _waits(store, alone, numbers), collector.take()))

        over = asyncio.Event()
        writing = asyncio.create_task(_waits(store, over, numbers))
        began, spent = time.perf_counter(), time.process_time()
        async with store.scrape_run("board", seen_at=start + timedelta(days=3)) as run:
            await run.upsert_many(_posting("board", number) for number in range(100))
            run.complete()
        took, spent = time.perf_counter() - began, time.process_time() - spent
        over.set()
        print(_told("beside", await writing, collector.take()))
        assert run.report is not None
        closed = run.report.closed
        print(
            f"closed {closed:,} in {took:.1f} s; load {os.getloadavg()[0]:.1f}; "
            f"{32_000 * spent / closed:.1f} ms of the processor for 32, writer beside included"
        )


def main() -> None:
    """Measure, in the store that is named or in one of its own."""
    if len(sys.argv) > 1:
        return asyncio.run(measure(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measure(str(Path(folder) / "jobs.db")))


if __name__ == "__main__":
    main()
