"""The writer: the queue of writes in front of one connection, which adds up counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing.line import Line
from jobstore.engines.postgres.writing.transactions import Transactions
from jobstore.engines.writing.queue import WriteQueue
from jobstore.settings import EngineOptions


class Writer(WriteQueue):
    """Writes for every coroutine of a process, through one connection of ``sessions``.

    ``clock`` gives the time of each write, ``newest`` is the newest migration that this program
    knows. The rest is as for :class:`~jobstore.engines.writing.queue.WriteQueue`.
    """

    def __init__(
        self,
        sessions: Sessions,
        options: EngineOptions,
        clock: Callable[[], datetime],
        newest: str,
    ) -> None:
        transactions = Transactions(clock, newest)
        super().__init__(Line(sessions), options, transactions)
        self._counting = transactions

    def _next(self) -> None:
        if self._counting.has_counts:
            # Whoever waits for the next group waits for it too; those of the last one do not.
            self._line.post(self._counting.roll_up, lambda result, error: None)
        super()._next()
