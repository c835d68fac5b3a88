"""The readers: connections that read in parallel, each used by one call at a time.

A quick read (one row by its key) costs less than the hop to a thread, so quick reads that wait
together share one. Long reads (searches, counts, scans) run alone, and are stopped when their
caller gives up. As in the writer, no task is created: each answer starts what comes next.

A reader whose work goes on although it was told to stop (it hangs in a disk or in a library) is
left behind, and a new connection takes its place, so that other reads go on. It is closed when it
comes back. As many may be left behind as there are readers.
"""

from __future__ import annotations

import asyncio
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from os import PathLike
from sqlite3 import Connection
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from jobstore.engines.sqlite.connection import Adopt, open_reader
from jobstore.engines.sqlite.errors import told_apart
from jobstore.engines.sqlite.session import Session, settle
from jobstore.engines.sqlite.transaction import roll_back
from jobstore.engines.sqlite.watch import Stop, stoppable
from jobstore.engines.writing.turns import Answer
from jobstore.errors import JobStoreError, StoreBusy, StoreClosed, StoreTimeout
from jobstore.settings import EngineOptions

# The most quick reads that share one hop; the first of them waits for all the others.
_TOGETHER = 128
# Seconds until a statement is interrupted again: a function that was just between two
# statements goes on to the next one.
_REPEAT = 0.02
# Seconds that work which was told to stop may still take before its reader is left behind, and
# between two attempts to open another one.
_PATIENCE = 1.0
_ALL_HANG = (
    "All readers hang in reads that were given up; look whether the disk answers, and restart the "
    "program if this stays."
)

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ReaderPool:
    """``options.readers`` connections to the database at ``path``; call :meth:`open` first.

    Quick reads use one connection at a time: they hold the interpreter's lock most of the
    time, so that more would only be slower. Where there are several, long reads leave it one.
    A read that has begun ends on the file that it began with; the next one reads the file that
    stands at the path then. ``adopt`` looks at each that is opened.
    """

    def __init__(
        self, path: str | PathLike[str], options: EngineOptions, adopt: Adopt | None = None
    ) -> None:
        self._options = options
        self._path = path
        self._adopt = () if adopt is None else (adopt,)
        self._loop = asyncio.get_running_loop()
        self._sessions: list[Session] = []
        self._free: list[Session] = []
        self._quick: deque[_Read] = deque()
        self._long: deque[_Read] = deque()
        # What runs now: one hop of quick reads at most, and long reads.
        self._together: _Hop | None = None
        self._alone: set[_Hop] = set()
        # Readers that were left behind; and those that hang, but are not, since too many were.
        self._left: set[_Hop] = set()
        self._hanging: set[_Hop] = set()
        # Tasks that open and close readers beside all that; the loop holds them weakly.
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: weakref.WeakSet[asyncio.Task[None]] = weakref.WeakSet()
        self._most_alone = max(1, options.readers - 1)
        self._long_is_next = False
        self._expecting = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        # Makes futures, once the first connection is open.
        self._future: Callable[[], asyncio.Future[Any]] | None = None

    async def open(self) -> Self:
        """Open the connections. Raises StoreUnavailable, StoreCorrupt or StoreBusy."""
        try:
            for _ in range(self._options.readers):
                self._sessions.append(await open_reader(self._path, self._options, *self._adopt))
            self._future = self._sessions[0].future
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

        ``quick``: it is a lookup by key, which may share its hop with others and is stopped only
        when nobody waits for any of them. ``timeout``: seconds that waiting and reading may take
        together, ``options.read_timeout`` by default.

        Raises what the function raises, SQLite's errors translated; StoreTimeout; StoreClosed;
        StoreBusy when every reader hangs.
        """
        if self._closing is not None or self._future is None:
            raise StoreClosed
        patience = self._options.read_timeout if timeout is None else timeout
        deadline = self._loop.time() + patience
        call = _Read(self._future(), function, args, deadline)
        if self._hanging and self._all_hang():
            raise StoreBusy(_ALL_HANG)
        if self._timer is None or deadline < self._timer.when():
            self._watch(deadline)
        if not quick:
            self._long.append(call)
            self._dispatch()
        else:
            self._quick.append(call)
            if self._together is None and not self._expecting:
                self._dispatch()
        try:
            result: _T = await call.future
            return result
        finally:
            if call.hop is not None:
                self._give_back(call.hop)

    async def close(self) -> None:
        """Finish what was accepted, then close the connections. Calling it twice is fine.

        What was given up and still goes on is not waited for longer than a second.
        """
        if self._closing is None:
            self._closing = self._loop.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._dispatch()
        await self._idle.wait()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._opening:
            task.cancel()
        if self._tasks:
            # Readers that came back late are still being closed.
            await asyncio.wait(self._tasks, timeout=_PATIENCE)
        for session in self._sessions:
            await session.close()

    def _dispatch(self) -> None:
        self._expecting = False
        _drop_finished(self._quick)
        _drop_finished(self._long)
        while self._free:
            quick = self._quick and self._together is None
            long = self._long and len(self._alone) < self._most_alone
            # In turns, so that with a single reader neither kind keeps the other waiting for ever.
            if quick and not (long and self._long_is_next):
                self._start_quick()
            elif long:
                self._start_long()
            else:
                break
        if len(self._free) == len(self._sessions) and not (self._quick or self._long):
            self._idle.set()
        else:
            self._idle.clear()

    def _start_quick(self) -> None:
        calls = [self._quick.popleft() for _ in range(min(len(self._quick), _TOGETHER))]
        self._together = hop = _Hop(self._free.pop(), calls)
        self._long_is_next = True
        hop.session.post(partial(_read_together, calls=calls), partial(self._quick_done, hop))

    def _start_long(self) -> None:
        hop = _Hop(self._free.pop(), [self._long.popleft()])
        self._long_is_next = False
        self._alone.add(hop)
        hop.session.post(partial(_read_alone, hop=hop), partial(self._long_done, hop))
        _drop_finished(self._long)

    def _quick_done(
        self, hop: _Hop, outcomes: list[Answer] | None, error: BaseException | None
    ) -> None:
        calls = self._take_back(hop)
        if outcomes is None:
            outcomes = [(None, error)] * len(calls)
        for call, (result, own_error) in zip(calls, outcomes, strict=True):
            settle(call.future, result, own_error)
        if not hop.left:
            # After those who were just answered have run: they may ask again, together.
            self._together = None
            self._expecting = True
            self._loop.call_soon(self._dispatch)

    def _long_done(self, hop: _Hop, result: Any, error: BaseException | None) -> None:
        (call,) = self._take_back(hop)
        settle(call.future, result, error)
        self._alone.discard(hop)
        self._dispatch()

    def _take_back(self, hop: _Hop) -> list[_Read]:
        hop.over = True
        self._hanging.discard(hop)
        if hop.left:
            self._left.discard(hop)
            self._keep(self._loop.create_task(hop.session.close()))
        else:
            self._free.append(hop.session)
        # The hop and its calls name each other; now neither needs the other any more.
        calls, hop.calls = hop.calls, []
        return calls

    def _give_back(self, hop: _Hop) -> None:
        """Stop what nobody waits for any more, so that its reader is free for others."""
        if not (hop.over or hop.stop.told) and all(call.future.done() for call in hop.calls):
            hop.stop.told = True
            self._interrupt(hop, self._loop.time() + _PATIENCE)

    def _interrupt(self, hop: _Hop, until: float) -> None:
        if hop.over:
            return
        hop.session.stop_statement()
        if not hop.left and self._loop.time() >= until:
            self._leave(hop)
        self._loop.call_later(_PATIENCE if hop.left else _REPEAT, self._interrupt, hop, until)

    def _leave(self, hop: _Hop) -> None:
        """Let a reader go on by itself, and open another one."""
        if len(self._left) >= self._options.readers and self._closing is None:
            self._hanging.add(hop)
            if self._all_hang():
                for call in self._unanswered():
                    settle(call.future, None, StoreBusy(_ALL_HANG))
            return
        hop.left = True
        self._left.add(hop)
        self._hanging.discard(hop)
        self._sessions.remove(hop.session)
        self._alone.discard(hop)
        if self._together is hop:
            self._together = None
        self._opening.add(self._keep(self._loop.create_task(self._open_another())))
        self._dispatch()

    def _all_hang(self) -> bool:
        return len(self._hanging) == len(self._sessions)

    async def _open_another(self) -> None:
        while self._closing is None or self._quick or self._long:
            try:
                session = await open_reader(self._path, self._options, *self._adopt)
            except JobStoreError:
                await asyncio.sleep(_PATIENCE)
                continue
            self._sessions.append(session)
            self._free.append(session)
            self._dispatch()
            return

    def _keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _watch(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._give_up)

    def _give_up(self) -> None:
        """Give up late reads. All share one timer: one each would cost a quarter of a read."""
        self._timer = None
        now = self._loop.time()
        upcoming = []
        late = False
        for call in self._unanswered():
            if call.deadline <= now:
                settle(call.future, None, StoreTimeout())
                late = True
            else:
                upcoming.append(call.deadline)
        if upcoming:
            self._watch(min(upcoming))
        if late and not self._sessions:
            # Nothing else notices here that nothing waits any more.
            self._dispatch()

    def _unanswered(self) -> Iterator[_Read]:
        hops = self._alone if self._together is None else {*self._alone, self._together}
        running = chain.from_iterable(hop.calls for hop in hops)
        calls = chain(running, self._quick, self._long)
        return (call for call in calls if not call.future.done())


class _Read:
    """One call that waits for a reader; ``hop`` is what it runs in, once it does."""

    __slots__ = ("args", "deadline", "function", "future", "hop")

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
        self.hop: _Hop | None = None


class _Hop:
    """What one reader works on: a long read, or quick ones together."""

    __slots__ = ("calls", "left", "over", "session", "stop")

    def __init__(self, session: Session, calls: list[_Read]) -> None:
        self.session = session
        self.calls = calls
        self.stop = Stop()
        self.over = False
        self.left = False
        for call in calls:
            call.hop = self


def _read_alone(conn: Connection, hop: _Hop) -> Any:
    (call,) = hop.calls
    try:
        return stoppable(hop.stop, partial(call.function, conn, *call.args))
    except StoreTimeout as error:
        # What the error passed through may hold a statement that was not read to its end; as long
        # as that lives, SQLite interrupts every other one as well, which is somebody else's.
        traceback.clear_frames(error.__traceback__)
        raise
    finally:
        roll_back(conn)


def _read_together(conn: Connection, calls: list[_Read]) -> list[Answer]:
    outcomes: list[Answer] = []
    for call in calls:
        if call.future.done():
            # Its caller has given up.
            outcomes.append((None, None))
            continue
        try:
            outcomes.append((call.function(conn, *call.args), None))
        except BaseException as error:
            outcomes.append((None, told_apart(error, conn)))
        roll_back(conn)
    return outcomes


def _drop_finished(calls: deque[_Read]) -> None:
    """Forget the first of ``calls`` whose callers have given up."""
    while calls and calls[0].future.done():
        calls.popleft()
