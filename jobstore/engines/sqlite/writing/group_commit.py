"""Transactions over groups of operations, on the writer's thread.

Everything here blocks and runs on the writer's connection. Queues, futures and the event loop
belong to :mod:`jobstore.engines.writing.queue`.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from jobstore.engines.sqlite.errors import concerns_store, primary_code, told_apart, wrap
from jobstore.engines.sqlite.log.checkpointing import Mode, Pace, Written, checkpoint
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.engines.sqlite.log.stamps import Stamps
from jobstore.engines.sqlite.log.waiting import until_shipped
from jobstore.engines.sqlite.transaction import roll_back
from jobstore.engines.sqlite.writing.merging import Merging
from jobstore.engines.writing.turns import Answer, Work, own
from jobstore.errors import JobStoreError, OutcomeUnknown, StoreBusy, StoreUnavailable
from jobstore.locking import FileLock, attempts

_ROLLED_BACK = "An error undid the transaction; nothing of it was stored. Run it again."
_LOST = (
    "The database could not undo a transaction, so its connection was given up; nothing of it "
    "was stored. Try again."
)


class SharedWrites(Protocol):
    """What the operations of one transaction share: their first argument.

    It is made after BEGIN, for the operations that are about to run, and dropped when the
    transaction is rolled back.
    """

    conn: sqlite3.Connection

    def finish(self) -> None:
        """Write what the operations left for the end of the transaction; called before COMMIT."""


Begin = Callable[[sqlite3.Connection, Sequence[Work]], SharedWrites]
Current = Callable[[sqlite3.Connection], sqlite3.Connection]


def _as_it_is(conn: sqlite3.Connection) -> sqlite3.Connection:
    return conn


class Transactions:
    """Runs operations inside transactions, and holds the lock file during each.

    After it let go of the lock it waits, where that is asked for, until what it stored is archived.

    ``begin`` makes what the operations of a transaction share. ``patience`` is how many seconds a
    call may wait for other processes, for the lock file and for SQLite's own lock together.
    ``current`` returns the connection to the file that is the store now, since it may have been
    replaced until the lock was taken; nobody replaces it while the lock is held.
    """

    def __init__(self, begin: Begin, lock: FileLock, current: Current = _as_it_is) -> None:
        self._shared = begin
        self._lock = lock
        self._current = current
        self._stamps = Stamps()
        self._pace = Pace(lock.database)
        self._spool = Spool(lock.database)
        self._merging = Merging()

    def _followed(self, conn: sqlite3.Connection) -> sqlite3.Connection:
        """Return the connection to the file that is the store; to be called with the lock."""
        current = self._current(conn)
        if current is not conn:
            # The stamp that it has is its own.
            self._stamps.undo()
        return current

    def run_group(
        self, conn: sqlite3.Connection, works: Sequence[Work], patience: float
    ) -> list[Answer] | StoreBusy:
        """Run ``operation(shared, *args)`` for each of ``works`` in one transaction.

        An operation that raises a JobStoreError about its own row has written nothing, and the
        transaction goes on without it. Any other failing operation undoes the transaction: what
        ran before it is then stored in one of its own, what comes after it in the next. An
        error that concerns the whole store ends the group; whatever is not stored by then
        fails with it. So every operation runs at most twice, plus once for each halving when
        it is the end of the transaction that fails.

        Returns StoreBusy when none has begun, since others kept the store locked.
        """
        outcomes: dict[int, Answer] = {}
        parts = deque([list(range(len(works)))])
        failure: Exception | None = None
        deadline = time.monotonic() + patience
        try:
            self._lock.acquire(patience)
            try:
                conn = self._followed(conn)
                while parts:
                    part = parts.popleft()
                    parts.extendleft(self._transact(conn, works, part, outcomes, deadline))
                self._pace.write_back(conn)
            finally:
                self._lock.release()
        except BaseException as error:
            failure = wrap(told_apart(wrap(error), conn))
        if isinstance(failure, StoreBusy) and not outcomes:
            return failure
        if any(error is None for _, error in outcomes.values()):
            self._wait(outcomes)
        return [
            outcomes[index] if index in outcomes else (None, own(failure))
            for index in range(len(works))
        ]

    def _wait(self, outcomes: dict[int, Answer]) -> None:
        """Wait until what was stored is archived, where that is asked for."""
        try:
            until_shipped(self._spool, self._lock.timeout)
        except OutcomeUnknown as unknown:
            for index, (_, error) in outcomes.items():
                if error is None:
                    outcomes[index] = (None, own(unknown))

    def _transact(
        self,
        conn: sqlite3.Connection,
        works: Sequence[Work],
        part: list[int],
        outcomes: dict[int, Answer],
        deadline: float,
    ) -> list[list[int]]:
        """Try ``part`` as one transaction; return the parts to try instead, last one first."""
        if not part:
            return []
        results: list[Answer] = []
        _begin(conn, deadline)
        try:
            self._stamps.begin(conn)
            shared = self._shared(conn, [works[index] for index in part])
            for index in part:
                operation, args = works[index]
                try:
                    answer: Answer = (operation(shared, *args), None)
                except JobStoreError as error:
                    if concerns_store(error):
                        raise
                    answer = (None, error)
                if not conn.in_transaction:
                    raise StoreUnavailable(_ROLLED_BACK)
                results.append(answer)
            shared.finish()
            self._stamps.finish(conn)
            _commit(conn, deadline)
        except BaseException as error:
            self._stamps.undo()
            undone = roll_back(conn)
            failure = wrap(error)
            if concerns_store(failure):
                raise failure from failure.__cause__
            at = len(results)
            if at < len(part):
                outcomes[part[at]] = (None, failure)
            if not undone:
                raise StoreUnavailable(_LOST) from error
            if at < len(part):
                return [part[at + 1 :], part[:at]]
            # The end of the transaction failed; any of the operations may be the cause.
            if at == 1:
                outcomes[part[0]] = (None, failure)
                return []
            return [part[at // 2 :], part[: at // 2]]
        outcomes.update(zip(part, results, strict=True))
        return []

    def open(self, conn: sqlite3.Connection, patience: float, timeout: float = 0.0) -> None:
        """Take the lock and begin a transaction that :meth:`close` ends.

        ``timeout`` is for servers, which outlive a program that hangs.
        """
        deadline = time.monotonic() + patience
        self._lock.acquire(patience)
        try:
            conn = self._followed(conn)
            _begin(conn, deadline)
            self._stamps.begin(conn)
        except BaseException:
            self._lock.release()
            raise

    def run_alone(self, conn: sqlite3.Connection, work: Work) -> Any:
        """Run one operation inside the open transaction, wholly or not at all."""
        operation, args = work
        if not conn.in_transaction:
            raise StoreUnavailable(_ROLLED_BACK)
        conn.execute("SAVEPOINT operation")
        try:
            # It has its own SharedWrites, so that what a failing operation left there is dropped.
            shared = self._shared(conn, [work])
            result = operation(shared, *args)
            shared.finish()
        except BaseException:
            try:
                conn.execute("ROLLBACK TO operation")
                conn.execute("RELEASE operation")
            except sqlite3.Error:
                # No half of an operation may stay.
                if not roll_back(conn):
                    # Without its connection the transaction is over.
                    self._lock.release()
            raise
        conn.execute("RELEASE operation")
        return result

    def close(self, conn: sqlite3.Connection, *, commit: bool, patience: float) -> None:
        """End the transaction that :meth:`open` began, and let go of the lock."""
        try:
            if commit:
                if not conn.in_transaction:
                    raise StoreUnavailable(_ROLLED_BACK)
                self._stamps.finish(conn)
                _commit(conn, time.monotonic() + patience)
                self._pace.write_back(conn)
        except BaseException:
            self._stamps.undo()
            raise
        finally:
            roll_back(conn)
            self._lock.release()
        if commit:
            until_shipped(self._spool, self._lock.timeout)

    def run_whole(self, conn: sqlite3.Connection, work: Work, patience: float) -> Any:
        """Run one operation in a transaction of its own, and return its result."""
        operation, args = work
        with self._transaction(conn, patience) as conn:
            shared = self._shared(conn, [work])
            result = operation(shared, *args)
            shared.finish()
        until_shipped(self._spool, self._lock.timeout)
        return result

    def tend(self, conn: sqlite3.Connection) -> bool:
        """Merge some of the full-text index, if that is due; return whether there may be more.

        Others who write go first, and what fails is left for later: nothing depends on it.
        """
        try:
            if not self._merging.is_due(conn):
                return False
            with self._transaction(conn, 0) as conn:
                self._merging.step(conn)
        except (sqlite3.Error, JobStoreError) as error:
            return isinstance(wrap(error), StoreBusy)
        return True

    @contextmanager
    def _transaction(
        self, conn: sqlite3.Connection, patience: float
    ) -> Iterator[sqlite3.Connection]:
        """Hold the lock for a transaction that is committed, or undone where the block raises."""
        deadline = time.monotonic() + patience
        self._lock.acquire(patience)
        try:
            conn = self._followed(conn)
            _begin(conn, deadline)
            self._stamps.begin(conn)
            yield conn
            if not conn.in_transaction:
                raise StoreUnavailable(_ROLLED_BACK)
            self._stamps.finish(conn)
            _commit(conn, deadline)
            self._pace.write_back(conn)
        except BaseException:
            self._stamps.undo()
            roll_back(conn)
            raise
        finally:
            self._lock.release()

    def settle(self, conn: sqlite3.Connection) -> None:
        """Wait until what is done beside the transactions has ended."""
        self._pace.settle()

    def checkpoint(self, conn: sqlite3.Connection, patience: float, mode: Mode) -> Written:
        """Copy the WAL into the database; see :meth:`.writer.StoreWriter.checkpoint`."""
        self._lock.acquire(patience)
        try:
            return checkpoint(self._followed(conn), self._lock.database, mode)
        finally:
            self._lock.release()


def _begin(conn: sqlite3.Connection, deadline: float) -> None:
    # An earlier transaction that could not be ended must not take in what comes next.
    if not roll_back(conn):
        raise StoreUnavailable(_LOST)
    # A deferred transaction that begins to write does not wait for others: it fails at once.
    _patiently(conn, "BEGIN IMMEDIATE", deadline)


def _commit(conn: sqlite3.Connection, deadline: float) -> None:
    try:
        _patiently(conn, "COMMIT", deadline)
    except sqlite3.Error as error:
        raise wrap(error, committing=True) from error


def _patiently(conn: sqlite3.Connection, statement: str, deadline: float) -> None:
    # SQLite's own handler sleeps up to 100 ms between tries, which starves a busy writer.
    for _ in attempts(deadline - time.monotonic()):
        try:
            conn.execute(statement)
        except sqlite3.OperationalError as error:
            if primary_code(error) != "BUSY":
                raise
        else:
            return
    raise StoreBusy("Another program keeps the store locked; nothing was written, try again.")
