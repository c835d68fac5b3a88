"""What the engines with tables have in common: writes wait in a queue, reads are functions.

Only wiring lives here; where a read runs, and what a connection is, each engine says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Any, TypeVar
from uuid import UUID

from jobstore.engines import switching
from jobstore.engines.kept import Row
from jobstore.engines.protocol import Asked, Found, Position
from jobstore.engines.steps import Steps
from jobstore.engines.writing.operations import QueuedWrites
from jobstore.engines.writing.queue import WriteQueue
from jobstore.records import Job, Revision, Statistics
from jobstore.search.criteria import Criteria
from jobstore.settings import StoreURL

T = TypeVar("T")

Read = Callable[..., Any]
"""Reads through its first argument, a connection; the others are those of the engine's method."""


class TableEngine(QueuedWrites, ABC):
    """One open database; see :class:`jobstore.engines.protocol.Engine`."""

    lookups: ModuleType
    """Reads by key: ``get_many``, ``look``, ``revisions``, ``rows``."""
    pages: ModuleType
    """Reads by criteria: ``search``, ``scan``, ``scan_columns``, ``count``."""
    counters: ModuleType
    """Reads of what is counted with each write: ``total``, ``statistics``."""

    def __init__(
        self,
        url: StoreURL,
        writer: WriteQueue,
        clock: Callable[[], datetime],
        switch_interval: float,
    ) -> None:
        super().__init__(writer)
        self.url = url
        self._clock = clock
        # The writer's thread works beside the reads.
        self._lengthen = switching.shorten(self, switch_interval)

    @abstractmethod
    def _read(
        self, function: Read, *args: Any, quick: bool = False, whole: bool = False
    ) -> Awaitable[Any]:
        """Run ``function(connection, *args)``.

        ``quick``: it takes less time than its way to a connection. ``whole``: it runs several
        statements, which have to see one moment.
        """

    @abstractmethod
    async def _close(self) -> None:
        """Finish what was accepted, then let go of all connections."""

    async def close(self) -> None:
        """Finish what was accepted, then close all connections.

        Raises StoreClosed, and closes nothing, on another event loop and in a forked process.
        """
        self.owned()
        try:
            await self._close()
        finally:
            self._lengthen()

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        found: list[Job | None] = await self._read(self.lookups.get_many, ids, quick=len(ids) == 1)
        return found

    async def search(self, criteria: Criteria, asked: Asked) -> Found:
        """Return one page of matches."""
        found: Found = await self._read(self.pages.search, criteria, asked, whole=True)
        return found

    async def scan(
        self, criteria: Criteria, *, limit: int, after: Position | None
    ) -> tuple[list[Job], Position | None]:
        """Return whole postings, newest first."""
        found: tuple[list[Job], Position | None] = await self._read(
            partial(self.pages.scan, criteria=criteria, limit=limit, after=after), whole=True
        )
        return found

    async def scan_columns(
        self, criteria: Criteria, columns: tuple[str, ...], *, limit: int, after: Position | None
    ) -> tuple[list[Row], Position | None]:
        """Return some columns of postings, newest first."""
        given = {"criteria": criteria, "columns": columns, "limit": limit, "after": after}
        read = partial(self.pages.scan_columns, **given)
        found: tuple[list[Row], Position | None] = await self._read(read, whole=True)
        return found

    async def count(self, criteria: Criteria) -> int:
        """Count all matches."""
        if criteria.is_empty:
            return int(await self._read(self.counters.total, quick=True))
        return int(await self._read(self.pages.count, criteria, whole=True))

    async def statistics(self) -> Statistics:
        """Return the statistics as of now."""
        found: Statistics = await self._read(self.counters.statistics, self._clock(), whole=True)
        return found

    async def rows(self, statement: str, *parameters: Any) -> list[Row]:
        """Return the rows of a named statement."""
        found: list[Row] = await self._read(self.lookups.rows, statement, parameters)
        return found

    async def look(self, steps: Callable[[], Steps[T]]) -> T:
        """Take steps that only read."""
        found: T = await self._read(self.lookups.look, steps)
        return found

    async def revisions(self, id: UUID) -> list[Revision]:
        """Return what earlier versions of a posting held, newest first."""
        found: list[Revision] = await self._read(self.lookups.revisions, id)
        return found
