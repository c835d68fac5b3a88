"""What every database engine offers to a store.

Only the protocol and its data types live here; no engine is named. An engine takes postings
that :mod:`jobstore.intake` has checked and queries that :mod:`jobstore.search.criteria`
has normalised, and it raises nothing but :class:`~jobstore.JobStoreError`. Cursors, streams
and limits belong to :mod:`jobstore.store`, so that they are alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from jobstore.engines.kept import Kept, Row
from jobstore.engines.steps import Steps
from jobstore.errors import JobStoreError, StoreUnavailable
from jobstore.records import (
    NOBODY,
    FacetCount,
    Job,
    JobPosting,
    JobSummary,
    Origin,
    Revision,
    Statistics,
    Status,
    UpsertResult,
)
from jobstore.search.criteria import Criteria

# Named here too, so that engines find all types of the protocol in one place.
from jobstore.search.cursor import Position as Position
from jobstore.settings import StoreURL

T = TypeVar("T")


class MissingRights(StoreUnavailable):
    """The account may not do this to the store, while it may do other things."""


class Asked(NamedTuple):
    """What a page is to have: at most ``limit`` matches that follow ``after``.

    Matches are counted where the ``total`` is not known. ``facets`` are checked names;
    ``snippets``: whether excerpts of descriptions are cut; ``groups``: whether the duplicates of
    each posting are told.
    """

    limit: int
    after: Position | None = None
    total: tuple[int, bool] | None = None
    facets: tuple[str, ...] = ()
    snippets: bool = True
    groups: bool = False


@dataclass(slots=True, kw_only=True)
class Found:
    """One page of matches as an engine returns it; ``position`` is ``None`` at the end.

    ``groups``: for each posting of the page that is in a group, whom the group has, in its order:
    the posting's id, the other one's id, source and address.
    """

    items: list[JobSummary]
    position: Position | None
    total: int
    total_capped: bool
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)
    groups: list[Row] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Queue:
    """Writes that wait for their turn: how many, and how many may wait.

    ``group`` is how many the last transaction held, where an engine writes several in one;
    ``begun`` how many writes of postings had their turn so far.
    """

    depth: int
    limit: int
    group: int = 1
    begun: int = 0


class Unit(Protocol):
    """Single operations on postings: those of an engine, or of one transaction."""

    async def upsert(self, posting: JobPosting, origin: Origin = NOBODY) -> UpsertResult:
        """Store a checked posting; merge it with what is stored (:mod:`jobstore.derived.merge`)."""

    async def update(
        self,
        id: UUID,
        changes: Mapping[str, Any],
        expected_version: int | None,
        origin: Origin = NOBODY,
    ) -> Job:
        """Set checked fields of a posting. Raises JobNotFound or VersionConflict."""

    async def set_status(
        self,
        id: UUID,
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> bool:
        """Close or reopen a posting; return whether that changed it.

        Nothing happens to one that is not there, was seen after ``unless_seen_after``, or has not
        expired at ``expired_at``. ``closed_at`` is when it was closed, if that is not now.
        """

    async def delete(self, id: UUID, origin: Origin = NOBODY) -> bool:
        """Remove a posting with everything kept about it; False if it was not there.

        That it was there stays (:data:`jobstore.engines.kept.DELETION`).
        """

    async def join(self, id: UUID, source: str, source_job_id: str, origin: Origin = NOBODY) -> Job:
        """Give a posting another key, and make one of it and what is stored under that key.

        The history of both stays. Raises JobNotFound.
        """

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        """Return the postings in the order of ``ids``, ``None`` for each that is absent."""

    async def rows(self, statement: str, *parameters: Any) -> list[Row]:
        """Return the rows of a named statement that reads.

        Ids are 16 bytes, times microseconds since 1970-01-01 UTC, flags 0 or 1.
        """


class Transacted(Unit, Protocol):
    """What a transaction has besides: it writes the tables of the life cycle.

    What :meth:`get_many` returns stays as it is until the transaction ends: others who write to it
    wait, as long as for any write. Of a posting that is not there, others may write one.
    """

    async def change(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a named statement that writes, once for each of ``rows``."""

    async def put(self, kept: Kept, rows: Sequence[Row]) -> None:
        """Store rows of a table, without their digests; one whose key is there takes its place."""

    async def walk(self, steps: Steps[T]) -> T:
        """Take steps, one after another; return what they return."""


class Engine(Unit, Protocol):
    """One open database."""

    async def upsert_many(
        self, postings: Sequence[JobPosting], origin: Origin = NOBODY
    ) -> list[UpsertResult | JobStoreError]:
        """Upsert one bounded chunk; each posting gets its own result or its own error."""

    async def set_statuses(
        self,
        ids: Sequence[UUID],
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> list[bool | JobStoreError]:
        """Do what :meth:`set_status` does for each of a bounded number of postings."""

    def transaction(self, timeout: float) -> AbstractAsyncContextManager[Transacted]:
        """Run several operations that stand or fall together.

        The transaction ends without effect if it lasts longer than ``timeout`` seconds.
        """

    async def search(self, criteria: Criteria, asked: Asked) -> Found:
        """Return one page of matches."""

    async def scan(
        self, criteria: Criteria, *, limit: int, after: Position | None
    ) -> tuple[list[Job], Position | None]:
        """Return whole postings, newest first, from ``after`` on."""

    async def scan_columns(
        self, criteria: Criteria, columns: tuple[str, ...], *, limit: int, after: Position | None
    ) -> tuple[list[Row], Position | None]:
        """Return no more of postings than some of their columns, as :meth:`rows` has values.

        ``columns``: names of columns of table posting, of code. Otherwise as :meth:`scan`.
        """

    async def look(self, steps: Callable[[], Steps[T]]) -> T:
        """Take steps that only read, off the event loop where the engine can; return what they
        return. They may be begun anew where a connection is lost."""

    async def walk(self, steps: Steps[T], timeout: float) -> T:
        """Take steps in a transaction of their own, all of them or none; return what they return.

        ``timeout``: seconds that it may take, where its statements have a way to go. Raises what
        :meth:`transaction` raises.
        """

    async def count(self, criteria: Criteria) -> int:
        """Count all matches exactly; with no criteria, without reading postings."""

    async def statistics(self) -> Statistics:
        """Return the statistics, from counts that are kept with each write."""

    async def revisions(self, id: UUID) -> list[Revision]:
        """Return what earlier versions of a posting held, newest first."""

    async def position(self) -> str:
        """Return how far the store has got: every write that was acknowledged before is part of it.

        Reads look at :mod:`.freshness` where they may come from a copy that is behind.
        """

    @property
    def url(self) -> StoreURL:
        """Where the database is."""

    @property
    def queue(self) -> Queue:
        """How many writes wait, without asking the database."""

    def owned(self) -> None:
        """Raise StoreClosed on another event loop than the one it was opened on, and in a
        process that was forked since; asks nobody.
        """

    @property
    def cursor_key(self) -> bytes:
        """The store's own secret that signs cursors, 32 bytes."""

    async def close(self) -> None:
        """Finish what was accepted, then let go of the database. Calling it twice is fine.

        Raises StoreClosed, and does nothing, on another event loop than the one it was opened
        on, and in a process that was forked since.
        """
