"""How long writers of a PostgreSQL store wait while a migration adds an index and a rule.

Fifty coroutines upsert as fast as they are answered; beside them a migration runs in a process of
its own, in steps as such migrations are to be written, and then the same in one transaction, which
holds its locks while it builds.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jobstore
from benchmarks import generator, report
from benchmarks.databases import scratch
from benchmarks.measuring import percentile
from benchmarks.postgres.server import filled, migrated, running
from benchmarks.running import say
from benchmarks.waits import WRITERS
from jobstore import migrating
from jobstore.engines.scripts import read_scripts
from jobstore.resources import migrations_folder
from jobstore.store import JobStore

LONGEST = 0.2
"""Seconds that a writer may wait while a migration is applied in steps."""

_CHANGES = """
CREATE INDEX {concurrently} posting_title ON posting (title, company);
ALTER TABLE posting ADD CONSTRAINT titled CHECK (length(title) > 0) {not_valid};
{validate}
"""
WAYS = {
    "in steps": "-- transactional: false"
    + _CHANGES.format(
        concurrently="CONCURRENTLY",
        not_valid="NOT VALID",
        validate="ALTER TABLE posting VALIDATE CONSTRAINT titled;",
    ),
    "in one transaction": _CHANGES.format(concurrently="", not_valid="", validate=""),
}
_BACK = "DROP INDEX posting_title;\nALTER TABLE posting DROP CONSTRAINT titled;\n"
_UP = """
import sys
from pathlib import Path
from jobstore import migrating
migrating.up(sys.argv[1], folder=Path(sys.argv[2]))
"""
# Seconds of writing before a migration, and after it.
_BEFORE, _AFTER = 3.0, 1.0

Wait = tuple[float, float]


def run(scale: int) -> int:
    """Measure at ``scale`` postings, and print it; 1 where a writer waited too long."""
    with running() as server, scratch() as place:
        found = asyncio.run(_run(server, place, scale))
    rows = [(way, *(f"{1000 * number:,.1f}" for number in each)) for way, each in found.items()]
    title = f"{WRITERS} writers, {scale:,} postings, a new index and a new rule"
    report.show_rows(title, ("", "migration, ms", "longest wait, ms", "p99, ms", "p50, ms"), rows)
    longest = found["in steps"][1]
    say(f"longest wait in steps: {longest:.3f} s, at most {LONGEST} s")
    return int(longest > LONGEST)


async def _run(server: Any, place: Path, scale: int) -> dict[str, tuple[float, ...]]:
    url = await migrated(server)
    await filled(url, scale)
    found: dict[str, tuple[float, ...]] = {}
    async with jobstore.connect(url) as store, _writing(store) as waits:
        await asyncio.sleep(_BEFORE)
        found["without"] = await _beside(waits, partial(asyncio.sleep, _BEFORE))
        for way, text in WAYS.items():
            folder = _folder(place / way.replace(" ", "-"), text)
            say(f"migrating {way}")
            found[way] = await _beside(waits, partial(_migrate, url, folder))
            await asyncio.to_thread(migrating.down, url, folder=folder)
            await asyncio.sleep(_AFTER)
    return found


def _folder(folder: Path, text: str) -> Path:
    shutil.copytree(migrations_folder("postgres"), folder)
    number = 1 + len(read_scripts(folder))
    (folder / f"{number:04}.measured.sql").write_text(text)
    (folder / f"{number:04}.measured.rollback.sql").write_text(_BACK)
    return folder


async def _migrate(url: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _UP, url, str(folder))
    if await process.wait():
        raise RuntimeError("the migration failed")


async def _beside(waits: list[Wait], work: Callable[[], Awaitable[object]]) -> tuple[float, ...]:
    """Return how long the work took; and of the writes beside it the longest, p99 and p50."""
    began = time.monotonic()
    await work()
    ended = time.monotonic()
    await asyncio.sleep(_AFTER)
    beside = [end - begin for begin, end in waits if end >= began and begin <= ended]
    return (ended - began, max(beside), percentile(beside, 99), percentile(beside, 50))


@asynccontextmanager
async def _writing(store: JobStore) -> AsyncIterator[list[Wait]]:
    """Upsert new postings while the block lasts; gives the beginning and the end of each write."""
    waits: list[Wait] = []
    numbers = itertools.count(80_000_000)

    async def write() -> None:
        while True:
            (posting,) = generator.fresh(1, first=next(numbers))
            begin = time.monotonic()
            await store.upsert(jobstore.JobPosting(**posting))
            waits.append((begin, time.monotonic()))

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write()) for _ in range(WRITERS)]
        yield waits
        for each in writers:
            each.cancel()
