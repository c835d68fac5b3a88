"""The writes of an engine, in front of its queue: single ones, many, and those of a transaction.

What each of them does is decided by the plan of the transaction that runs it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

from jobstore.derived.merge import key_id
from jobstore.derived.plan import Plan
from jobstore.engines.protocol import Queue
from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.queue import WriteQueue
from jobstore.engines.writing.turns import Operation, Work
from jobstore.errors import JobStoreError
from jobstore.records import Job, JobPosting, UpsertResult

# How to find the ids of the postings in the arguments of an operation.
_IDS_OF: dict[Operation, Callable[..., tuple[UUID, ...]]] = {
    Plan.upsert: lambda posting: (key_id(posting.source, posting.source_job_id),),
    Plan.update: lambda given, *_: (given,),
    Plan.delete: lambda given: (given,),
    Plan.join: lambda given, *key: (given, key_id(*key)),
}


def ids_of(works: Iterable[Work]) -> list[UUID]:
    """Return the ids of all postings that operations on a plan may read or write."""
    known = ((_IDS_OF[operation], args) for operation, args in works if operation in _IDS_OF)
    return list({id for ids, args in known for id in ids(*args)})


def ids_to_find(works: Iterable[Work]) -> list[UUID]:
    """Return the ids of those whose answer is another one where nothing is stored, and which then
    write nothing that would meet what is."""
    return ids_of(work for work in works if work[0] is not Plan.upsert)


class _Writes:
    """Single writes, each run by ``run`` as an operation on a :class:`~jobstore.derived.plan.Plan`.

    See :class:`jobstore.engines.protocol.Unit`.
    """

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        self._run = run

    async def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting."""
        return cast(UpsertResult, await self._run(Plan.upsert, posting))

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None
    ) -> Job:
        """Set checked fields of a posting."""
        return cast(Job, await self._run(Plan.update, id, changes, expected_version))

    async def delete(self, id: UUID) -> bool:
        """Remove a posting."""
        return bool(await self._run(Plan.delete, id))

    async def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a posting another key."""
        return cast(Job, await self._run(Plan.join, id, source, source_job_id))


class TransactionUnit(_Writes):
    """The operations of one exclusive transaction; reads see its own writes.

    ``get_many`` is the operation that reads postings.
    """

    def __init__(self, exclusive: ExclusiveTransaction, get_many: Operation) -> None:
        super().__init__(exclusive.run)
        self._get_many = get_many

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return postings in the order of ``ids``."""
        return cast("list[Job | None]", await self._run(self._get_many, ids))


class QueuedWrites(_Writes):
    """All that an engine writes, through one queue; see :class:`jobstore.engines.protocol.Engine`.

    ``get_many`` is the operation that reads postings inside of a transaction.
    """

    def __init__(self, writer: WriteQueue, get_many: Operation) -> None:
        super().__init__(writer.submit)
        self.writer = writer
        self._get_many = get_many

    @property
    def queue(self) -> Queue:
        """How many writes wait for the writer."""
        writer = self.writer
        return Queue(writer.queue_depth, writer.queue_size, writer.last_group_size)

    def owned(self) -> None:
        """Raise StoreClosed where the engine was not opened."""
        self.writer.owned()

    async def upsert_many(
        self, postings: Sequence[JobPosting]
    ) -> list[UpsertResult | JobStoreError]:
        """Upsert one chunk; each posting gets its own result or its own error."""
        return await self.writer.submit_many(Plan.upsert, [(each,) for each in postings])

    @asynccontextmanager
    async def transaction(self, timeout: float) -> AsyncIterator[TransactionUnit]:
        """Run several operations that stand or fall together."""
        async with self.writer.exclusive(timeout) as exclusive:
            yield TransactionUnit(exclusive, self._get_many)
