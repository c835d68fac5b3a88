"""The SQLite engine: one writer, several readers, put together.

Only wiring lives here. What a call does is in :mod:`.writing.changes`, :mod:`.writing.counters`
and :mod:`.search`; how it gets its turn is in :mod:`.writing.writer` and :mod:`.readers`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from jobstore import resources
from jobstore.engines import named_statements
from jobstore.engines.protocol import Found, Position, Queue
from jobstore.engines.scripts import read_scripts
from jobstore.engines.sqlite import turns
from jobstore.engines.sqlite.connection import open_writer
from jobstore.engines.sqlite.readers import ReaderPool
from jobstore.engines.sqlite.rows import job_from_row, revision_from_row
from jobstore.engines.sqlite.search import pages
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.watch import watched
from jobstore.engines.sqlite.writing import changes as writes
from jobstore.engines.sqlite.writing import counters
from jobstore.engines.sqlite.writing.exclusive_transaction import ExclusiveTransaction
from jobstore.engines.sqlite.writing.group_commit import Work
from jobstore.engines.sqlite.writing.renewing import require_admission
from jobstore.engines.sqlite.writing.writer import StoreWriter
from jobstore.errors import JobStoreError, StoreCorrupt, StoreUnavailable
from jobstore.locking import FileLock
from jobstore.records import Job, JobPosting, Revision, Statistics, UpsertResult
from jobstore.search.criteria import Criteria
from jobstore.settings import EngineOptions, parse_store_url, sqlite_url

_SQL = named_statements.load("sqlite")


class SQLiteEngine:
    """One open SQLite database; made by :meth:`open`. See :class:`~..protocol.Engine`."""

    def __init__(
        self,
        writer: StoreWriter,
        readers: ReaderPool,
        cursor_key: bytes,
        clock: Callable[[], datetime],
        path: Path,
        switch_interval: float = 0.0,
    ) -> None:
        self.writer = writer
        self.readers = readers
        self.cursor_key = cursor_key
        self.url = parse_store_url(sqlite_url(path))
        self._clock = clock
        self._lengthen = turns.shorten(self, switch_interval)

    @classmethod
    async def open(
        cls, path: Path, options: EngineOptions, clock: Callable[[], datetime]
    ) -> SQLiteEngine:
        """Open the migrated database at ``path``; ``clock`` gives the time of each write."""
        session = await open_writer(path, options)
        opened = _identity(path)
        newest = await asyncio.to_thread(_newest)

        def begin(conn: sqlite3.Connection, works: Sequence[Work]) -> writes.PostingWrites:
            if _identity(path) != opened:
                raise StoreUnavailable(
                    "The database file was removed or replaced while the store was open; "
                    "nothing was written. Open the store again."
                )
            require_admission(conn, newest)
            return writes.begin(conn, works, clock)

        writer = StoreWriter(session, options, FileLock(path, options.busy_timeout), begin)
        try:
            readers = await ReaderPool(path, options).open()
            try:
                cursor_key = await readers.read(_cursor_key)
            except BaseException:
                await readers.close()
                raise
        except BaseException:
            await writer.close()
            raise
        return cls(writer, readers, cursor_key, clock, path, options.switch_interval)

    @property
    def queue(self) -> Queue:
        """How many writes wait for the writer."""
        writer = self.writer
        return Queue(writer.queue_depth, writer.queue_size, writer.last_group_size)

    def owned(self) -> None:
        """Raise StoreClosed where the engine was not opened."""
        self.writer.owned()

    async def close(self) -> None:
        """Finish what was accepted, then close all connections; the writer's last.

        Raises StoreClosed, and closes nothing, on another event loop and in a forked process.
        """
        self.owned()
        try:
            await self.readers.close()
        finally:
            # The last one to close checkpoints, and only the writer may.
            await self.writer.close()
            self._lengthen()

    async def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting."""
        return cast(UpsertResult, await self.writer.submit(writes.upsert, posting))

    async def upsert_many(
        self, postings: Sequence[JobPosting]
    ) -> list[UpsertResult | JobStoreError]:
        """Upsert one chunk; each posting gets its own result or its own error."""
        return await self.writer.submit_many(writes.upsert, [(each,) for each in postings])

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None
    ) -> Job:
        """Set checked fields of a posting."""
        return cast(Job, await self.writer.submit(writes.update, id, changes, expected_version))

    async def delete(self, id: UUID) -> bool:
        """Remove a posting."""
        return bool(await self.writer.submit(writes.delete, id))

    async def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a posting another key."""
        return cast(Job, await self.writer.submit(writes.join, id, source, source_job_id))

    @asynccontextmanager
    async def transaction(self, timeout: float) -> AsyncIterator[SQLiteTransaction]:
        """Run several operations that stand or fall together."""
        async with self.writer.exclusive(timeout) as exclusive:
            yield SQLiteTransaction(exclusive)

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        return await self.readers.read(_get_many, ids, quick=len(ids) == 1)

    async def search(
        self,
        criteria: Criteria,
        *,
        limit: int,
        after: Position | None,
        total: tuple[int, bool] | None,
        facets: Sequence[str],
        snippets: bool,
    ) -> Found:
        """Return one page of matches."""
        return await self.readers.read(
            partial(
                pages.search,
                criteria=criteria,
                limit=limit,
                after=after,
                total=total,
                facets=facets,
                snippets=snippets,
            )
        )

    async def scan(
        self, criteria: Criteria, *, limit: int, after: Position | None
    ) -> tuple[list[Job], Position | None]:
        """Return whole postings, newest first."""
        return await self.readers.read(
            partial(pages.scan, criteria=criteria, limit=limit, after=after)
        )

    async def count(self, criteria: Criteria) -> int:
        """Count all matches."""
        if criteria.is_empty:
            return await self.readers.read(counters.total, quick=True)
        return await self.readers.read(partial(pages.count, criteria=criteria))

    async def statistics(self) -> Statistics:
        """Return the statistics as of now."""
        return await self.readers.read(counters.statistics, self._clock())

    async def revisions(self, id: UUID) -> list[Revision]:
        """Return what earlier versions of a posting held, newest first."""
        return await self.readers.read(_revisions, id)


class SQLiteTransaction:
    """The operations of one exclusive transaction; reads see its own writes."""

    def __init__(self, exclusive: ExclusiveTransaction) -> None:
        self._exclusive = exclusive

    async def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting."""
        return cast(UpsertResult, await self._exclusive.run(writes.upsert, posting))

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None
    ) -> Job:
        """Set checked fields of a posting."""
        return cast(Job, await self._exclusive.run(writes.update, id, changes, expected_version))

    async def delete(self, id: UUID) -> bool:
        """Remove a posting."""
        return bool(await self._exclusive.run(writes.delete, id))

    async def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a posting another key."""
        return cast(Job, await self._exclusive.run(writes.join, id, source, source_job_id))

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        found = await self._exclusive.run(lambda shared: _get_many(shared.conn, ids))
        return cast("list[Job | None]", found)


def _get_many(conn: sqlite3.Connection, ids: Sequence[UUID]) -> list[Job | None]:
    with snapshot(conn) if len(ids) > 1 else nullcontext():
        rows = [conn.execute(_SQL["posting_by_id"], (id.bytes,)).fetchone() for id in watched(ids)]
    return [None if row is None else job_from_row(row) for row in watched(rows)]


def _revisions(conn: sqlite3.Connection, id: UUID) -> list[Revision]:
    rows = conn.execute(_SQL["revisions_of"], (id.bytes,))
    return [revision_from_row(row) for row in watched(rows)]


def _newest() -> str:
    """Return the newest migration that this program knows: asked once, as the files may change."""
    return read_scripts(resources.migrations_folder("sqlite"))[-1].id


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that takes its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _cursor_key(conn: sqlite3.Connection) -> bytes:
    row = conn.execute(_SQL["cursor_key"]).fetchone()
    if row is None:
        raise StoreCorrupt("The store has lost its own properties; restore a backup.")
    return bytes(row[0])
