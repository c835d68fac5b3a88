"""The SQLite engine: one writer, several readers, put together.

Only wiring lives here. What a call does is in :mod:`.writing.changes`, :mod:`.lookups`,
:mod:`.writing.counters` and :mod:`.search`; how it gets its turn is in :mod:`.writing.writer` and
:mod:`.readers`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from jobstore.engines.schema import Fits
from jobstore.engines.sqlite import lookups, schema
from jobstore.engines.sqlite.connection import open_writer
from jobstore.engines.sqlite.identity import REPLACED, Identity, OpenFile, is_same
from jobstore.engines.sqlite.readers import ReaderPool
from jobstore.engines.sqlite.search import pages
from jobstore.engines.sqlite.writing import beside, counters
from jobstore.engines.sqlite.writing.changes import PostingWrites, begin
from jobstore.engines.sqlite.writing.renewing import admit
from jobstore.engines.sqlite.writing.writer import StoreWriter
from jobstore.engines.steps import Steps
from jobstore.engines.table_engine import Read, TableEngine
from jobstore.engines.writing.admission import newest_migration
from jobstore.engines.writing.turns import Work
from jobstore.errors import StoreUnavailable
from jobstore.locking import FileLock
from jobstore.settings import EngineOptions, parse_store_url, sqlite_url

T = TypeVar("T")


class SQLiteEngine(TableEngine):
    """One open SQLite database; made by :meth:`open`."""

    lookups, pages, counters, beside = lookups, pages, counters, beside

    writer: StoreWriter

    def __init__(
        self,
        writer: StoreWriter,
        readers: ReaderPool,
        adopted: _Adopted,
        clock: Callable[[], datetime],
        path: Path,
        switch_interval: float,
    ) -> None:
        url = parse_store_url(sqlite_url(path))
        super().__init__(url, writer, clock, switch_interval)
        self.readers = readers
        self._adopted = adopted

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

        def begun(conn: sqlite3.Connection, works: Sequence[Work]) -> PostingWrites:
            if not is_same(cast(OpenFile, conn).identity):
                raise StoreUnavailable(REPLACED)
            admit(conn, newest)
            return begin(conn, works, clock)

        writer = StoreWriter(session, options, FileLock(path, options.busy_timeout), begun)
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

    async def walk(self, steps: Steps[T], timeout: float) -> T:
        """Take steps in a transaction of their own, all of them in one turn of the writer."""
        found: T = await self.writer.run_alone(beside.walk, steps)
        return found

    async def position(self) -> str:
        """Return the one position there is: each read sees what was written before."""
        return "0"

    def _read(
        self, function: Read, *args: Any, quick: bool = False, whole: bool = False
    ) -> Awaitable[Any]:
        # Functions that run several statements begin a transaction themselves, on the thread.
        return self.readers.read(function, *args, quick=quick)

    async def _close(self) -> None:
        try:
            await self.readers.close()
        finally:
            # The last one to close checkpoints, and only the writer may.
            await self.writer.close()


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
        self.cursor_key = lookups.cursor_key(conn)
        self._identity = conn.identity
