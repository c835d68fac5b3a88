"""What the recorder costs: `get` with it and without it, in one run, turn and turn about.

``python -m benchmarks.observing`` makes a small store, prints the ratio, and exits with 1 when
the recorder costs more than it may.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from uuid import UUID

import jobstore
from benchmarks.measuring import quiet
from jobstore import JobPosting, JobStore
from jobstore.operations.monitoring import Recorder
from jobstore.settings import sqlite_url

LIMIT = 1.03
"""What a recorded `get` may take, relative to one that nobody observes."""

POSTINGS = 1000
ROUNDS = 400
CALLS = 50


async def measure(rounds: int = ROUNDS, calls: int = CALLS) -> list[float]:
    """Return the ratio of each round: the same calls on one store, recorded against not.

    The two sides take turns at going first, so that whatever slows the machine down meets both.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        recorder = Recorder(Path(folder) / "operations.db", path, sample_seconds=1)
        async with jobstore.connect(sqlite_url(path), migrate=True) as store:
            ids = await _fill(store)
            recorder.watch(store)
            with recorder, quiet():
                return await _rounds(store, recorder, ids, rounds, calls)


async def _fill(store: JobStore) -> list[UUID]:
    postings = [
        JobPosting(source="bench", source_job_id=str(number), title="Engineer", company="Acme")
        for number in range(POSTINGS)
    ]
    await store.upsert_many(postings)
    return [jobstore.job_id(each.source, each.source_job_id) for each in postings]


async def _rounds(
    store: JobStore, recorder: Recorder, ids: Sequence[UUID], rounds: int, calls: int
) -> list[float]:
    ratios = []
    for number in range(rounds):
        wanted = [ids[(number * calls + call) % len(ids)] for call in range(calls)]
        took: dict[bool, float] = {}
        for recorded in (number % 2 == 0, number % 2 == 1):
            forget = store.observe(recorder) if recorded else None
            started = time.perf_counter()
            for id in wanted:
                await store.get(id)
            took[recorded] = time.perf_counter() - started
            if forget is not None:
                forget()
        ratios.append(took[True] / took[False])
    return ratios


def main() -> int:
    """Measure, print, and return the exit code."""
    ratios = sorted(asyncio.run(measure()))
    middle = median(ratios)
    quarter = len(ratios) // 4
    print(
        f"get, recorded against not: {middle:.3f} "
        f"(middle half {ratios[quarter]:.3f} to {ratios[-quarter - 1]:.3f}, limit {LIMIT})"
    )
    return int(middle > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
