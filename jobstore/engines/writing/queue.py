"""The queue of what waits for an engine's writer: group commit and exclusive transactions.

The queue lives on the event loop; what gets its turn runs where the engine says (:class:`Line`): on
a thread, or in a task that no caller owns. The queue makes no task: each answer starts the next
group, so that the cancellation of a caller can neither stop a transaction half-way nor leave one
open. Where an engine has several lines, as many groups are under way at once, and none of them
touches what another does: what is asked of the same posting is done in the order of asking.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import islice
from typing import Any

from jobstore.engines.writing.calls import Call, Group, Place
from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.turns import Answer, Line, Operation, Transactions, Work
from jobstore.errors import StoreBusy, StoreClosed
from jobstore.settings import EngineOptions

# The most operations in one transaction: with more, the cost per operation stays the same.
GROUP_SIZE = 512
# Of what waits and is under way each line gets its share; less than this is not shared out.
_SHARED = 16
# So many callers are answered in one turn of the event loop. Each runs on to its next await, and
# whatever else is ready, the answer of a read for example, waits until all of them have.
_TOGETHER = 8
# Seconds without a write before what is done in quiet begins, and between two steps of it.
_QUIET, _PAUSE = 0.05, 0.01


class WriteQueue:
    """Writes for every coroutine of a process, one transaction after another on each line.

    ``lines`` is where they run, ``transactions`` what runs there; what is no group runs on the
    first line, while the others rest. ``touched(works)`` gives the keys of all that operations may
    read or write; several lines need it. ``options.queue_size`` operations may wait for their turn;
    more wait for a place in the queue. Whatever waits longer than ``options.busy_timeout`` seconds,
    in the queue and for other processes together, is withdrawn with StoreBusy.
    ``tend(conn)``, if there is one, is called after writes when there are none for a moment, and
    again while it returns that there is more to do; it is to take a few milliseconds.

    For observers: ``queue_depth`` is how many operations wait, ``queue_size`` how many may,
    ``last_group_size`` how many the last group held, ``operations_begun`` how many all held.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        options: EngineOptions,
        transactions: Transactions,
        touched: Callable[[Sequence[Work]], Collection[Any]] = lambda works: (),
        tend: Callable[[Any], bool] | None = None,
    ) -> None:
        self.queue_depth = 0
        self.last_group_size = 0
        self.operations_begun = 0
        self._lines = lines
        self._line = lines[0]
        self._busy: dict[Line, Group] = {}
        self._transactions = transactions
        self._touched = touched
        self._tend = tend
        self._tending: asyncio.TimerHandle | None = None
        self._written_at: float | None = None
        self._patience = options.busy_timeout
        self.queue_size = options.queue_size
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Call] = deque()
        self._outside: deque[Call] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._called = False
        self._closing: asyncio.Task[None] | None = None

    async def submit(self, operation: Operation, *args: Any) -> Any:
        """Run ``operation(shared, *args)`` in the next transaction; return its result.

        Returns after COMMIT. An operation refuses its own row by raising a JobStoreError before
        it writes or gathers anything; its caller alone gets that error.

        Raises StoreBusy or StoreClosed (nothing was written), StorageFull, StoreUnavailable,
        OutcomeUnknown. A cancelled call that still waits is withdrawn; one whose transaction
        has begun is finished without its caller.
        """
        ((result, error),) = await self._wait(self._call([(operation, args)]))
        if error is not None:
            raise error
        return result

    async def submit_many(
        self, operation: Operation, arguments: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """Run ``operation(shared, *args)`` for each of ``arguments``, as one unit in the queue.

        Returns a result or an error for each. They are not atomic together. Raises StoreBusy
        or StoreClosed when the unit got no turn.
        """
        if not arguments:
            return []
        outcomes = await self._wait(self._call([(operation, args) for args in arguments]))
        return [result if error is None else error for result, error in outcomes]

    @asynccontextmanager
    async def exclusive(self, timeout: float) -> AsyncIterator[ExclusiveTransaction]:
        """Hold the writer for one transaction; other writes wait meanwhile.

        COMMIT when the block ends, ROLLBACK when it raises or is cancelled, or when it takes
        longer than ``timeout`` seconds (StoreTimeout). Raises StoreBusy when the turn does not
        come in time, StoreClosed, StorageFull, StoreUnavailable and OutcomeUnknown.
        """
        exclusive = ExclusiveTransaction(
            self._line, self._transactions, timeout, partial(self._rested, self._line)
        )
        call = Call(
            self._line.future(),
            alone=partial(self._transactions.open, timeout=timeout),
            exclusive=exclusive,
        )
        try:
            await self._wait(call)
        except asyncio.CancelledError:
            exclusive.abandon()
            raise
        try:
            yield exclusive
        except BaseException:
            # The block's own error matters more than an error of the rollback.
            with suppress(Exception):
                await exclusive.end(commit=False)
            raise
        await exclusive.end(commit=True)

    async def close(self) -> None:
        """Finish what was accepted, then close the connection. Calling it twice is fine.

        Raises StoreClosed on another event loop and in a forked process; see :meth:`owned`.
        """
        self.owned()
        if self._closing is None:
            self._closing = self._loop.create_task(self._close())
        await asyncio.shield(self._closing)

    def owned(self) -> None:
        """Raise StoreClosed where the writer was not opened; it goes on for its owner."""
        self._line.future()

    async def _close(self) -> None:
        for call in self._outside:
            self._line.settle(call.future, None, StoreClosed())
        self._outside.clear()
        await self._idle.wait()
        for timer in (self._timer, self._tending):
            if timer is not None:
                timer.cancel()
        with suppress(Exception):
            await self._run(self._transactions.settle)
        for line in self._lines:
            await line.close()

    async def _run(self, work: Callable[..., Any]) -> None:
        done = self._line.future()
        self._line.post(work, partial(self._line.settle, done))
        await done

    def _call(self, works: Sequence[Work]) -> Call:
        return Call(self._line.future(), works, touched=self._touched(works))

    async def _wait(self, call: Call) -> Any:
        if self._closing is not None:
            raise StoreClosed
        call.deadline = self._loop.time() + self._patience
        self._outside.append(call)
        self._admit()
        if self._timer is None:
            self._timer = self._loop.call_at(call.deadline, self._expire)
        self._idle.clear()
        if len(self._busy) < len(self._lines):
            self._call_next()
        try:
            return await call.future
        finally:
            self._leave(call)

    def _admit(self) -> None:
        outside = self._outside
        while outside:
            call = outside[0]
            if not call.future.done():
                if self.queue_depth and self.queue_depth + call.size > self.queue_size:
                    return
                call.place = Place.QUEUE
                self.queue_depth += call.size
                self._queue.append(call)
            outside.popleft()

    def _leave(self, call: Call) -> None:
        if call.place is Place.QUEUE:
            call.place = Place.GONE
            self.queue_depth -= call.size

    def _expire(self) -> None:
        """Withdraw what has waited too long; the oldest comes first in both queues."""
        self._timer = None
        now = self._loop.time()
        for queue in (self._queue, self._outside):
            while queue and (queue[0].deadline <= now or queue[0].future.done()):
                call = queue.popleft()
                self._leave(call)
                self._line.settle(call.future, None, StoreBusy())
        self._admit()
        oldest = self._queue or self._outside
        if oldest:
            self._timer = self._loop.call_at(oldest[0].deadline, self._expire)

    def _take(self) -> Group:
        """Take the next group out of the queue: operations together, anything else alone.

        What touches the same as a group that is under way stays, and so does all behind it.
        """
        under_way = self._busy.values()
        waiting = self.queue_depth + sum(group.size for group in under_way)
        most = min(GROUP_SIZE, max(_SHARED, -(-waiting // len(self._lines))))
        taken = Group()
        while self._queue:
            call = self._queue[0]
            if call.future.done():
                self._leave(self._queue.popleft())
                continue
            if taken.calls and (not call.works or taken.size + call.size > most):
                break
            if not call.works and self._busy:
                break
            if not all(group.touched.isdisjoint(call.touched) for group in under_way):
                break
            taken.touched.update(call.touched)
            self._leave(self._queue.popleft())
            taken.calls.append(call)
            taken.size += call.size
            if not call.works:
                break
        return taken

    def _call_next(self) -> None:
        """Let the next groups begin one turn of the loop later: coroutines that are ready now
        share one."""
        if not self._called:
            self._called = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        self._called = False
        while (line := self._free_line()) is not None:
            group = self._take()
            self._admit()
            # All that was queued may have been cancelled, and others came into the queue only now.
            group = group if group.calls else self._take()
            if not group.calls:
                break
            self._busy[line] = group
            self._begin(line, group)
        if not self._busy and not self._queue:
            self._idle.set()
            if self._tend is not None and self._tending is None and self._written_at is not None:
                self._tending = self._loop.call_later(_QUIET, self._tend_in_quiet)

    def _tend_in_quiet(self) -> None:
        """Do a step of what is done while nobody writes, unless somebody does."""
        self._tending = None
        if self._closing is not None or not self._idle.is_set():
            return
        # The timer is not set anew with each write.
        if self._written_at is not None:
            quiet_at = self._written_at + _QUIET
            if quiet_at > self._loop.time():
                self._tending = self._loop.call_at(quiet_at, self._tend_in_quiet)
                return
        self._written_at = None
        assert self._tend is not None
        self._idle.clear()
        self._busy[self._line] = Group()
        self._line.post(self._tend, self._tended)

    def _tended(self, has_more: bool | None, error: BaseException | None) -> None:
        if has_more and self._tending is None:
            self._tending = self._loop.call_later(_PAUSE, self._tend_in_quiet)
        self._rested(self._line)

    def _free_line(self) -> Line | None:
        if any(group.is_alone for group in self._busy.values()):
            return None
        return next((line for line in self._lines if line not in self._busy), None)

    def _begin(self, line: Line, group: Group) -> None:
        # The time that is left to the one that waits longest: a group waits for locks together.
        first = group.calls[0]
        now = self._loop.time()
        patience = first.deadline - now
        if first.alone is not None:
            # Such transactions come one by one; there is time in between.
            self._written_at = self._written_at or now - _QUIET
            line.post(partial(first.alone, patience=patience), partial(self._alone_done, first))
            return
        self._written_at = now
        works = [work for call in group.calls for work in call.works]
        self.last_group_size = len(works)
        self.operations_begun += len(works)
        line.post(
            partial(self._transactions.run_group, works=works, patience=patience),
            partial(self._group_done, line, group.calls),
        )

    def _group_done(
        self,
        line: Line,
        calls: list[Call],
        outcomes: list[Answer] | StoreBusy | None,
        error: BaseException | None,
    ) -> None:
        # The line is kept until all are answered, but what they touched is free.
        self._busy[line] = Group()
        if isinstance(outcomes, StoreBusy):
            self._not_begun(calls, outcomes)
            self._loop.call_soon(self._rested, line)
            return
        answers = iter(outcomes or ())
        results = [
            (call.future, None if outcomes is None else list(islice(answers, call.size)))
            for call in calls
        ]
        self._answer(line, deque(results), error)

    def _answer(
        self,
        line: Line,
        waiting: deque[tuple[asyncio.Future[Any], Any]],
        error: BaseException | None,
    ) -> None:
        """Settle the first of ``waiting``, and the others in the next turns of the loop."""
        for _ in range(min(len(waiting), _TOGETHER)):
            self._line.settle(*waiting.popleft(), error)
        # After those who were just answered have run: what they submit next shares a group
        # with what waits already.
        if waiting:
            self._loop.call_soon(self._answer, line, waiting, error)
        else:
            self._loop.call_soon(self._rested, line)

    def _rested(self, line: Line) -> None:
        """Let a line go on with what comes next."""
        del self._busy[line]
        self._next()

    def _not_begun(self, calls: list[Call], busy: StoreBusy) -> None:
        """Fail those of a group whose time is over; the others go back to the head of the queue."""
        over = max(calls[0].deadline, self._loop.time())
        for call in reversed(calls):
            if call.deadline <= over:
                self._line.settle(call.future, None, copy.copy(busy))
            elif not call.future.done():
                call.place = Place.QUEUE
                self.queue_depth += call.size
                self._queue.appendleft(call)
        # Those of another group may be back already.
        self._queue = deque(sorted(self._queue, key=lambda call: call.deadline))

    def _alone_done(self, call: Call, result: Any, error: BaseException | None) -> None:
        if call.exclusive is None or error is not None:
            self._line.settle(call.future, result, error)
            self._rested(self._line)
            return
        # The line stays with the transaction, which lets it go on when it ends.
        call.exclusive.start()
        if call.future.done():
            call.exclusive.abandon()
        else:
            call.future.set_result(None)
