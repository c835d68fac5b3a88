"""What the queue of writes asks of an engine: a line on which work runs, and its transactions.

``conn`` is whatever an engine's line gives to what runs on it. Where the line is a task and no
thread, the functions may be coroutine functions.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from jobstore.errors import JobStoreError

Operation = Callable[..., Any]
"""``operation(shared, *args)``: one write inside of a transaction."""
Work = tuple[Operation, tuple[Any, ...]]
Answer = tuple[Any, BaseException | None]
"""The end of one call: its result, or else the error that its caller gets."""


def own(failure: Exception | None) -> Exception | None:
    """Return a copy for one caller: a shared error would collect everyone's traceback."""
    if not isinstance(failure, JobStoreError):
        return failure
    own = copy.copy(failure)
    own.__cause__ = failure.__cause__
    return own


class Line(Protocol):
    """Where work runs, one piece after another, whatever becomes of those who asked for it."""

    def post(
        self,
        work: Callable[[Any], Any],
        deliver: Callable[[Any, BaseException | None], object],
    ) -> None:
        """Run ``work(conn)`` when its turn comes, then ``deliver(result, error)`` on the loop."""

    def future(self) -> asyncio.Future[Any]:
        """Return a new future. Raises StoreClosed on another event loop or in a forked process."""

    def settle(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        """Give a future its result or its error, in terms of the store, unless it is done."""

    async def close(self) -> None:
        """Finish what was posted, then let go of the connection."""


class Transactions(Protocol):
    """The transactions of an engine; all of it runs on the line.

    ``patience`` is how many seconds a call may wait for other processes.
    """

    def run_group(self, conn: Any, works: Sequence[Work], patience: float) -> Any:
        """Run operations in one transaction, and return the :data:`Answer` of each.

        One that fails leaves the others as if it had not been there. Returns StoreBusy when none
        has begun, since other processes kept the store locked.
        """

    def open(self, conn: Any, patience: float, timeout: float) -> Any:
        """Begin a transaction that :meth:`close` ends, after ``timeout`` seconds at most."""

    def run_alone(self, conn: Any, work: Work) -> Any:
        """Run one operation inside the open transaction, wholly or not at all."""

    def close(self, conn: Any, *, commit: bool, patience: float) -> Any:
        """End the transaction that :meth:`open` began."""

    def settle(self, conn: Any) -> Any:
        """Finish what is done beside the transactions, before the line closes."""
