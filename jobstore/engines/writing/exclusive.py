"""The exclusive transaction: several operations that stand or fall together.

:mod:`.queue` makes it and gives it its turn; it never waits in a queue itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from jobstore.engines.writing.turns import Line, Operation, Transactions
from jobstore.errors import StoreClosed, StoreTimeout

_LATE = "The transaction took longer than allowed and was rolled back."
_OVER = "The transaction is over."


class ExclusiveTransaction:
    """The writer's turn, for as long as an exclusive transaction lasts."""

    def __init__(
        self,
        line: Line,
        transactions: Transactions,
        timeout: float,
        resume: Callable[[], None],
    ) -> None:
        self._line = line
        self._transactions = transactions
        self._timeout = timeout
        self._resume = resume
        self._loop = asyncio.get_running_loop()
        self._open = False
        self._undone = False
        self._expired = False
        self._answers: set[asyncio.Future[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, operation: Operation, *args: Any) -> Any:
        """Run ``operation(shared, *args)``; one that fails leaves no trace, the rest stays.

        Raises what the operation raises, StoreTimeout once the transaction's time is over, and
        StoreUnavailable when an earlier error undid all of it.
        """
        self._check()
        answer = self._line.future()

        def work(conn: Any) -> Any:
            # The loop may have set this meanwhile; an undone transaction does nothing more.
            if self._undone:
                raise StoreClosed(_OVER)
            return self._transactions.run_alone(conn, (operation, args))

        self._answers.add(answer)
        self._line.post(work, partial(self._line.settle, answer))
        try:
            return await answer
        finally:
            self._answers.discard(answer)

    async def end(self, *, commit: bool) -> None:
        """Commit or roll back, and let the other writers go on."""
        self._check()
        done = self._line.future()
        self._finish(commit, partial(self._line.settle, done))
        await done

    def start(self) -> None:
        """Begin to count the transaction's time."""
        self._open = True
        self._timer = self._loop.call_later(self._timeout, self._expire)

    def abandon(self) -> None:
        """Roll back without waiting for it, if the transaction is open."""
        if self._open:
            self._finish(False, lambda result, error: None)

    def _expire(self) -> None:
        """Roll back when the operation that runs now has ended; its caller gets the error at once.

        The operation is not interrupted: after an FTS5 write was interrupted, SQLite refuses
        every statement, also the rollback.
        """
        self._expired = True
        self.abandon()
        for answer in self._answers:
            self._line.settle(answer, None, StoreTimeout(_LATE))

    def _check(self) -> None:
        if self._expired:
            raise StoreTimeout(_LATE)
        if not self._open:
            raise StoreClosed(_OVER)

    def _finish(
        self, commit: bool, deliver: Callable[[None, BaseException | None], object]
    ) -> None:
        self._open = False
        self._undone = not commit
        patience = 0.0
        if self._timer is not None:
            self._timer.cancel()
            patience = self._timer.when() - self._loop.time()

        def ended(result: None, error: BaseException | None) -> None:
            deliver(result, error)
            self._resume()

        self._line.post(partial(self._transactions.close, commit=commit, patience=patience), ended)
