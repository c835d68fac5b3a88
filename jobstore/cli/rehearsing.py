"""A store for dry runs: it says what a store would do with postings, and stores nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from jobstore.derived.merge import key_id
from jobstore.derived.plan import Plan
from jobstore.derived.record import Derived
from jobstore.engines.protocol import Engine
from jobstore.errors import InvalidPosting, JobStoreError
from jobstore.records import Job, JobPosting, Origin, Outcome, UpsertResult
from jobstore.store import JobStore

# How much of what was planned is remembered, in characters of its descriptions and the like.
_REMEMBERED = 32 * 1024 * 1024
# What a posting takes beside its description.
_REST = 2048


@asynccontextmanager
async def rehearsal(store: JobStore | None) -> AsyncIterator[JobStore]:
    """Give a store to be written to that holds what ``store`` holds, or nothing.

    Only its ``upsert_many`` works. A posting that comes again when 32 MiB of others came in
    between counts as unchanged.
    """
    engine = _Engine(None if store is None else store.engine)
    async with JobStore(cast(Engine, engine), (), _now) as stage:
        yield stage


class _Engine:
    """Plans what is written, as an engine does, and forgets it."""

    def __init__(self, engine: Engine | None) -> None:
        self._engine = engine
        # What the postings that came would have become; None where that was forgotten.
        self._planned: dict[UUID, Job | None] = {}
        self._size = 0

    async def upsert_many(
        self, postings: Sequence[JobPosting], _: Origin
    ) -> list[UpsertResult | JobStoreError]:
        ids = [key_id(posting.source, posting.source_job_id) for posting in postings]
        unknown = [id for id in dict.fromkeys(ids) if id not in self._planned]
        jobs = await self._engine.get_many(unknown) if self._engine is not None else []
        stored = dict(zip(unknown, jobs, strict=False))

        def known(key: UUID) -> Derived | None:
            job = self._planned.get(key) or stored.get(key)
            return None if job is None else Derived(job)

        plan = Plan(known, _now())
        results: list[UpsertResult | JobStoreError] = []
        for id, posting in zip(ids, postings, strict=True):
            try:
                if id in self._planned and self._planned[id] is None:
                    results.append(UpsertResult(id, Outcome.UNCHANGED, 1))
                else:
                    results.append(plan.upsert(posting))
            except InvalidPosting as error:
                results.append(error)
        for change in plan.changes:
            if change.after is not None:
                self._remember(change.after.job)
        return results

    def _remember(self, job: Job) -> None:
        if self._planned.get(job.id) is None:
            self._size += len(job.description or "") + _REST
        self._planned[job.id] = job if self._size <= _REMEMBERED else None

    async def close(self) -> None:
        """Do nothing: there is nothing to finish."""


def _now() -> datetime:
    return datetime.now(UTC)
