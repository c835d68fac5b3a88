"""Writers in a process of their own: coroutines that scrape, and how long each write took.

``python -m benchmarks.scrapers DATABASE WRITERS NUMBER RESULTS`` lets WRITERS coroutines upsert as
fast as they are answered, until its standard input ends: new postings, changed ones, and ones that
are seen again. NUMBER keeps the keys of several such processes apart. It prints a line when it has
begun; at its end RESULTS holds two floats for every write, its beginning and its end by the
monotonic clock, which all processes of a machine share, the end negated where the write failed; and
standard output has as JSON how many failed, by error.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from uuid import UUID

import jobstore
from benchmarks import generator
from jobstore import JobPosting, JobStore, JobStoreError
from jobstore.errors import SchemaMismatch
from jobstore.settings import sqlite_url

KNOWN = 1000
"""So many postings of the store are changed and seen again."""

# Of 100 writes: new postings, changed ones; the rest is seen again.
_NEW, _CHANGED = 25, 25
# Keys of one process. They are unique below 2^32.
_KEYS = 4_000_000
# Nobody's store of generated postings is that large.
_FIRST = 100_000_000
# Seconds between two tries of a write that was refused.
_PAUSE = 0.02


def main(path: str, writers: int, number: int, results: Path) -> dict[str, int]:
    """Write until standard input ends; return how many writes failed, by error."""
    chance = random.Random(f"{generator.SEED}:{number}")
    fresh = map(_posting, generator.fresh(_KEYS, first=_FIRST + number * _KEYS))
    timed, failed = asyncio.run(_write(path, writers, chance, fresh))
    with results.open("wb") as file:
        timed.tofile(file)
    return dict(failed)


async def _write(
    path: str, writers: int, chance: random.Random, fresh: Iterator[JobPosting]
) -> tuple[array[float], Counter[str]]:
    timed, failed = array("d"), Counter[str]()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, ended.set)
    async with jobstore.connect(sqlite_url(path)) as store:
        known = await _known(store, Path(path), chance)
        next(fresh)
        print("writing", flush=True)

        async def scrape() -> None:
            while not ended.is_set():
                posting = _next(chance, known, fresh)
                began = time.monotonic()
                try:
                    await store.upsert(posting)
                except JobStoreError as error:
                    failed[type(error).__name__] += 1
                    timed.extend((began, -time.monotonic()))
                    if isinstance(error, SchemaMismatch):
                        return
                    await asyncio.sleep(_PAUSE)
                else:
                    timed.extend((began, time.monotonic()))

        async with asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(scrape())
        loop.remove_reader(sys.stdin)
    return timed, failed


def _next(
    chance: random.Random, known: list[JobPosting], fresh: Iterator[JobPosting]
) -> JobPosting:
    drawn = chance.randrange(100)
    if drawn < _NEW:
        return next(fresh)
    at = chance.randrange(len(known))
    if drawn < _NEW + _CHANGED:
        known[at] = replace(known[at], applicant_count=chance.randrange(5000))
    return known[at]


async def _known(store: JobStore, path: Path, chance: random.Random) -> list[JobPosting]:
    """Return postings from all over the store, as their scrapers handed them in."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
        drawn = [
            # Ids are hashes, so the next one after random bytes is a random posting.
            conn.execute(
                "SELECT id FROM posting WHERE id >= ? ORDER BY id LIMIT 1", (chance.randbytes(16),)
            ).fetchone()
            for _ in range(KNOWN)
        ]
    names = {each.name for each in fields(JobPosting)}
    names -= {"first_seen_at", "last_seen_at", "closed_at", "status"}
    jobs = [await store.get(UUID(bytes=row[0])) for row in drawn if row is not None]
    return [JobPosting(**{name: getattr(job, name) for name in names}) for job in jobs]


def _posting(plain: dict[str, object]) -> JobPosting:
    return JobPosting(**plain)


if __name__ == "__main__":
    database, count, process, file = sys.argv[1:]
    print(json.dumps(main(database, int(count), int(process), Path(file))))
