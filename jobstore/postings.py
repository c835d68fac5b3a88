"""The operations on single postings, which a store and a transaction share.

What comes in is checked here; where it goes is the unit's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstore.acting import acting
from jobstore.engines.protocol import Unit
from jobstore.errors import Fault, InvalidQuery, JobNotFound
from jobstore.events import Observer, Watch
from jobstore.intake.bulk import warnings_of
from jobstore.intake.coercion import EARLIEST
from jobstore.intake.lenient import AHEAD, accept
from jobstore.intake.validation import check_changes, check_keys
from jobstore.records import NOBODY, Job, JobPosting, Origin, UpsertResult, job_id

# The most postings that one call returns.
MAX_LIMIT = 1000


class Postings:
    """The operations on single postings, which the store and a transaction share."""

    def __init__(
        self,
        unit: Unit,
        observers: tuple[Observer, ...],
        clock: Callable[[], datetime],
        origin: Origin = NOBODY,
    ) -> None:
        self._unit = unit
        self._observers = observers
        self._clock = clock
        self._own_origin = origin

    @property
    def _origin(self) -> Origin:
        """Who writes now."""
        name = acting()
        return self._own_origin if name is None else self._own_origin._replace(actor=name)

    async def upsert(
        self,
        posting: JobPosting | Mapping[str, Any],
        *,
        strict: bool | None = None,
        seen_at: datetime | None = None,
    ) -> UpsertResult:
        """Store a posting, or merge it into the one that is stored under its key.

        A field that ``posting`` does not state keeps its stored value. The outcome is
        ``inserted``, ``updated`` (content changed, ``version`` is one higher) or
        ``unchanged`` (it was seen again). When the call returns, the write is durable.

        A JobPosting is checked strictly: any fault rejects it. Of a mapping, an optional value
        that cannot be read is left out, kept in ``attributes`` and listed in the result's
        ``warnings``. ``strict`` says otherwise for either. ``seen_at`` (an aware datetime, not in
        the future) is when the posting was seen, if it brings no ``last_seen_at``: one that was
        seen before the stored posting was last seen only adds what is not known.

        Raises InvalidPosting with every fault; StoreBusy, StorageFull, StoreUnavailable
        (nothing was stored); OutcomeUnknown (repeat it).
        """
        with self._watch("upsert") as watch:
            self._before_write()
            self._check_seen_at(seen_at)
            checked, omissions = accept(posting, strict=strict, seen_at=seen_at, clock=self._clock)
            result = await self._unit.upsert(checked, self._origin)
            self._wrote(checked, result)
            watch.rows = 1
            if omissions:
                return replace(result, warnings=tuple(warnings_of(0, checked, omissions)))
            return result

    async def update(
        self, id: UUID | str, changes: Mapping[str, Any], *, expected_version: int | None = None
    ) -> Job:
        """Set fields of a stored posting and return it as it is then.

        ``changes`` maps field names of JobPosting (but for the two keys), or ``status``, to
        values; ``None`` clears an optional field. With ``expected_version`` the update happens
        only if that version is the one that is stored.

        Raises InvalidPosting, JobNotFound, VersionConflict, and what :meth:`upsert` raises.
        """
        with self._watch("update") as watch:
            self._before_write()
            checked = check_changes(changes)
            job = await self._unit.update(check_id(id), checked, expected_version, self._origin)
            watch.rows = 1
            return job

    async def delete(self, id: UUID | str) -> bool:
        """Remove a posting and its history; returns whether it was there.

        :meth:`JobStore.history` tells afterwards that it was deleted, when and by whom.
        """
        with self._watch("delete") as watch:
            self._before_write()
            gone = await self._unit.delete(check_id(id), self._origin)
            watch.rows = int(gone)
            return gone

    async def join(self, id: UUID | str, source: str, source_job_id: str) -> Job:
        """Give a stored posting another key; make one of it and what is stored under that key.

        What was seen last wins in each field that it states, the other fills the rest, and the
        history of both stays: a revision holds the key and the values that gave way. Returns
        the posting, whose id follows from its new key.

        Raises JobNotFound, InvalidPosting for keys that no posting can have, and what
        :meth:`upsert` raises.
        """
        with self._watch("join") as watch:
            self._before_write()
            keys = check_keys(source, source_job_id)
            job = await self._unit.join(check_id(id), *keys, self._origin)
            watch.rows = 1
            return job

    async def get(self, id: UUID | str) -> Job:
        """Return the posting with this id. Raises JobNotFound."""
        with self._watch("get") as watch:
            (job,) = await self._unit.get_many([check_id(id)])
            if job is None:
                raise JobNotFound(f"No posting has the id {id}.")
            watch.rows = 1
            return job

    async def find(self, source: str, source_job_id: str) -> Job | None:
        """Return the posting that ``source`` knows as ``source_job_id``, ``None`` if absent.

        Raises InvalidQuery when the two are not text.
        """
        with self._watch("find") as watch:
            (job,) = await self._unit.get_many([_key_id(source, source_job_id)])
            watch.rows = int(job is not None)
            return job

    async def get_many(self, ids: Iterable[UUID | str]) -> list[Job | None]:
        """Return the postings with these ids, in their order; ``None`` for absent ones.

        At most 1,000 ids at a time. Raises InvalidQuery for more.
        """
        with self._watch("get_many") as watch:
            if isinstance(ids, str) or not isinstance(ids, Iterable):
                raise InvalidQuery([Fault("ids", "must be an iterable of ids")])
            wanted = [check_id(id) for id in ids]
            if len(wanted) > MAX_LIMIT:
                raise InvalidQuery([Fault("ids", f"must be at most {MAX_LIMIT:,}")])
            jobs = await self._unit.get_many(wanted)
            watch.rows = sum(job is not None for job in jobs)
            return jobs

    def _check_seen_at(self, seen_at: datetime | None) -> None:
        if seen_at is None:
            return
        if not isinstance(seen_at, datetime) or seen_at.utcoffset() is None:
            raise InvalidQuery([Fault("seen_at", "must be an aware datetime")])
        if not EARLIEST <= seen_at <= self._clock() + AHEAD:
            raise InvalidQuery([Fault("seen_at", "must be a time from 1990 to now")])

    def _before_write(self) -> None:
        """Raise if a write would never get its turn."""

    def _wrote(self, posting: JobPosting, result: UpsertResult) -> None:
        """Take notice of a posting that was stored."""

    def _watch(self, operation: str) -> Watch:
        return Watch(operation, self._observers)


class Transaction(Postings):
    """Several writes that stand or fall together; made by :meth:`JobStore.transaction`.

    It reads its own writes. Nobody else changes or deletes what it has read before it ends. A call
    that fails leaves no trace of itself, and the others stand if the block goes on.
    """


def check_id(id: UUID | str) -> UUID:
    """Return ``id`` as a UUID. Raises InvalidQuery when it is none."""
    if isinstance(id, UUID):
        return id
    try:
        return UUID(id)
    except (AttributeError, TypeError, ValueError):
        raise InvalidQuery([Fault("id", "must be a UUID")]) from None


def check_limit(limit: int) -> None:
    """Raise InvalidQuery for what is no number of postings that one call may return."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidQuery([Fault("limit", f"must be a whole number, 1 to {MAX_LIMIT:,}")])


def _key_id(source: str, source_job_id: str) -> UUID:
    try:
        return job_id(source, source_job_id)
    except (AttributeError, TypeError):
        fault = Fault("", "source and source_job_id must be text")
    except UnicodeEncodeError:
        fault = Fault("", "source and source_job_id must not contain lone surrogates")
    raise InvalidQuery([fault])
