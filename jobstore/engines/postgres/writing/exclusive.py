"""A transaction that belongs to one caller, on the writer's connection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

from psycopg.pq import TransactionStatus

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import changes
from jobstore.engines.postgres.writing.batch import Stored
from jobstore.engines.postgres.writing.proof import Evidence

_SQL = named_statements.load("postgres")


class Exclusive:
    """The connection inside of the transaction, and what it would leave."""

    def __init__(self, held: AsyncExitStack, conn: Session, timeout: float) -> None:
        self.conn = conn
        self.evidence = Evidence()
        self._held = held
        self._until = time.monotonic() + timeout

    @classmethod
    async def begin(
        cls, sessions: Sessions, patience: float, timeout: float, newest: str
    ) -> Exclusive:
        """Take the connection and begin; ``patience``, ``timeout`` and ``newest`` as for the
        writer."""
        async with AsyncExitStack() as held:
            conn = await held.enter_async_context(sessions.writing())
            await changes.begin(conn, patience, (), newest)
            return cls(held.pop_all(), conn, timeout)

    @property
    def left(self) -> float:
        """Seconds until the time of the transaction is over."""
        return self._until - time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether nothing has ended the transaction, or made its COMMIT a rollback."""
        return self.conn.pgconn.transaction_status == TransactionStatus.INTRANS

    async def lock(self, ids: Sequence[UUID]) -> Stored:
        """Return what is stored under ``ids``, locked for an operation."""
        left = changes.milliseconds(max(self.left, 0))
        async with self.conn.pipeline():
            # Nobody waits any more for a statement that takes longer than the transaction may.
            await self.conn.execute(_SQL["limit_transaction"], (left, left, left))
            found = await self.conn.execute(_SQL["postings_to_write"], (sorted(ids),))
        return Stored(await found.fetchall())

    async def end(self) -> None:
        """Let go of the connection; what is open is rolled back."""
        await self._held.aclose()
