"""The connections of an open store: those that read, those that write; and one that blocks.

Who gets which connection, and for how long, is decided here; no statement on postings is run.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from jobstore.engines import freshness
from jobstore.engines.owner import Owner
from jobstore.engines.postgres.connection import Session, connect, connect_blocking, filled
from jobstore.engines.postgres.errors import is_lost, may_return, retryable, translated, translating
from jobstore.engines.postgres.hosts import STANDBY, Place, ordered, place, several
from jobstore.engines.postgres.pauses import length, pause
from jobstore.engines.postgres.readers import Readers
from jobstore.engines.postgres.standbys import (
    Standbys,
    caught_up,
    check_position,
    current_position,
)
from jobstore.errors import JobStoreError, StoreClosed, StoreTimeout, StoreUnavailable
from jobstore.settings import EngineOptions, StoreURL

T = TypeVar("T")

# Seconds that a statement of the writer may take, beside what it waits for locks.
_WRITING = 300.0
# Seconds, about, before the second repetition, and at most before a later one.
_PAUSES = (0.04, 1.28)
# Seconds after which it is looked at whether a server that does not answer is the primary still.
_QUIET = 3.0
# Seconds beyond a reader's time until the server itself stops a statement.
_SPARE = 1.0


class Sessions:
    """All connections of one open store; made by :meth:`open`.

    What is done with them belongs to the event loop and the process that opened them.
    """

    def __init__(self, url: StoreURL, options: EngineOptions) -> None:
        self._url = url
        self._options = options
        self._owner = Owner()
        self._loop = self._owner.loop
        self._asked = filled(url)
        self._asked_of_standbys = {**self._asked, "target_session_attrs": STANDBY}
        self._several = several(self._asked)
        self._last: Place | None = None
        self._readers = Readers(self._connect_reader, options.readers)
        from_standbys = options.read_from == "replica"
        self._standbys = (
            Standbys(Readers(self._connect_standby, options.readers)) if from_standbys else None
        )
        self._watching: set[asyncio.Task[None]] = set()
        self._looking = asyncio.Lock()
        # Those that write and rest, at most as many as ever wrote at once.
        self._writers: list[Session] = []
        self._returned = asyncio.Event()
        self._reads = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self.pooled = False
        """Whether a pooler that lends sessions for one transaction stands before the server."""

    @classmethod
    async def open(cls, url: StoreURL, options: EngineOptions) -> Self:
        """Connect to the database that ``url`` names. Raises StoreUnavailable."""
        sessions = cls(url, options)
        with translating():
            writer = await sessions._connect_writer()
        sessions._writers.append(writer)
        sessions.pooled = writer.pooled
        return sessions

    def owned(self) -> None:
        """Raise StoreClosed on another event loop and in a process that was forked since."""
        self._owner.check()

    @asynccontextmanager
    async def reading(
        self, readers: Readers | None = None, position: str | None = None
    ) -> AsyncIterator[Session]:
        """Give a connection that reads, in autocommit, for ``options.read_timeout`` seconds.

        It comes from ``readers``, without which it reads where the store writes, and has got to
        ``position``. Raises StoreTimeout, StoreUnavailable; psycopg's errors of the block are
        translated.
        """
        async with self._lent(readers, position) as session:
            if session.pooled:
                async with session.transaction():
                    await session.settle()
                    yield session
            else:
                yield session

    @asynccontextmanager
    async def snapshot(
        self, readers: Readers | None = None, position: str | None = None
    ) -> AsyncIterator[Session]:
        """Do as :meth:`reading`, but let all statements of the block see the same state."""
        async with self._lent(readers, position) as session:
            await session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                await session.settle()
                yield session
            finally:
                # Where it is broken it is not given to others, and the block's error matters more.
                with suppress(psycopg.Error):
                    await session.execute("ROLLBACK")

    async def read(self, function: Callable[[Session], Awaitable[T]], *, whole: bool = False) -> T:
        """Return what ``function`` reads; ``whole``: from one state of the store.

        It comes from a standby where the options say so and one has what :mod:`..freshness` asks
        for. A connection that was lost meanwhile is replaced: once, and where the URL names several
        hosts again and again, for as long as a read may take, until one of them is the primary. A
        read that the server ended for the sake of another transaction begins again.
        """
        lending = self.snapshot if whole else self.reading
        position = freshness.wanted(str(self._url))
        if position is not None:
            check_position(position)
        if self._standbys is not None and self._standbys.may_be_asked():
            with self._standbys.standing_in() as found:
                async with lending(found, position) as session:
                    return await function(session)
        return await self._from_primary(function, lending)

    async def _from_primary(
        self,
        function: Callable[[Session], Awaitable[T]],
        lending: Callable[[], AbstractAsyncContextManager[Session]],
    ) -> T:
        end = self._loop.time() + self._options.read_timeout
        for tried in itertools.count():
            try:
                async with lending() as session:
                    return await function(session)
            except JobStoreError as error:
                cause, over = error.__cause__, self._loop.time() > end
                if cause is None:
                    raise
                if retryable(cause):
                    # Who exchanges tables waited for the read, and the read for them.
                    if over:
                        raise
                elif not may_return(cause) or (tried and (over or not self._several)):
                    raise
            if tried:
                await pause(tried, *_PAUSES)
        raise AssertionError  # the count has no end

    async def position(self) -> str:
        """Return how far the primary's log has got."""
        return await self._from_primary(current_position, self.reading)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        """Give a connection that writes, in autocommit: one that rests, else a new one.

        For one it waits up to ``options.busy_timeout`` seconds, and raises StoreUnavailable then,
        or StoreBusy where the server has none left. psycopg's errors of the block are not
        translated. A transaction that is still open at the end is rolled back.
        """
        self.owned()
        session = await self._writer()
        try:
            with self._watched(session):
                yield session
        except BaseException as error:
            if is_lost(error):
                # It may be there still, of a server that is no primary any more.
                session.pgconn.finish()
            raise
        finally:
            if session.pgconn.transaction_status != TransactionStatus.IDLE:
                await _rolled_back(session)
            if self._closing:
                session.pgconn.finish()
            elif not session.closed:
                self._writers.append(session)
                self._returned.set()

    async def close(self) -> None:
        """Let reads that have begun end, then close all connections. Calling it twice is fine."""
        self.owned()
        self._closing = True
        await self._idle.wait()
        self._readers.close()
        if self._standbys is not None:
            self._standbys.readers.close()
        for task in self._watching:
            task.cancel()
        for session in self._writers:
            session.pgconn.finish()

    @asynccontextmanager
    async def _lent(self, readers: Readers | None, position: str | None) -> AsyncIterator[Session]:
        readers = readers or self._readers
        self.owned()
        if self._closing:
            raise StoreClosed
        self._reads += 1
        self._idle.clear()
        try:
            async with asyncio.timeout(self._options.read_timeout) as patience:
                with translating():
                    session = await readers.take()
                    try:
                        with self._watched(session, readers is not self._readers):
                            await caught_up(session, position)
                            yield session
                    finally:
                        readers.give(session)
        except TimeoutError:
            if not patience.expired():
                raise
            raise StoreTimeout from None
        finally:
            self._reads -= 1
            if not self._reads:
                self._idle.set()

    async def _connect(self, asked: Mapping[str, Any], statement: float, lock: float) -> Session:
        ours = asked is self._asked
        session = await connect(
            ordered(asked, first=self._last) if ours else asked,
            self._options,
            statement=statement,
            lock=lock,
        )
        if ours:
            self._last = place(session)
        return session

    async def _connect_reader(self) -> Session:
        seconds = self._options.read_timeout + _SPARE
        return await self._connect(self._asked, seconds, seconds)

    async def _connect_standby(self) -> Session:
        seconds = self._options.read_timeout + _SPARE
        return await self._connect(self._asked_of_standbys, seconds, seconds)

    async def _connect_writer(self) -> Session:
        seconds = self._options.busy_timeout
        return await self._connect(self._asked, _WRITING + seconds, seconds)

    async def _writer(self) -> Session:
        """Return one that writes, waiting for a server that may return or for the next primary.

        Where the server has none left for us, those that we have come back.
        """
        end = self._loop.time() + self._options.busy_timeout
        for tried in itertools.count():
            self._returned.clear()
            while self._writers:
                session = self._writers.pop()
                if session.is_alive() and not session.standby:
                    return session
                session.pgconn.finish()
            try:
                session = await self._connect_writer()
                if not session.standby:
                    return session
                session.pgconn.finish()
                raise psycopg.errors.ReadOnlySqlTransaction
            except psycopg.Error as error:
                if not may_return(error) or self._loop.time() > end:
                    raise translated(error) from error
            if tried:
                with suppress(TimeoutError):
                    async with asyncio.timeout(length(tried, *_PAUSES)):
                        await self._returned.wait()
        raise AssertionError  # the count has no end

    @contextmanager
    def _watched(self, session: Session, standby: bool = False) -> Iterator[None]:
        """Look from time to time, while the block waits, for whether its server is right still.

        A server that is frozen, or cut off with its machine, keeps a connection waiting without a
        word. When another one answers as the primary, or a standby does not answer, the block's
        connection is broken off.
        """
        task: asyncio.Task[None] | None = None

        def begin() -> None:
            nonlocal task
            task = self._loop.create_task(self._watch(session, standby))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

        timer = self._loop.call_later(_QUIET, begin)
        try:
            yield
        finally:
            timer.cancel()
            if task is not None:
                task.cancel()

    async def _watch(self, session: Session, standby: bool) -> None:
        if standby:
            asked = ordered(self._asked_of_standbys, first=place(session))
        else:
            asked = ordered(self._asked, last=place(session))
        asked["connect_timeout"] = round(_QUIET)
        while True:
            found = None
            with suppress(psycopg.Error, StoreUnavailable):
                # One at a time: where everything is slow, more connections make it slower.
                async with self._looking:
                    other = await connect(asked, self._options, statement=_SPARE, lock=_SPARE)
                found = other.server
                if not standby:
                    self._last = place(other)
                other.pgconn.finish()
            if found != session.server and (found or standby):
                session.break_off()
                # Those that nobody uses would keep the next ones waiting in the same way.
                (self._standbys.readers if standby and self._standbys else self._readers).close()
                return
            await asyncio.sleep(_QUIET)


@contextmanager
def blocking(url: StoreURL, *, patience: float = 30.0) -> Iterator[Connection[tuple[Any, ...]]]:
    """Give a connection in autocommit to what blocks: migrations, upkeep, commands.

    ``patience``: seconds that it waits for locks. Statements may take any time. psycopg's errors
    of the block are translated. Raises StoreUnavailable.
    """
    with translating():
        conn = connect_blocking(url, patience=patience)
        try:
            yield conn
        finally:
            conn.close()


async def _rolled_back(session: Session) -> None:
    """Undo what is open, or close the connection, which undoes it as well."""
    try:
        # What was to be prepared when a statement before it failed is not; this one forgets it.
        await session.rollback()
    except BaseException as error:
        session.pgconn.finish()
        if not isinstance(error, psycopg.Error):
            raise
