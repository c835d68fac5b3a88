"""What coroutines await: the store.

Opening and closing, writing many postings, and transactions are here; single postings are in
:mod:`.postings`, questions in :mod:`.queries`. No database is named and no SQL is known.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Self

from jobstore.checks import HealthLimits, HealthReport, Probe, run
from jobstore.checks.probes import every as health_probes
from jobstore.engines.freshness import at_least
from jobstore.engines.protocol import Engine
from jobstore.errors import (
    Fault,
    InvalidPosting,
    InvalidQuery,
    JobStoreError,
    StoreBusy,
    StoreClosed,
)
from jobstore.events import Observer
from jobstore.intake.bulk import Chunk, Posting, checked_chunks
from jobstore.lifecycle.applications import Applications
from jobstore.lifecycle.history import History
from jobstore.lifecycle.searches import Searches
from jobstore.postings import Transaction
from jobstore.queries import is_number
from jobstore.records import (
    Origin,
    Outcome,
    Rejection,
    UpsertReport,
)


class _Block:
    """The block of a transaction, which tasks that are started inside of it know as well."""

    __slots__ = ("store",)

    def __init__(self, store: JobStore) -> None:
        # None when the block is over, for tasks that go on.
        self.store: JobStore | None = store


_inside: ContextVar[tuple[_Block, ...]] = ContextVar("jobstore_transactions", default=())


class JobStore(Applications, History, Searches):
    """A store of job postings, open until :meth:`close`; made by :func:`connect`.

    Safe to share between all coroutines of one event loop. Any call may raise StoreClosed,
    StoreUnavailable, StoreCorrupt and StoreTimeout.
    """

    def __init__(
        self,
        engine: Engine,
        observers: tuple[Observer, ...],
        clock: Callable[[], datetime],
        actor: str | None = None,
    ) -> None:
        super().__init__(engine, observers, clock, Origin(actor))
        self._closed = False
        self._process = os.getpid()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def __del__(self) -> None:
        # A forked process has a copy, which is its parent's to close.
        if not getattr(self, "_closed", True) and self._process == os.getpid():
            warnings.warn(
                "a JobStore was not closed; use 'async with' or await store.close()",
                ResourceWarning,
                stacklevel=2,
            )

    @property
    def engine(self) -> Engine:
        """The engine that does the work, for those who watch it; not for postings."""
        return self._engine

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Tell ``observer`` about every operation from now on.

        Returns a function that ends it.
        """
        self._observers = (*self._observers, observer)

        def forget() -> None:
            self._observers = tuple(each for each in self._observers if each is not observer)

        return forget

    async def close(self) -> None:
        """Finish the writes that were accepted, then close. Calling it twice is fine.

        Raises StoreClosed, and leaves the store open for its owner, on another event loop than
        the one it was opened on, and in a process that was forked since.
        """
        before, self._closed = self._closed, True
        try:
            await self._engine.close()
        except StoreClosed:
            self._closed = before
            raise

    async def upsert_many(
        self,
        postings: Iterable[Posting] | AsyncIterable[Posting],
        *,
        strict: bool | None = None,
        seen_at: datetime | None = None,
        progress: Callable[[UpsertReport], None] | None = None,
    ) -> UpsertReport:
        """Upsert any number of postings, reading them as they are stored.

        Takes an iterable or an async iterable of postings or mappings. Those with faults are
        listed in the report with their position in the input and the reasons, and the others
        are stored, in transactions of at most 512. ``progress`` is called with the report so
        far after each of them, and again at the end. ``strict`` and ``seen_at`` are those of
        :meth:`upsert`, for all of them; the report's ``warnings`` list the values of stored
        postings that were not taken as they came.

        Raises what ``postings`` raises, and StoreBusy, StorageFull, StoreUnavailable or
        OutcomeUnknown when the store fails; what was reported to ``progress`` stays stored.
        """
        report = UpsertReport()
        with self._watch("upsert_many") as watch:
            self._before_write()
            self._check_seen_at(seen_at)
            taken = checked_chunks(
                postings, report, strict=strict, seen_at=seen_at, clock=self._clock
            )
            async with aclosing(taken) as chunks:
                # While one chunk is being written, the next one is read and checked.
                writing: asyncio.Task[None] | None = None
                try:
                    async for chunk in chunks:
                        if writing is not None:
                            # Cancelled here, the write goes on and is waited for below, so
                            # that the report tells what is stored.
                            await asyncio.shield(writing)
                        writing = asyncio.create_task(self._write_chunk(chunk, report, progress))
                except BaseException:
                    # What ended the input matters more than how the last write went.
                    if writing is not None:
                        with suppress(Exception):
                            await writing
                    raise
                if writing is not None:
                    await writing
            watch.rows = report.inserted + report.updated + report.unchanged
        report.rejected.sort(key=lambda rejection: rejection.index)
        refused = {rejection.index for rejection in report.rejected}
        report.warnings = [each for each in report.warnings if each.index not in refused]
        if progress is not None:
            progress(report)
        return report

    def _before_write(self) -> None:
        if any(block.store is self for block in _inside.get()):
            raise StoreBusy(
                "This would wait for the transaction that it is inside of; use the "
                "transaction's own methods."
            )

    async def _write_chunk(
        self,
        chunk: Chunk,
        report: UpsertReport,
        progress: Callable[[UpsertReport], None] | None,
    ) -> None:
        outcomes = await self._engine.upsert_many([posting for _, posting in chunk], self._origin)
        failure: JobStoreError | None = None
        for (index, posting), outcome in zip(chunk, outcomes, strict=True):
            if isinstance(outcome, InvalidPosting):
                report.rejected.append(Rejection(index, posting.source_job_id, outcome.faults))
            elif isinstance(outcome, BaseException):
                failure = failure or outcome
            elif outcome.outcome is Outcome.INSERTED:
                report.inserted += 1
            elif outcome.outcome is Outcome.UPDATED:
                report.updated += 1
            else:
                report.unchanged += 1
        if progress is not None:
            progress(report)
        if failure is not None:
            raise failure

    @asynccontextmanager
    async def transaction(self, timeout: float = 30.0) -> AsyncIterator[Transaction]:
        """Run several writes that stand or fall together.

        ``async with store.transaction() as tx:`` gives an object with ``upsert``, ``update``,
        ``delete``, ``get``, ``find`` and ``get_many``. All is stored when the block ends, and
        nothing when it raises. Other writers wait meanwhile, so keep it short: after
        ``timeout`` seconds (at most 86,400) it is rolled back and raises StoreTimeout. A write
        on the store itself inside of the block, or in a task that was started there, would
        wait for the block that waits for it; it raises StoreBusy at once.
        """
        if not is_number(timeout) or not 0 < timeout <= 86_400:
            raise InvalidQuery([Fault("timeout", "must be seconds above 0, at most 86,400")])
        with self._watch("transaction"):
            self._before_write()
            async with self._engine.transaction(timeout) as unit:
                block = _Block(self)
                # Not reset at the end, which may be in another context than the beginning.
                _inside.set((*(each for each in _inside.get() if each.store), block))
                try:
                    yield Transaction(unit, self._observers, self._clock, self._origin)
                finally:
                    block.store = None

    async def health(
        self, limits: HealthLimits | None = None, *, more: Iterable[Probe] = ()
    ) -> HealthReport:
        """Look how well the store is, and the process and the machine that it works on.

        Asks it for postings, searches and statistics, writes something that is taken back at
        once, and looks at its schema, its disk and what waits. Each check ends after
        ``limits.timeout`` seconds with ``fail``, so this returns even when the disk hangs.
        ``more`` probes are run beside its own. Observers are not told of any of it.

        Raises StoreClosed, and StoreBusy inside of a transaction of this store.
        """
        self._before_write()
        self._engine.owned()
        if self._closed:
            raise StoreClosed
        given = HealthLimits() if limits is None else limits
        probes = [*health_probes(self._engine, given), *more]
        return HealthReport(await run(probes, given.timeout, self._clock))

    async def position(self) -> str:
        """Return a token for how far the store has got, for :meth:`at_least`.

        Every write that was acknowledged before is part of it, whichever program made it. It is
        short text, which may be kept and handed to other programs.
        """
        with self._watch("position"):
            self._engine.owned()
            if self._closed:
                raise StoreClosed
            return await self._engine.position()

    @contextmanager
    def at_least(self, position: str) -> Iterator[None]:
        """Let the reads of the block see at least what was stored at ``position``.

        That matters where ``read_from="replica"`` takes reads to standbys, which are a moment
        behind: a read waits shortly for a standby that has got so far, and goes to the primary if
        none has. Elsewhere it is always so. Raises InvalidQuery for what is no text; reads inside
        of the block raise it for a text that no :meth:`position` gave.
        """
        if not isinstance(position, str):
            raise InvalidQuery([Fault("position", "must be what store.position() gave")])
        with at_least(str(self._engine.url), position):
            yield
