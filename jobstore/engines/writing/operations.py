"""The writes of an engine, in front of its queue: single ones, many, and those of a transaction.

What each of them does is decided by the plan of the transaction that runs it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import ModuleType
from typing import Any, TypeVar, cast
from uuid import UUID

from jobstore.derived.merge import key_id
from jobstore.derived.plan import Plan
from jobstore.engines.kept import Kept, Row, sealed
from jobstore.engines.protocol import Queue
from jobstore.engines.steps import Change, Read, Step, Steps, awaited
from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.queue import WriteQueue
from jobstore.engines.writing.turns import Operation, Work
from jobstore.errors import JobStoreError
from jobstore.records import NOBODY, Job, JobPosting, Origin, Status, UpsertResult

T = TypeVar("T")

# How to find the ids of the postings in the arguments of an operation.
_IDS_OF: dict[Operation, Callable[..., tuple[UUID, ...]]] = {
    Plan.upsert: lambda posting, *_: (key_id(posting.source, posting.source_job_id),),
    Plan.update: lambda given, *_: (given,),
    Plan.set_status: lambda given, *_: (given,),
    Plan.delete: lambda given, *_: (given,),
    Plan.join: lambda given, source, source_job_id, *_: (given, key_id(source, source_job_id)),
}


def ids_of(works: Iterable[Work]) -> list[UUID]:
    """Return the ids of all postings that operations on a plan may read or write."""
    known = ((_IDS_OF[operation], args) for operation, args in works if operation in _IDS_OF)
    return list({id for ids, args in known for id in ids(*args)})


def ids_to_find(works: Iterable[Work]) -> list[UUID]:
    """Return the ids of those whose answer is another one where nothing is stored, and which then
    write nothing that would meet what is."""
    return ids_of(work for work in works if work[0] is not Plan.upsert)


def to_put(kept: Kept, rows: Sequence[Row]) -> list[Row]:
    """Return rows with their digests, as they are stored; a server refuses two with one key."""
    put = [sealed(row) for row in rows]
    return [*{kept.key_of(row): row for row in put}.values()]


async def walked(unit: Any, steps: Steps[T]) -> T:
    """Take steps as operations of a transaction; return what they return."""

    async def take(step: Step) -> list[Row]:
        if isinstance(step, Read):
            found: list[Row] = await unit.rows(step.statement, *step.parameters)
            return found
        if isinstance(step, Change):
            await unit.change(*step)
        else:
            await unit.put(*step)
        return []

    return await awaited(steps, take)


class _Writes:
    """Single writes, each run by ``run`` as an operation on a :class:`~jobstore.derived.plan.Plan`.

    See :class:`jobstore.engines.protocol.Unit`.
    """

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self._run = run

    async def upsert(self, posting: JobPosting, origin: Origin = NOBODY) -> UpsertResult:
        """Store a checked posting."""
        return cast(UpsertResult, await self._run(Plan.upsert, posting, origin))

    async def update(
        self,
        id: UUID,
        changes: Mapping[str, Any],
        expected_version: int | None,
        origin: Origin = NOBODY,
    ) -> Job:
        """Set checked fields of a posting."""
        return cast(Job, await self._run(Plan.update, id, changes, expected_version, origin))

    async def set_status(
        self,
        id: UUID,
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> bool:
        """Close or reopen a posting."""
        given = (id, status, unless_seen_after, origin, closed_at, expired_at)
        return bool(await self._run(Plan.set_status, *given))

    async def delete(self, id: UUID, origin: Origin = NOBODY) -> bool:
        """Remove a posting."""
        return bool(await self._run(Plan.delete, id, origin))

    async def join(self, id: UUID, source: str, source_job_id: str, origin: Origin = NOBODY) -> Job:
        """Give a posting another key."""
        return cast(Job, await self._run(Plan.join, id, source, source_job_id, origin))


class TransactionUnit(_Writes):
    """The operations of one exclusive transaction; reads see its own writes.

    ``beside`` has the operations that are none of a plan.
    """

    def __init__(self, exclusive: ExclusiveTransaction, beside: ModuleType) -> None:
        super().__init__(exclusive.run)
        self._beside = beside

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        return cast("list[Job | None]", await self._run(self._beside.get_many, ids))

    async def rows(self, statement: str, *parameters: Any) -> list[Row]:
        """Return the rows of a named statement."""
        return cast("list[Row]", await self._run(self._beside.rows, statement, parameters))

    async def change(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a named statement for each of ``rows``."""
        await self._run(self._beside.change, statement, rows)

    async def put(self, kept: Kept, rows: Sequence[Row]) -> None:
        """Store rows of a table of the life cycle."""
        await self._run(self._beside.put, kept, to_put(kept, rows))

    async def walk(self, steps: Steps[T]) -> T:
        """Take steps, one after another."""
        return await walked(self, steps)


class QueuedWrites(_Writes):
    """All that an engine writes, through one queue; see :class:`~..protocol.Engine`."""

    beside: ModuleType
    """The operations inside of a transaction that are none of a plan: ``get_many``, ``rows``,
    ``change`` and ``put``."""

    def __init__(self, writer: WriteQueue) -> None:
        super().__init__(writer.submit)
        self.writer = writer

    @property
    def queue(self) -> Queue:
        """How many writes wait for the writer."""
        writer = self.writer
        return Queue(
            writer.queue_depth, writer.queue_size, writer.last_group_size, writer.operations_begun
        )

    def owned(self) -> None:
        """Raise StoreClosed where the engine was not opened."""
        self.writer.owned()

    async def upsert_many(
        self, postings: Sequence[JobPosting], origin: Origin = NOBODY
    ) -> list[UpsertResult | JobStoreError]:
        """Upsert one chunk; each posting gets its own result or its own error."""
        return await self.writer.submit_many(Plan.upsert, [(each, origin) for each in postings])

    async def set_statuses(
        self,
        ids: Sequence[UUID],
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> list[bool | JobStoreError]:
        """Close or reopen postings; each gets its own result or its own error."""
        given = (status, unless_seen_after, origin, closed_at, expired_at)
        works = [(id, *given) for id in ids]
        return await self.writer.submit_many(Plan.set_status, works)

    @asynccontextmanager
    async def transaction(self, timeout: float) -> AsyncIterator[TransactionUnit]:
        """Run several operations that stand or fall together."""
        async with self.writer.exclusive(timeout) as exclusive:
            yield TransactionUnit(exclusive, self.beside)

    async def walk(self, steps: Steps[T], timeout: float) -> T:
        """Take steps in a transaction of their own."""
        async with self.transaction(timeout) as unit:
            return await unit.walk(steps)
