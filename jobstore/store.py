"""What coroutines await: the store.

Opening and closing, and transactions are here; single postings are in :mod:`.postings`, many in
:mod:`.bulk_writes`, questions in :mod:`.queries`, and what postings live through in
:mod:`.lifecycle`. No database is named and no SQL is known.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Self

from jobstore.bulk_writes import BulkWrites
from jobstore.checks import HealthLimits, HealthReport, Probe, run
from jobstore.checks.probes import every as health_probes
from jobstore.engines.freshness import at_least
from jobstore.engines.protocol import Engine
from jobstore.errors import (
    Fault,
    InvalidQuery,
    StoreBusy,
    StoreClosed,
)
from jobstore.events import Observer
from jobstore.lifecycle.applications import Applications
from jobstore.lifecycle.closing import Closing
from jobstore.lifecycle.history import History
from jobstore.lifecycle.pairs import Duplicates
from jobstore.lifecycle.runs import Runs
from jobstore.lifecycle.searches import Searches
from jobstore.postings import Transaction
from jobstore.queries import Queries, is_number
from jobstore.records import Origin
from jobstore.settings import SourceRules


class _Block:
    """The block of a transaction, which tasks that are started inside of it know as well."""

    __slots__ = ("store",)

    def __init__(self, store: JobStore) -> None:
        # None when the block is over, for tasks that go on.
        self.store: JobStore | None = store


_inside: ContextVar[tuple[_Block, ...]] = ContextVar("jobstore_transactions", default=())


class JobStore(Applications, BulkWrites, Closing, Duplicates, History, Queries, Runs, Searches):
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
        sources: Mapping[str, SourceRules] | None = None,
    ) -> None:
        super().__init__(engine, observers, clock, Origin(actor))
        self._sources = sources or {}
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

    def _before_write(self) -> None:
        if any(block.store is self for block in _inside.get()):
            raise StoreBusy(
                "This would wait for the transaction that it is inside of; use the "
                "transaction's own methods."
            )

    @asynccontextmanager
    async def transaction(self, timeout: float = 30.0) -> AsyncIterator[Transaction]:
        """Run several writes that stand or fall together.

        ``async with store.transaction() as tx:`` gives an object with ``upsert``, ``update``,
        ``delete``, ``get``, ``find`` and ``get_many``. All is stored when the block ends, and
        nothing when it raises. Other writers wait meanwhile; on PostgreSQL, other programs wait
        only where they would write what the block has written, or read by ``get``, ``find`` or
        ``get_many``. So a value that was read, changed and written back overwrites nobody's.
        This does not hold on PostgreSQL for a posting that was not there yet, which another program
        may insert, and nowhere for what the store itself reads inside of the block (``search``,
        ``count``): that is as it was before. Reads on a store wait for nobody.

        Keep it short: after ``timeout`` seconds (at most 86,400) it is rolled back and raises
        StoreTimeout. Whoever waits too long, and one of two that wait for each other, gets
        StoreBusy. A write on the store itself inside of the block, or in a task that was started
        there, would wait for the block that waits for it; it raises StoreBusy at once.
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
