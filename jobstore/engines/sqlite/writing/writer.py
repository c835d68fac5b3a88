"""The writer: the queue of writes in front of one connection, and its checkpoints.

What runs on the connection's thread is in :mod:`jobstore.engines.sqlite.writing.group_commit`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from jobstore.engines.sqlite.session import Session
from jobstore.engines.sqlite.writing.group_commit import Begin, Transactions
from jobstore.engines.writing.calls import Call
from jobstore.engines.writing.queue import WriteQueue
from jobstore.engines.writing.turns import Operation
from jobstore.locking import FileLock
from jobstore.settings import EngineOptions


class StoreWriter(WriteQueue):
    """Writes for every coroutine of a process, through one connection.

    ``begin(connection, works)`` makes what the operations of one transaction share
    (:class:`~.group_commit.SharedWrites`); ``lock`` is held around each transaction and
    checkpoint. The rest is as for :class:`~jobstore.engines.writing.queue.WriteQueue`.
    """

    def __init__(
        self,
        session: Session,
        options: EngineOptions,
        lock: FileLock,
        begin: Begin,
    ) -> None:
        transactions = Transactions(begin, lock, session.current)
        super().__init__([session], options, transactions, tend=transactions.tend)
        self._session = session
        self._checkpoint = transactions.checkpoint
        self._run_whole = transactions.run_whole

    async def run_alone(self, operation: Operation, *args: Any) -> Any:
        """Run ``operation(shared, *args)`` in a transaction of its own; return its result.

        It may fail at any point, and leaves nothing then. Otherwise as for :meth:`submit`.
        """
        work = partial(self._run_whole, work=(operation, args))
        return await self._wait(Call(self._session.future(), alone=work))

    async def checkpoint(
        self, mode: Literal["PASSIVE", "TRUNCATE"] = "PASSIVE"
    ) -> tuple[bool, int, int]:
        """Copy the WAL into the database between two groups.

        ``TRUNCATE`` also empties the WAL file. Returns whether readers prevented a complete
        one, the pages in the WAL, and the pages that are copied (both -1 without a WAL).
        """
        work = partial(self._checkpoint, mode=mode)
        result: tuple[bool, int, int] = await self._wait(Call(self._session.future(), alone=work))
        return result
