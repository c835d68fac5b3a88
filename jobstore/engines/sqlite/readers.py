"""The readers: connections that read in parallel, each leased to one call at a time.

A quick read (one row by its key) costs less than the hop to a thread, so quick reads that wait
together share one. Long reads (searches, counts, scans) run alone, and are interrupted when
their caller gives up. As in the writer, no task is created: each answer starts what comes next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from os import PathLike
from sqlite3 import Connection
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from jobstore.engines.sqlite.connection import Session, open_reader, settle
from jobstore.engines.sqlite.transactions import Outcome, roll_back
from jobstore.errors import StoreClosed, StoreTimeout
from jobstore.settings import EngineOptions

# Quick reads in one hop; the first of them waits for all the others.
_TOGETHER = 128
# Seconds until a statement is interrupted again: a function that was just between two
# statements goes on to the next one.
_REPEAT = 0.02

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ReaderPool:
    """``options.readers`` connections to the database at ``path``; call :meth:`open` first.

    Quick reads use one connection at a time: they hold the interpreter's lock most of the
    time, so that more would only be slower. Where there are several, long reads leave it one.
    """

    def __init__(self, path: str | PathLike[str], options: EngineOptions) -> None:
        self._path = path
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._sessions: list[Session] = []
        self._free: list[Session] = []
        self._quick: deque[_Read] = deque()
        self._long: deque[_Read] = deque()
        # What runs now: one hop of quick reads, and long reads.
        self._together: list[_Read] = []
        self._alone: set[_Read] = set()
        self._most_alone = max(1, options.readers - 1)
        self._long_is_next = False
        self._expecting = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    async def open(self) -> Self:
        """Open the connections. Raises StoreUnavailable, StoreCorrupt or StoreBusy."""
        try:
            for _ in range(self._options.readers):
                self._sessions.append(await open_reader(self._path, self._options))
        finally:
            self._free.extend(self._sessions)
            if len(self._sessions) < self._options.readers:
                await self.close()
        return self

    async def read(
        self,
        function: Callable[Concatenate[Connection, _P], _T],
        *args: Any,
        quick: bool = False,
        timeout: float | None = None,
    ) -> _T:
        """Run ``function(connection, *args)`` on a reader and return its result.

        ``quick``: it is a lookup by key, which may share its hop with others and is never
        interrupted. ``timeout``: seconds that waiting and reading may take together,
        ``options.read_timeout`` by default.

        Raises what the function raises, SQLite's errors translated; StoreTimeout; StoreClosed.
        """
        if self._closing is not None or not self._sessions:
            raise StoreClosed
        patience = self._options.read_timeout if timeout is None else timeout
        deadline = self._loop.time() + patience
        call = _Read(self._sessions[0].future(), function, args, deadline)
        if self._timer is None or deadline < self._timer.when():
            self._watch(deadline)
        if not quick:
            self._long.append(call)
            self._dispatch()
        else:
            self._quick.append(call)
            if not self._together and not self._expecting:
                self._dispatch()
        try:
            result: _T = await call.future
            return result
        finally:
            if call.session is not None:
                self._interrupt(call)

    async def close(self) -> None:
        """Finish what was accepted, then close the connections. Calling it twice is fine."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._dispatch()
        await self._idle.wait()
        if self._timer is not None:
            self._timer.cancel()
        for session in self._sessions:
            await session.close()

    def _dispatch(self) -> None:
        self._expecting = False
        _drop_finished(self._quick)
        _drop_finished(self._long)
        while self._free:
            quick = self._quick and not self._together
            long = self._long and len(self._alone) < self._most_alone
            # In turns, so that neither kind starves the other on a single reader.
            if quick and not (long and self._long_is_next):
                self._start_quick()
            elif long:
                self._start_long()
            else:
                break
        if len(self._free) == len(self._sessions):
            self._idle.set()
        else:
            self._idle.clear()

    def _start_quick(self) -> None:
        session = self._free.pop()
        self._long_is_next = True
        calls = [self._quick.popleft() for _ in range(min(len(self._quick), _TOGETHER))]
        self._together = calls
        session.post(partial(_read_together, calls=calls), partial(self._quick_done, session))

    def _start_long(self) -> None:
        call = self._long.popleft()
        call.session = session = self._free.pop()
        self._long_is_next = False
        self._alone.add(call)
        session.post(partial(_read_alone, call=call), partial(self._long_done, call, session))
        _drop_finished(self._long)

    def _quick_done(
        self, session: Session, outcomes: list[Outcome] | None, error: BaseException | None
    ) -> None:
        calls, self._together = self._together, []
        self._free.append(session)
        if outcomes is None:
            outcomes = [(None, error)] * len(calls)
        for call, (result, own_error) in zip(calls, outcomes, strict=True):
            settle(call.future, result, own_error)
        # After those who were just answered have run: they may ask again, together.
        self._expecting = True
        self._loop.call_soon(self._dispatch)

    def _long_done(
        self, call: _Read, session: Session, result: Any, error: BaseException | None
    ) -> None:
        call.session = None
        self._alone.discard(call)
        self._free.append(session)
        settle(call.future, result, error)
        self._dispatch()

    def _interrupt(self, call: _Read) -> None:
        """Stop a long read that nobody waits for; does nothing once it is over."""
        if call.session is not None:
            call.session.stop_statement()
            self._loop.call_later(_REPEAT, self._interrupt, call)

    def _watch(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._give_up)

    def _give_up(self) -> None:
        """Fail what is late. One timer for all: one for each read would cost a quarter of it."""
        self._timer = None
        now = self._loop.time()
        upcoming = []
        for call in self._unanswered():
            if call.deadline <= now:
                settle(call.future, None, StoreTimeout())
            else:
                upcoming.append(call.deadline)
        if upcoming:
            self._watch(min(upcoming))

    def _unanswered(self) -> Iterator[_Read]:
        calls = chain(self._together, self._alone, self._quick, self._long)
        return (call for call in calls if not call.future.done())


class _Read:
    """One call that waits for a reader; ``session`` is the one it runs on alone."""

    __slots__ = ("args", "deadline", "function", "future", "session")

    def __init__(
        self,
        future: asyncio.Future[Any],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        deadline: float,
    ) -> None:
        self.future = future
        self.function = function
        self.args = args
        self.deadline = deadline
        self.session: Session | None = None


def _read_alone(conn: Connection, call: _Read) -> Any:
    try:
        return call.function(conn, *call.args)
    finally:
        roll_back(conn)


def _read_together(conn: Connection, calls: list[_Read]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for call in calls:
        try:
            outcomes.append((call.function(conn, *call.args), None))
        except BaseException as error:
            outcomes.append((None, error))
        roll_back(conn)
    return outcomes


def _drop_finished(calls: deque[_Read]) -> None:
    """Forget the first of ``calls`` whose callers have given up."""
    while calls and calls[0].future.done():
        calls.popleft()
