"""The writer: the operations of the engine that write, in front of the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from jobstore.derived.plan import Plan
from jobstore.engines.postgres.lookups import get_many
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing.batch import ids_of
from jobstore.engines.postgres.writing.line import Line
from jobstore.engines.postgres.writing.transactions import Transactions
from jobstore.engines.protocol import Queue
from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.queue import WriteQueue
from jobstore.engines.writing.turns import Line as AnyLine
from jobstore.errors import JobStoreError
from jobstore.records import Job, JobPosting, UpsertResult
from jobstore.settings import EngineOptions

# Groups under way at once: the server works on one while the next is worked out here.
_AT_ONCE = 2


class Writer:
    """Writes for every coroutine of a process, through connections of ``sessions``.

    ``clock`` gives the time of each write, ``newest`` is the newest migration that this program
    knows. See :class:`jobstore.engines.protocol.Engine` for what
    the operations do.
    """

    def __init__(
        self,
        sessions: Sessions,
        options: EngineOptions,
        clock: Callable[[], datetime],
        newest: str,
    ) -> None:
        self._queue = _Queue(sessions, options, Transactions(clock, newest))

    @property
    def queue(self) -> Queue:
        """How many writes wait."""
        queue = self._queue
        return Queue(queue.queue_depth, queue.queue_size, queue.last_group_size)

    async def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting."""
        return cast(UpsertResult, await self._queue.submit(Plan.upsert, posting))

    async def upsert_many(
        self, postings: Sequence[JobPosting]
    ) -> list[UpsertResult | JobStoreError]:
        """Upsert one chunk; each posting gets its own result or its own error."""
        return await self._queue.submit_many(Plan.upsert, [(each,) for each in postings])

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None
    ) -> Job:
        """Set checked fields of a posting."""
        return cast(Job, await self._queue.submit(Plan.update, id, changes, expected_version))

    async def delete(self, id: UUID) -> bool:
        """Remove a posting."""
        return bool(await self._queue.submit(Plan.delete, id))

    async def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a posting another key."""
        return cast(Job, await self._queue.submit(Plan.join, id, source, source_job_id))

    @asynccontextmanager
    async def transaction(self, timeout: float) -> AsyncIterator[Transaction]:
        """Run several operations that stand or fall together, within ``timeout`` seconds."""
        async with self._queue.exclusive(timeout) as exclusive:
            yield Transaction(exclusive)

    def owned(self) -> None:
        """Raise StoreClosed where the store was not opened."""
        self._queue.owned()

    async def close(self) -> None:
        """Finish what was accepted. Calling it twice is fine."""
        await self._queue.close()


class Transaction:
    """The operations of one exclusive transaction; reads see its own writes."""

    def __init__(self, exclusive: ExclusiveTransaction) -> None:
        self._exclusive = exclusive

    async def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting."""
        return cast(UpsertResult, await self._exclusive.run(Plan.upsert, posting))

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None
    ) -> Job:
        """Set checked fields of a posting."""
        return cast(Job, await self._exclusive.run(Plan.update, id, changes, expected_version))

    async def delete(self, id: UUID) -> bool:
        """Remove a posting."""
        return bool(await self._exclusive.run(Plan.delete, id))

    async def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a posting another key."""
        return cast(Job, await self._exclusive.run(Plan.join, id, source, source_job_id))

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        return cast("list[Job | None]", await self._exclusive.run(get_many, ids))


class _Queue(WriteQueue):
    """Adds up counts between two groups, when there are many."""

    def __init__(
        self, sessions: Sessions, options: EngineOptions, transactions: Transactions
    ) -> None:
        lines = [Line(sessions) for _ in range(_AT_ONCE)]
        super().__init__(lines, options, transactions, ids_of)
        self._counting = transactions

    def _rested(self, line: AnyLine) -> None:
        if self._counting.has_counts:
            # Others go on meanwhile on the other line.
            line.post(self._counting.roll_up, lambda result, error: self._rested(line))
        else:
            super()._rested(line)
