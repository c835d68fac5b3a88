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

from jobstore.engines import named_statements, switching
from jobstore.engines.protocol import Found, Position, Queue
from jobstore.engines.rows import job_from_row, revision_from_row
from jobstore.engines.schema import Fits
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.connection import open_writer
from jobstore.engines.sqlite.identity import REPLACED, Identity, OpenFile, is_same
from jobstore.engines.sqlite.readers import ReaderPool
from jobstore.engines.sqlite.search import pages
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.watch import watched
from jobstore.engines.sqlite.writing import changes as writes
from jobstore.engines.sqlite.writing import counters
from jobstore.engines.sqlite.writing.renewing import admit
from jobstore.engines.sqlite.writing.writer import StoreWriter
from jobstore.engines.writing.admission import newest_migration
from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.turns import Work
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
        adopted: _Adopted,
        clock: Callable[[], datetime],
        path: Path,
        switch_interval: float = 0.0,
    ) -> None:
        self.writer = writer
        self.readers = readers
        self._adopted = adopted
        self.url = parse_store_url(sqlite_url(path))
        self._clock = clock
        self._lengthen = switching.shorten(self, switch_interval)

    @classmethod
    async def open(
        cls, path: Path, options: EngineOptions, clock: Callable[[], datetime], fits: Fits
    ) -> SQLiteEngine:
        """Open the migrated database at ``path``; ``clock`` gives the time of each write.

        ``fits`` says whether the schema of a file that took its place is one to go on with.
        """
        adopted = _Adopted(fits)
        newest = await asyncio.to_thread(newest_migration, "sqlite")
        session = await open_writer(path, options, adopted.look)

        def begin(conn: sqlite3.Connection, works: Sequence[Work]) -> writes.PostingWrites:
            if not is_same(cast(OpenFile, conn).identity):
                raise StoreUnavailable(REPLACED)
            admit(conn, newest)
            return writes.begin(conn, works, clock)

        writer = StoreWriter(session, options, FileLock(path, options.busy_timeout), begin)
        try:
            readers = await ReaderPool(path, options, adopted.look).open()
        except BaseException:
            await writer.close()
            raise
        return cls(writer, readers, adopted, clock, path, options.switch_interval)

    @property
    def cursor_key(self) -> bytes:
        """What signs cursors, of the file that was opened last."""
        return self._adopted.cursor_key

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

    async def position(self) -> str:
        """Return the one position there is: each read sees what was written before."""
        return "0"


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


class _Adopted:
    """Looks at each file that a session opens: once the store is open, its schema has to fit.

    Several sessions come with the same file, each on its own thread.
    """

    def __init__(self, fits: Fits) -> None:
        self._fits = fits
        self._identity: Identity | None = None
        self.cursor_key = b""

    def look(self, conn: OpenFile) -> None:
        """Take the file as the store's own. Raises SchemaMismatch, StoreCorrupt."""
        known = self._identity
        if known is not None and known.database == conn.identity.database:
            return
        if known is not None:
            self._fits(schema.applied(conn))
        self.cursor_key = _cursor_key(conn)
        self._identity = conn.identity


def _cursor_key(conn: sqlite3.Connection) -> bytes:
    row = conn.execute(_SQL["cursor_key"]).fetchone()
    if row is None:
        raise StoreCorrupt("The store has lost its own properties; restore a backup.")
    return bytes(row[0])
