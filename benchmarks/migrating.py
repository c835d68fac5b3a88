"""How long writers of a PostgreSQL store wait while a migration adds an index and a rule.

Coroutines upsert, with a pause after each answer; beside them a migration runs in a process of its
own, in steps as such migrations are to be written, and then the same in one transaction, which
holds its locks while it builds. What is judged is how long a writer waited for a lock of a table,
as the server tells (``pg_locks.waitstart``, PostgreSQL 14); how long writes took in all depends on
what else the machine does.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

import jobstore
from benchmarks import generator, report
from benchmarks.databases import scratch
from benchmarks.measuring import percentile
from benchmarks.postgres.server import filled, migrated, running
from benchmarks.running import say
from jobstore import migrating
from jobstore.engines.scripts import read_scripts
from jobstore.resources import migrations_folder
from jobstore.store import JobStore

LONGEST = 0.2
"""Seconds that a writer may wait for a lock while a migration is applied in steps."""
WRITERS = 10
_PAUSE = 0.02  # seconds between an answer and the next write
_LOOK = 0.005  # seconds between two looks at who waits

_WAITING = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0)::float
FROM pg_locks AS l
WHERE NOT l.granted AND l.locktype = 'relation' AND l.mode = 'RowExclusiveLock'
"""

_CHANGES = """
CREATE INDEX {concurrently} posting_title ON posting (title, company);
ALTER TABLE posting ADD CONSTRAINT titled CHECK (length(title) > 0) {not_valid};
{validate}
"""
WAYS = {
    "in steps": "-- transactional: false\n-- additive"
    + _CHANGES.format(
        concurrently="CONCURRENTLY",
        not_valid="NOT VALID",
        validate="ALTER TABLE posting VALIDATE CONSTRAINT titled;",
    ),
    "in one transaction": "-- additive"
    + _CHANGES.format(concurrently="", not_valid="", validate=""),
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

_HEADS = ("", "migration, ms", "longest wait for a lock, ms", "longest write, ms", "p99, ms")

Wait = tuple[float, float]


def run(scale: int) -> int:
    """Measure at ``scale`` postings, and print it; 1 where a writer waited too long."""
    with running() as server, scratch() as place:
        found = asyncio.run(_run(server, place, scale))
    rows = [(way, *(f"{1000 * number:,.1f}" for number in each)) for way, each in found.items()]
    title = f"{WRITERS} writers, {scale:,} postings, a new index and a new rule"
    report.show_rows(title, _HEADS, rows)
    longest = found["in steps"][1]
    say(f"longest wait for a lock, in steps: {longest:.3f} s, at most {LONGEST} s")
    return int(longest > LONGEST)


async def _run(server: Any, place: Path, scale: int) -> dict[str, tuple[float, ...]]:
    url = await migrated(server)
    await filled(url, scale)
    found: dict[str, tuple[float, ...]] = {}
    async with jobstore.connect(url) as store, _writing(store) as waits:
        await asyncio.sleep(_BEFORE)
        found["without"] = await _beside(url, waits, partial(asyncio.sleep, _BEFORE))
        for way, text in WAYS.items():
            folder = _folder(place / way.replace(" ", "-"), text)
            say(f"migrating {way}")
            found[way] = await _beside(url, waits, partial(_migrate, url, folder))
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


async def _beside(
    url: str, waits: list[Wait], work: Callable[[], Awaitable[object]]
) -> tuple[float, ...]:
    """Return how long the work took; beside it the longest wait for a lock, and of the writes the
    longest and p99."""
    began = time.monotonic()
    with _locks(url) as waited:
        await work()
    ended = time.monotonic()
    await asyncio.sleep(_AFTER)
    beside = [end - begin for begin, end in waits if end >= began and begin <= ended]
    return (ended - began, max(waited), max(beside), percentile(beside, 99))


@contextmanager
def _locks(url: str) -> Iterator[list[float]]:
    """Give the longest waits of writers for a lock of a table, as often as they are looked at."""
    waited, stop = [0.0], threading.Event()

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            while not stop.wait(_LOOK):
                waited.extend(number for (number,) in conn.execute(_WAITING))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield waited
    finally:
        stop.set()
        thread.join()


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
            await asyncio.sleep(_PAUSE)

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(write()) for _ in range(WRITERS)]
        yield waits
        for each in writers:
            each.cancel()
