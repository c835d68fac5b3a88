"""The connections of an open store: those that read, the one that writes; and one that blocks.

Who gets which connection, and for how long, is decided here; no statement on postings is run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from jobstore.engines.postgres.connection import Session, connect, connect_blocking
from jobstore.engines.postgres.errors import is_lost, translating
from jobstore.engines.postgres.readers import Readers
from jobstore.errors import JobStoreError, StoreClosed, StoreTimeout
from jobstore.settings import EngineOptions, StoreURL

T = TypeVar("T")

# Seconds that a statement of the writer may take, beside what it waits for locks.
_WRITING = 300.0
# Seconds beyond a reader's time until the server itself stops a statement.
_SPARE = 1.0


class Sessions:
    """All connections of one open store; made by :meth:`open`.

    What is done with them belongs to the event loop and the process that opened them.
    """

    def __init__(self, url: StoreURL, options: EngineOptions) -> None:
        self._url = url
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self._readers = Readers(self._connect_reader, options.readers)
        self._writer: Session | None = None
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
            sessions._writer = await sessions._connect_writer()
        sessions.pooled = sessions._writer.pooled
        return sessions

    def owned(self) -> None:
        """Raise StoreClosed on another event loop and in a process that was forked since."""
        if self._pid != os.getpid() or self._loop is not asyncio.get_running_loop():
            raise StoreClosed("The store was opened on another event loop or in another process.")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Session]:
        """Give a connection that reads, in autocommit, for ``options.read_timeout`` seconds.

        Raises StoreTimeout, StoreUnavailable; psycopg's errors of the block are translated.
        """
        async with self._lent() as session:
            if session.pooled:
                async with session.transaction():
                    await session.settle()
                    yield session
            else:
                yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Session]:
        """Do as :meth:`reading`, but let all statements of the block see the same state."""
        async with self._lent() as session:
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

        A connection that was lost meanwhile is replaced once.
        """
        lending = self.snapshot if whole else self.reading
        try:
            async with lending() as session:
                return await function(session)
        except JobStoreError as error:
            if error.__cause__ is None or not is_lost(error.__cause__):
                raise
        async with lending() as session:
            return await function(session)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        """Give the connection that writes, in autocommit; another one where it was lost.

        Its callers take turns by themselves. psycopg's errors of the block are not translated. A
        transaction that is still open at the end is rolled back.
        """
        self.owned()
        session = self._writer
        if session is None or not session.is_alive():
            if session is not None:
                session.pgconn.finish()
            with translating():
                session = await self._connect_writer()
            self._writer = session
        try:
            yield session
        finally:
            if session.pgconn.transaction_status != TransactionStatus.IDLE:
                await _rolled_back(session)

    async def close(self) -> None:
        """Let reads that have begun end, then close all connections. Calling it twice is fine."""
        self.owned()
        self._closing = True
        await self._idle.wait()
        self._readers.close()
        if self._writer is not None:
            self._writer.pgconn.finish()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Session]:
        self.owned()
        if self._closing:
            raise StoreClosed
        self._reads += 1
        self._idle.clear()
        try:
            async with asyncio.timeout(self._options.read_timeout) as patience:
                with translating():
                    session = await self._readers.take()
                    try:
                        yield session
                    finally:
                        self._readers.give(session)
        except TimeoutError:
            if not patience.expired():
                raise
            raise StoreTimeout from None
        finally:
            self._reads -= 1
            if not self._reads:
                self._idle.set()

    async def _connect_reader(self) -> Session:
        seconds = self._options.read_timeout + _SPARE
        return await connect(self._url, self._options, statement=seconds, lock=seconds)

    async def _connect_writer(self) -> Session:
        seconds = self._options.busy_timeout
        return await connect(self._url, self._options, statement=_WRITING + seconds, lock=seconds)


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
