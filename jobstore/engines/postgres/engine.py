"""The PostgreSQL engine: the connections that write and those that read, put together.

Only wiring lives here. What a call does is in :mod:`.writing`, :mod:`.search` and :mod:`.lookups`;
which connection it gets, in :mod:`.sessions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from jobstore.engines.postgres import lookups
from jobstore.engines.postgres.search import pages
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import beside, counters
from jobstore.engines.postgres.writing.writer import Writer
from jobstore.engines.table_engine import Read, TableEngine
from jobstore.engines.writing.admission import newest_migration
from jobstore.settings import EngineOptions, StoreURL


class PostgresEngine(TableEngine):
    """One open database of a server; made by :meth:`open`."""

    lookups, pages, counters, beside = lookups, pages, counters, beside

    def __init__(
        self,
        url: StoreURL,
        sessions: Sessions,
        writer: Writer,
        cursor_key: bytes,
        clock: Callable[[], datetime],
        switch_interval: float,
    ) -> None:
        super().__init__(url, writer, clock, switch_interval)
        self.sessions = sessions
        self.cursor_key = cursor_key

    @classmethod
    async def open(
        cls, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime]
    ) -> PostgresEngine:
        """Open the migrated database that ``url`` names; ``clock`` gives the time of each write."""
        sessions = await Sessions.open(url, options)
        try:
            key = await sessions.read(lookups.cursor_key)
            newest = await asyncio.to_thread(newest_migration, "postgres")
            writer = Writer(sessions, options, clock, newest)
        except BaseException:
            await sessions.close()
            raise
        return cls(url, sessions, writer, key, clock, options.switch_interval)

    async def position(self) -> str:
        """Return how far the primary's log has got."""
        return await self.sessions.position()

    def _read(
        self, function: Read, *args: Any, quick: bool = False, whole: bool = False
    ) -> Awaitable[Any]:
        return self.sessions.read(lambda session: function(session, *args), whole=whole)

    async def _close(self) -> None:
        try:
            await self.writer.close()
        finally:
            await self.sessions.close()
