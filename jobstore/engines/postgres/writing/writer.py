"""The writer: the queue of writes in front of two connections, which adds up counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing.line import Line
from jobstore.engines.postgres.writing.transactions import Transactions
from jobstore.engines.writing.operations import ids_of
from jobstore.engines.writing.queue import WriteQueue
from jobstore.engines.writing.turns import Line as AnyLine
from jobstore.settings import EngineOptions

# Groups under way at once: the server works on one while the next is worked out here.
_AT_ONCE = 2


class Writer(WriteQueue):
    """Writes for every coroutine of a process, through connections of ``sessions``.

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
        lines = [Line(sessions) for _ in range(_AT_ONCE)]
        super().__init__(lines, options, transactions, ids_of)
        self._counting = transactions

    def _rested(self, line: AnyLine) -> None:
        if self._counting.has_counts:
            # Others go on meanwhile on the other line.
            line.post(self._counting.roll_up, lambda result, error: self._rested(line))
        else:
            super()._rested(line)
