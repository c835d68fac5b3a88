"""The PostgreSQL engine: one connection that writes, several that read, put together.

Only wiring lives here. What a call does is in :mod:`.writing`, :mod:`.search` and :mod:`.lookups`;
which connection it gets, in :mod:`.sessions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from jobstore.engines import switching
from jobstore.engines.postgres import lookups
from jobstore.engines.postgres.search import pages
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import counters
from jobstore.engines.postgres.writing.writer import Writer
from jobstore.engines.protocol import Found, Position, Queue, Unit
from jobstore.engines.writing.admission import newest_migration
from jobstore.errors import JobStoreError
from jobstore.records import Job, JobPosting, Revision, Statistics, UpsertResult
from jobstore.search.criteria import Criteria
from jobstore.settings import EngineOptions, StoreURL


class PostgresEngine:
    """One open database of a server; made by :meth:`open`. See :class:`~..protocol.Engine`."""

    def __init__(
        self,
        url: StoreURL,
        sessions: Sessions,
        writer: Writer,
        cursor_key: bytes,
        clock: Callable[[], datetime],
        switch_interval: float = 0.0,
    ) -> None:
        self.url = url
        self.sessions = sessions
        self.writer = writer
        self.cursor_key = cursor_key
        self._clock = clock
        # Large batches are worked out on a thread, beside the reads of the event loop.
        self._lengthen = switching.shorten(self, switch_interval)

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

    @property
    def queue(self) -> Queue:
        """How many writes wait for the writer."""
        return self.writer.queue

    def owned(self) -> None:
        """Raise StoreClosed where the engine was not opened."""
        self.sessions.owned()

    async def close(self) -> None:
        """Finish what was accepted, then close all connections.

        Raises StoreClosed, and closes nothing, on another event loop and in a forked process.
        """
        self.owned()
        try:
            await self.writer.close()
        finally:
            await self.sessions.close()
            self._lengthen()

    async def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting."""
        return await self.writer.upsert(posting)

    async def upsert_many(
        self, postings: Sequence[JobPosting]
    ) -> list[UpsertResult | JobStoreError]:
        """Upsert one chunk; each posting gets its own result or its own error."""
        return await self.writer.upsert_many(postings)

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None
    ) -> Job:
        """Set checked fields of a posting."""
        return await self.writer.update(id, changes, expected_version)

    async def delete(self, id: UUID) -> bool:
        """Remove a posting."""
        return await self.writer.delete(id)

    async def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a posting another key."""
        return await self.writer.join(id, source, source_job_id)

    def transaction(self, timeout: float) -> AbstractAsyncContextManager[Unit]:
        """Run several operations that stand or fall together."""
        return self.writer.transaction(timeout)

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        return await self.sessions.read(partial(lookups.get_many, ids=ids))

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
        return await self.sessions.read(
            partial(
                pages.search,
                criteria=criteria,
                limit=limit,
                after=after,
                total=total,
                facets=facets,
                snippets=snippets,
            ),
            whole=True,
        )

    async def scan(
        self, criteria: Criteria, *, limit: int, after: Position | None
    ) -> tuple[list[Job], Position | None]:
        """Return whole postings, newest first."""
        return await self.sessions.read(
            partial(pages.scan, criteria=criteria, limit=limit, after=after), whole=True
        )

    async def count(self, criteria: Criteria) -> int:
        """Count all matches."""
        if criteria.is_empty:
            return await self.sessions.read(counters.total)
        return await self.sessions.read(partial(pages.count, criteria=criteria), whole=True)

    async def statistics(self) -> Statistics:
        """Return the statistics as of now."""
        return await self.sessions.read(partial(counters.statistics, now=self._clock()), whole=True)

    async def position(self) -> str:
        """Return how far the primary's log has got."""
        return await self.sessions.position()

    async def revisions(self, id: UUID) -> list[Revision]:
        """Return what earlier versions of a posting held, newest first."""
        return await self.sessions.read(partial(lookups.revisions, id=id))
