"""A connection on a thread of its own, which is driven a whole function at a time.

What is set on a connection when it is opened is said in :mod:`.connection`; what runs on it is the
caller's.

No Python function may be registered with SQLite on one (``create_function``, progress handlers,
authorizers): a daemon thread that dies inside one at interpreter exit holds SQLite's mutex for
ever, and the exit hangs. Upkeep, which runs on no daemon thread, may.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL, _connection_worker_thread

from jobstore.engines.owner import Owner
from jobstore.engines.sqlite.errors import told_apart, wrap
from jobstore.engines.sqlite.identity import LOOKS_EVERY, OpenFile, is_replaced, is_same
from jobstore.errors import StoreClosed

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Session(aiosqlite.Connection):
    """A SQLite connection on a thread of its own, driven a whole function at a time.

    The thread is a daemon, so that a store that was never closed does not hang the exit of
    the interpreter. What SQLite had not acknowledged by then is rolled back when the file is
    opened next.

    With ``follows`` it looks before what it runs whether its file was replaced, and opens the new
    one; otherwise whoever knows when that may be done asks for it (:meth:`current`).
    """

    def __init__(
        self,
        connector: Callable[[], sqlite3.Connection],
        dispose: Callable[[sqlite3.Connection], None],
        *,
        follows: bool = False,
    ) -> None:
        # The thread keeps the connection alive: otherwise sqlite3 would warn at exit about each one
        # that is still open, on top of the store's own warning.
        self._held = held = _Held(connector, dispose, follows)
        super().__init__(held.open, iter_chunk_size=64)
        self._owner = Owner()
        self._loop = self._owner.loop
        self._thread = Thread(
            target=_serve, args=(self._tx, held), name="jobstore-sqlite", daemon=True
        )

    def __del__(self) -> None:
        # The store warns once about all of its sessions; here the thread is only let go.
        # aiosqlite's own way warns as well, and may make an event loop that nobody closes.
        # A forked process has no such thread, and leaves the connection as it is.
        if getattr(self, "_connection", None) is not None:
            self._connection = None
            self._tx.put_nowait((None, self._held.close))

    async def close(self) -> None:
        """Finish what was posted, then close the connection. Calling it twice is fine.

        Raises StoreClosed on another event loop, and in a forked process.
        """
        done = self.future()
        if self._connection is None or not self._running:
            return
        self._running = False

        def hop() -> object:
            failure = None
            try:
                self._held.close()
            except BaseException as error:
                failure = error
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(settle, done, None, failure)
            return _STOP_RUNNING_SENTINEL

        self._tx.put_nowait((None, hop))
        self._connection = None
        await done

    async def run(
        self,
        function: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run ``function(connection, ...)`` on the connection's thread and return its result.

        One hop, however many statements it runs. SQLite's errors come out translated.
        """
        answer = self.future()
        self.post(lambda conn: function(conn, *args, **kwargs), partial(settle, answer))
        result: _T = await answer
        return result

    def post(
        self,
        work: Callable[[sqlite3.Connection], _T],
        deliver: Callable[[_T | None, BaseException | None], object],
    ) -> None:
        """Start ``work`` on the connection's thread, then call ``deliver(result, error)``.

        ``deliver`` runs on the event loop, whatever became of the task that asked; it is not
        called when the loop was closed meanwhile. A closed session delivers StoreClosed.

        Goes to aiosqlite's protected queue: its public methods are a hop for each statement,
        and one that raises StopIteration leaves its caller waiting for ever.
        """
        held, loop = self._held, self._loop
        if self._connection is None or not self._running:
            loop.call_soon(deliver, None, StoreClosed())
            return

        def hop() -> None:
            result, failure = None, None
            try:
                connection = held.connection()
                try:
                    result = work(connection)
                except sqlite3.DatabaseError as error:
                    failure = told_apart(error, connection)
            except BaseException as error:
                failure = error
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(deliver, result, failure)

        self._tx.put_nowait((None, hop))

    def future(self) -> asyncio.Future[Any]:
        """Return a new future of the session's event loop.

        Raises StoreClosed on another loop, where waiting for it would never end, and in a
        process that was forked, which has the connection but not its thread.
        """
        self._owner.check()
        return self._loop.create_future()

    def settle(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        """Give ``future`` its end; see :func:`settle`."""
        settle(future, result, error)

    def current(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Return ``connection``, or the one to the file that has taken the place of its own.

        To be called on the session's thread, outside of a transaction. Raises what opening the
        file raises, and StoreUnavailable where the file may not be opened.
        """
        return self._held.current(connection)

    def stop_statement(self) -> None:
        """Interrupt the statement that runs now, if there is one; safe from any thread.

        Only for what reads: after an FTS5 write that was interrupted, SQLite refuses every
        statement, also ROLLBACK.
        """
        if self._connection is not None:
            self._held.interrupt()


class _Followed:
    """How often a session of this process has opened the file that took the place of its own."""

    times = 0


class _Held:
    """The connection of a session, made anew when it was closed because it could not roll back.

    It is made anew as well when its file was replaced. Belongs to the session's thread, except for
    :meth:`interrupt`.
    """

    def __init__(
        self,
        connector: Callable[[], sqlite3.Connection],
        dispose: Callable[[sqlite3.Connection], None],
        follows: bool,
    ) -> None:
        self._connector = connector
        self._dispose = dispose
        self._follows = follows
        self._look_at = 0.0
        self._followed = 0
        self._connection: sqlite3.Connection | None = None

    def open(self) -> sqlite3.Connection:
        self._connection = self._connector()
        return self._connection

    def connection(self) -> sqlite3.Connection:
        """Return a connection that is open. Raises what opening one raises."""
        connection = self._connection
        if connection is None or _is_closed(connection):
            return self.open()
        now = time.monotonic()
        if not self._follows or (now < self._look_at and self._followed == _Followed.times):
            return connection
        current = self.current(connection)
        # Only where that may be read.
        self._look_at, self._followed = now + LOOKS_EVERY, _Followed.times
        return current

    def current(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        if not isinstance(connection, OpenFile) or is_same(connection.identity):
            return connection
        if not is_replaced(connection.identity):
            return connection
        connection.close()
        # Whoever reads after this one has written reads what it has written.
        _Followed.times += 1
        return self.open()

    def interrupt(self) -> None:
        # It may have been closed at this moment.
        with suppress(sqlite3.ProgrammingError):
            if self._connection is not None:
                self._connection.interrupt()

    def close(self) -> object:
        """Close the connection, and tell the thread to end."""
        if self._connection is not None:
            self._dispose(self._connection)
        return _STOP_RUNNING_SENTINEL


def _is_closed(connection: sqlite3.Connection) -> bool:
    try:
        return connection.in_transaction is None
    except sqlite3.ProgrammingError:
        return True


def settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    """Give ``future`` its result or its error, in terms of the store; done ones stay as they are.

    To be called on the event loop.
    """
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(wrap(error))


def _serve(requests: Any, held: _Held) -> None:
    """Run aiosqlite's worker until it is told to stop; ``held`` lives as long as the thread."""
    while True:
        # It dies when it answers a loop that was closed meanwhile: nobody waits for that
        # answer, but the connection still has to be closed by its own thread.
        with suppress(RuntimeError):
            _connection_worker_thread(requests)
            return
