"""The exclusive transaction: several operations that stand or fall together.

A lease is made and granted by :mod:`jobstore.engines.sqlite.writer`; it never waits in a queue
itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from jobstore.engines.sqlite.connection import Session, settle
from jobstore.engines.sqlite.transactions import Operation, Transactions
from jobstore.errors import StoreClosed, StoreTimeout


class Lease:
    """The writer's connection inside an exclusive transaction."""

    def __init__(
        self,
        session: Session,
        transactions: Transactions,
        timeout: float,
        resume: Callable[[], None],
    ) -> None:
        self._session = session
        self._transactions = transactions
        self._timeout = timeout
        self._resume = resume
        self._open = False
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, operation: Operation, *args: Any) -> Any:
        """Run ``operation(batch, *args)``; one that fails leaves no trace, the rest stays.

        Raises what the operation raises, StoreTimeout once the transaction's time is over, and
        StoreUnavailable when an earlier error undid all of it.
        """
        self._check()
        try:
            return await self._session.run(self._transactions.run_alone, (operation, args))
        except Exception:
            if self._expired:
                self._check()
            raise

    async def end(self, *, commit: bool) -> None:
        """Commit or roll back, and let the other writers go on."""
        self._check()
        done = self._session.future()
        self._finish(commit, partial(settle, done))
        await done

    def start(self) -> None:
        """Begin to count the transaction's time."""
        self._open = True
        self._timer = asyncio.get_running_loop().call_later(self._timeout, self._expire)

    def abandon(self) -> None:
        """Roll back without waiting for it, if the transaction is open."""
        if self._open:
            self._finish(False, lambda result, error: None)

    def _expire(self) -> None:
        self._expired = True
        self._session.stop_statement()
        self.abandon()

    def _check(self) -> None:
        if self._expired:
            raise StoreTimeout("The transaction took longer than allowed and was rolled back.")
        if not self._open:
            raise StoreClosed("The transaction is over.")

    def _finish(
        self, commit: bool, deliver: Callable[[None, BaseException | None], object]
    ) -> None:
        self._open = False
        if self._timer is not None:
            self._timer.cancel()

        def ended(result: None, error: BaseException | None) -> None:
            deliver(result, error)
            self._resume()

        self._session.post(partial(self._transactions.close, commit=commit), ended)
