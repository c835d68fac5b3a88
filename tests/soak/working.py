"""What goes on during a soak: coroutines that write, search, stream, transact and back up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles
from unittest.mock import patch

import psutil

import jobstore
from jobstore import JobStore, SearchQuery
from jobstore.engines.sqlite import connection
from jobstore.operations.backup import creation, retention
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.torture.acknowledged import made

KEYS = 2000
WRITERS, READERS = 16, 8
# Seconds between two backups.
BACKUP_EVERY = 10

Sample = dict[str, float]


class Soak:
    """A store at work, and what it takes over time."""

    def __init__(self, folder: Path, seed: str) -> None:
        self._path = folder / "jobs.db"
        self._choices = random.Random(seed)
        self._took: list[float] = []
        self._edition = 1
        self.samples: list[Sample] = []

    async def run(self, seconds: float, every: float) -> None:
        """Work for so long, and take a sample now and then."""
        process = psutil.Process()
        url = sqlite_url(self._path)
        # Minutes do not fill the usual caches of pages, and until then they look like a leak.
        with patch.multiple(connection, _WRITER_CACHE=2048, _READER_CACHE=1024):
            opened = await jobstore.connect(url, migrate=True)
        async with opened as store:
            await store.upsert_many(made(str(number), 1) for number in range(KEYS))
            works = [self._again(self._write, store) for _ in range(WRITERS)]
            works += [self._again(self._read, store) for _ in range(READERS)]
            works += [self._again(self._transact, store), self._again(self._stream, store)]
            works.append(self._back_up(Settings.model_validate({"store": {"url": url}})))
            # Making the store is no part of the work, however long a busy machine takes for it.
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in works]
                while time.monotonic() < began + seconds:
                    await asyncio.sleep(every)
                    self._sample(process, time.monotonic() - began)
                for task in tasks:
                    task.cancel()

    def _sample(self, process: psutil.Process, moment: float) -> None:
        took, self._took = self._took, []
        wal = Path(f"{self._path}-wal")
        self.samples.append(
            {
                "seconds": round(moment, 2),
                "memory_mib": process.memory_info().rss / 2**20,
                "descriptors": process.num_fds(),
                "threads": process.num_threads(),
                "wal_mib": wal.stat().st_size / 2**20 if wal.exists() else 0.0,
                "p99_ms": 1000 * quantiles(took, n=100)[98] if len(took) > 1 else 0.0,
                "operations": len(took),
            }
        )

    async def _again(self, work: Callable[[JobStore], Awaitable[None]], store: JobStore) -> None:
        while True:
            began = time.perf_counter()
            await work(store)
            self._took.append(time.perf_counter() - began)

    def _posting(self) -> dict[str, object]:
        self._edition += 1
        return made(str(self._choices.randrange(KEYS)), self._edition % 50 + 1)

    async def _write(self, store: JobStore) -> None:
        await store.upsert(self._posting())

    async def _read(self, store: JobStore) -> None:
        text = self._choices.choice(("engineer", "words edition", '"words of"', "berlin", "sql"))
        sort = self._choices.choice(("newest", "relevance", "salary"))
        await store.search(SearchQuery(text=text, sort=sort), facets=["company"])

    async def _transact(self, store: JobStore) -> None:
        async with store.transaction() as tx:
            for _ in range(3):
                await tx.upsert(self._posting())

    async def _stream(self, store: JobStore) -> None:
        async for _ in store.stream(SearchQuery(company="Company 3")):
            pass

    async def _back_up(self, settings: Settings) -> None:
        while True:
            await asyncio.sleep(BACKUP_EVERY)
            await asyncio.to_thread(creation.create, settings)
            await asyncio.to_thread(retention.prune, settings)
