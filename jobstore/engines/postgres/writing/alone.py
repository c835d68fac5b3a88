"""A transaction that belongs to one caller, until it is certain how it has ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session, milliseconds
from jobstore.engines.postgres.errors import is_lost
from jobstore.engines.postgres.hearing import Unconfirmed
from jobstore.engines.postgres.pauses import pause
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import beside, changes
from jobstore.engines.postgres.writing.batch import Stored
from jobstore.engines.postgres.writing.commits import (
    NotStored,
    commit_proof,
    committed,
    is_stored,
    unanswered,
)
from jobstore.engines.postgres.writing.planning import plan
from jobstore.engines.postgres.writing.proof import Evidence
from jobstore.engines.postgres.writing.sending import Sender
from jobstore.engines.writing.operations import ids_of, ids_to_find
from jobstore.engines.writing.turns import Work
from jobstore.errors import JobStoreError, OutcomeUnknown, StoreUnavailable

_SQL = named_statements.load("postgres")
_LOST = (
    "The connection to the database server was lost, so the transaction was rolled back; run it "
    "again."
)
_UNDONE = "An error in the transaction has undone all of it; run it again."
# Seconds, about, before the first repetition, and at most before a later one.
PAUSES = (0.005, 0.25)


class Alone:
    """An open transaction, and what it would leave. ``clock`` gives the time of each operation."""

    def __init__(
        self,
        held: AsyncExitStack,
        conn: Session,
        timeout: float,
        clock: Callable[[], datetime],
        newest: str,
    ) -> None:
        self.evidence = Evidence()
        self._held = held
        self._conn = conn
        self._until = time.monotonic() + timeout
        self._clock = clock
        self._newest = newest
        self._failure: BaseException | None = None

    @classmethod
    async def begin(
        cls,
        sessions: Sessions,
        patience: float,
        timeout: float,
        clock: Callable[[], datetime],
        newest: str,
    ) -> Alone:
        """Take a connection and begin; ``patience``, ``timeout`` and ``newest`` as for the
        writer."""
        async with AsyncExitStack() as held:
            conn = await held.enter_async_context(sessions.writing())
            await changes.begin(conn, patience, (), newest)
            return cls(held.pop_all(), conn, timeout, clock, newest)

    async def run(self, sender: Sender, work: Work) -> Any:
        """Run one operation, wholly or not at all. Raises StoreUnavailable where all is undone."""
        self._require_open()
        try:
            operation, args = work
            if operation in beside.READS:
                return await operation(self._conn, *args)
            if operation in beside.LOCKING:
                async with self._undoing(), self._conn.pipeline():
                    await self._begin()
                    found = await operation(self._conn, *args)
                    await self._keep()
                return found
            if operation in beside.WRITES:
                return await self._write_beside(work)
            return await self._write(sender, work)
        except BaseException as error:
            if not self._is_open:
                self._failure = error
                if is_lost(error):
                    raise StoreUnavailable(_LOST) from error
            raise

    async def close(self, sessions: Sessions, *, commit: bool, patience: float) -> None:
        """Commit, and find out what is stored where that is not answered; or roll back."""
        try:
            if not commit:
                return
            self._require_open()
            try:
                await committed(self._conn)
            except (psycopg.Error, Unconfirmed) as error:
                if not unanswered(error):
                    raise
                await self._held.aclose()
                await self._prove(sessions, time.monotonic() + patience)
        finally:
            # Lets go of the connection; what is open is rolled back.
            await self._held.aclose()

    @property
    def _is_open(self) -> bool:
        """Whether nothing has ended the transaction, or made its COMMIT a rollback."""
        return self._conn.pgconn.transaction_status == TransactionStatus.INTRANS

    def _require_open(self) -> None:
        if not self._is_open:
            lost = self._failure is None or is_lost(self._failure)
            raise StoreUnavailable(_LOST if lost else _UNDONE) from self._failure

    async def _write(self, sender: Sender, work: Work) -> Any:
        tried = 0
        while True:
            try:
                return await self._tried(sender, work)
            except psycopg.Error as error:
                # Another process has inserted the same key, and now it is seen. After other
                # conflicts everything would have to be done again, which only the caller can.
                if error.sqlstate != "23505" or time.monotonic() >= self._until:
                    raise
            tried += 1
            await pause(tried, *PAUSES)

    async def _tried(self, sender: Sender, work: Work) -> Any:
        now = self._clock()
        async with self._undoing():
            stored = await self._lock(work)
            planned = plan([work], stored, now)
            ((result, error),) = planned.answers
            if error is not None:
                raise error
            evidence = Evidence(self.evidence.transaction)
            await sender.write(self._conn, planned, stored, now, evidence, self._keep)
        self.evidence.follow(evidence)
        return result

    async def _write_beside(self, work: Work) -> None:
        """Write what is no posting; the transaction's number alone tells later if it is kept."""
        operation, args = work
        conn = self._conn
        async with conn.transaction():
            await operation(conn, *args)
            if self.evidence.number is None:
                self.evidence.transaction = conn.history, await changes.number(conn)
        self.evidence.more = True

    async def _lock(self, work: Work) -> Stored:
        """Begin an operation, and return what is stored for it, locked."""
        async with self._conn.pipeline():
            await self._begin()
            found = await self._conn.execute(_SQL["postings_to_write"], (sorted(ids_of([work])),))
        stored = Stored(await found.fetchall())
        await changes.lock_again(self._conn, stored, ids_to_find([work]))
        return stored

    async def _begin(self) -> None:
        """Begin an operation."""
        # Nobody waits any more for a statement that takes longer than the transaction may; for
        # others it waits no longer than any write.
        left = max(self._until - time.monotonic(), 0)
        total = milliseconds(left)
        lock = min(total, self._conn.settings["lock_timeout"], key=int)
        await self._conn.execute("SAVEPOINT operation")
        await self._conn.execute(_SQL["limit_transaction"], (lock, total, total))

    @asynccontextmanager
    async def _undoing(self) -> AsyncIterator[None]:
        """Undo the operation that begins inside, where it fails."""
        try:
            yield
        except BaseException:
            # The operation's own error matters more than one of undoing it.
            with suppress(psycopg.Error):
                async with self._conn.pipeline():
                    await self._conn.execute("ROLLBACK TO SAVEPOINT operation")
                    await self._keep()
            raise

    async def _keep(self) -> None:
        await self._conn.execute("RELEASE SAVEPOINT operation")

    async def _prove(self, sessions: Sessions, deadline: float) -> None:
        """Return if all is stored; raise StoreUnavailable if not, else OutcomeUnknown."""
        tried = 0
        while True:
            try:
                async with sessions.writing() as conn:
                    stored = await changes.begin(
                        conn, deadline - time.monotonic(), self.evidence.ids, self._newest
                    )
                    await changes.lock_again(conn, stored, self.evidence.ids)
                    if not await is_stored(conn, self.evidence, stored):
                        raise NotStored(_LOST)
                    await commit_proof(conn)
                    return
            except NotStored as error:
                raise StoreUnavailable(str(error)) from None
            except (psycopg.Error, JobStoreError) as error:
                if isinstance(error, OutcomeUnknown) or time.monotonic() >= deadline:
                    raise OutcomeUnknown from error
            tried += 1
            await pause(tried, *PAUSES)
