"""The queue of what waits for an engine's writer: group commit and exclusive transactions.

The queue lives on the event loop; what gets its turn runs where the engine says (:class:`Line`): on
a thread, or in a task that no caller owns. The queue makes no task: each answer starts the next
group, so that the cancellation of a caller can neither stop a transaction half-way nor leave one
open.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Enum
from functools import partial
from itertools import islice
from typing import Any

from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.turns import Answer, Line, Operation, Transactions, Work
from jobstore.errors import StoreBusy, StoreClosed
from jobstore.settings import EngineOptions

# The most operations in one transaction: with more, the cost per operation stays the same.
GROUP_SIZE = 512
# So many callers are answered in one turn of the event loop. Each runs on to its next await, and
# whatever else is ready, the answer of a read for example, waits until all of them have.
_TOGETHER = 8


class WriteQueue:
    """Writes for every coroutine of a process, one transaction after another.

    ``line`` is where they run, ``transactions`` what runs there. ``options.queue_size`` operations
    may wait for their turn; more wait for a place in the queue. Whatever waits longer than
    ``options.busy_timeout`` seconds, in the queue and for other processes together, is withdrawn
    with StoreBusy.

    For observers: ``queue_depth`` is how many operations wait, ``queue_size`` how many may,
    ``last_group_size`` how many the last group held.
    """

    def __init__(self, line: Line, options: EngineOptions, transactions: Transactions) -> None:
        self.queue_depth = 0
        self.last_group_size = 0
        self._line = line
        self._transactions = transactions
        self._patience = options.busy_timeout
        self.queue_size = options.queue_size
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Call] = deque()
        self._outside: deque[Call] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing: asyncio.Task[None] | None = None

    async def submit(self, operation: Operation, *args: Any) -> Any:
        """Run ``operation(shared, *args)`` in the next transaction; return its result.

        Returns after COMMIT. An operation refuses its own row by raising a JobStoreError before
        it writes or gathers anything; its caller alone gets that error.

        Raises StoreBusy or StoreClosed (nothing was written), StorageFull, StoreUnavailable,
        OutcomeUnknown. A cancelled call that still waits is withdrawn; one whose transaction
        has begun is finished without its caller.
        """
        ((result, error),) = await self._wait(Call(self._line.future(), [(operation, args)]))
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
        works = [(operation, args) for args in arguments]
        outcomes = await self._wait(Call(self._line.future(), works))
        return [result if error is None else error for result, error in outcomes]

    @asynccontextmanager
    async def exclusive(self, timeout: float) -> AsyncIterator[ExclusiveTransaction]:
        """Hold the writer for one transaction; other writes wait meanwhile.

        COMMIT when the block ends, ROLLBACK when it raises or is cancelled, or when it takes
        longer than ``timeout`` seconds (StoreTimeout). Raises StoreBusy when the turn does not
        come in time, StoreClosed, StorageFull, StoreUnavailable and OutcomeUnknown.
        """
        exclusive = ExclusiveTransaction(self._line, self._transactions, timeout, self._next)
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
        if self._timer is not None:
            self._timer.cancel()
        with suppress(Exception):
            await self._run(self._transactions.settle)
        await self._line.close()

    async def _run(self, work: Callable[..., Any]) -> None:
        done = self._line.future()
        self._line.post(work, partial(self._line.settle, done))
        await done

    async def _wait(self, call: Call) -> Any:
        if self._closing is not None:
            raise StoreClosed
        call.deadline = self._loop.time() + self._patience
        self._outside.append(call)
        self._admit()
        if self._timer is None:
            self._timer = self._loop.call_at(call.deadline, self._expire)
        if self._idle.is_set():
            self._idle.clear()
            # One turn of the loop later, so that coroutines that are ready now share a group.
            self._loop.call_soon(self._next)
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
                call.place = _Place.QUEUE
                self.queue_depth += call.size
                self._queue.append(call)
            outside.popleft()

    def _leave(self, call: Call) -> None:
        if call.place is _Place.QUEUE:
            call.place = _Place.GONE
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

    def _take(self) -> list[Call]:
        """Take the next group out of the queue: operations together, anything else alone."""
        taken: list[Call] = []
        size = 0
        while self._queue:
            call = self._queue[0]
            if call.future.done():
                self._leave(self._queue.popleft())
                continue
            if taken and (not call.works or size + call.size > GROUP_SIZE):
                break
            self._leave(self._queue.popleft())
            taken.append(call)
            size += call.size
            if not call.works:
                break
        return taken

    def _next(self) -> None:
        calls = self._take()
        self._admit()
        # All that was queued may have been cancelled, and others came into the queue only now.
        calls = calls or self._take()
        if not calls:
            self._idle.set()
            return
        # The time that is left to the one that waits longest: a group waits for locks together.
        first = calls[0]
        patience = first.deadline - self._loop.time()
        if first.alone is not None:
            self._line.post(
                partial(first.alone, patience=patience), partial(self._alone_done, first)
            )
            return
        works = [work for call in calls for work in call.works]
        self.last_group_size = len(works)
        self._line.post(
            partial(self._transactions.run_group, works=works, patience=patience),
            partial(self._group_done, calls),
        )

    def _group_done(
        self,
        calls: list[Call],
        outcomes: list[Answer] | StoreBusy | None,
        error: BaseException | None,
    ) -> None:
        if isinstance(outcomes, StoreBusy):
            self._not_begun(calls, outcomes)
            return
        answers = iter(outcomes or ())
        results = [
            (call.future, None if outcomes is None else list(islice(answers, call.size)))
            for call in calls
        ]
        self._answer(deque(results), error)

    def _answer(
        self, waiting: deque[tuple[asyncio.Future[Any], Any]], error: BaseException | None
    ) -> None:
        """Settle the first of ``waiting``, and the others in the next turns of the loop."""
        for _ in range(min(len(waiting), _TOGETHER)):
            self._line.settle(*waiting.popleft(), error)
        # After those who were just answered have run: what they submit next shares a group
        # with what waits already.
        if waiting:
            self._loop.call_soon(self._answer, waiting, error)
        else:
            self._loop.call_soon(self._next)

    def _not_begun(self, calls: list[Call], busy: StoreBusy) -> None:
        """Fail those of a group whose time is over; the others go back to the head of the queue."""
        over = max(calls[0].deadline, self._loop.time())
        for call in reversed(calls):
            if call.deadline <= over:
                self._line.settle(call.future, None, copy.copy(busy))
            elif not call.future.done():
                call.place = _Place.QUEUE
                self.queue_depth += call.size
                self._queue.appendleft(call)
        self._loop.call_soon(self._next)

    def _alone_done(self, call: Call, result: Any, error: BaseException | None) -> None:
        if call.exclusive is None or error is not None:
            self._line.settle(call.future, result, error)
            self._next()
            return
        # The writer stays with the transaction, which starts the next group when it ends.
        call.exclusive.start()
        if call.future.done():
            call.exclusive.abandon()
        else:
            call.future.set_result(None)


class _Place(Enum):
    OUTSIDE = 0
    QUEUE = 1
    GONE = 2


class Call:
    """What waits for the writer: operations for a group, or else something that runs alone."""

    __slots__ = ("alone", "deadline", "exclusive", "future", "place", "size", "works")

    def __init__(
        self,
        future: asyncio.Future[Any],
        works: Sequence[Work] = (),
        alone: Callable[..., Any] | None = None,
        exclusive: ExclusiveTransaction | None = None,
    ) -> None:
        self.future = future
        self.works = works
        self.alone = alone
        self.exclusive = exclusive
        self.size = len(works) or 1
        self.deadline = 0.0
        self.place = _Place.OUTSIDE
