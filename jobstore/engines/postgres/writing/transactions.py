"""The writer's transactions: groups of operations, and those that belong to one caller.

A group is one transaction. What an operation refuses, it refuses before anything is written
(:mod:`jobstore.derived.plan`), and the others go on. Where the server refuses to write, halves of
the group are tried, so that only the rows that are the cause fail. Where other processes wrote the
same keys, or the connection was lost, the whole transaction is run again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import psycopg

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.errors import is_lost, retryable, translated
from jobstore.engines.postgres.hearing import Heard, Unconfirmed
from jobstore.engines.postgres.lookups import get_many
from jobstore.engines.postgres.pauses import pause
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import changes, counters
from jobstore.engines.postgres.writing.batch import Batch, Stored, gathered, wanted
from jobstore.engines.postgres.writing.commits import (
    NotStored,
    commit_proof,
    committed,
    is_stored,
    unanswered,
)
from jobstore.engines.postgres.writing.exclusive import Exclusive
from jobstore.engines.postgres.writing.planning import Planned, plan
from jobstore.engines.postgres.writing.proof import Evidence
from jobstore.engines.writing.operations import ids_of
from jobstore.engines.writing.turns import Answer, Work, own
from jobstore.errors import (
    JobStoreError,
    OutcomeUnknown,
    SchemaMismatch,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    StoreUnavailable,
)

T = TypeVar("T")

_SQL = named_statements.load("postgres")
_CONTENDED = "Other programs keep writing the same postings; nothing was written, try again."
_LOST = (
    "The connection to the database server was lost, so the transaction was rolled back; run it "
    "again."
)
# So many operations are worked out on the event loop; more go to a thread meanwhile.
_FEW = 8
# Postings that are worked out at a time while the server writes those before.
_PART = 32
# Rows of counts that are appended before they are added up. Whoever reads the statistics adds them
# up too.
ROLL_UP_AT = 4_096
# Seconds that this may take when a store is closed.
_LAST_COUNTING = 5.0
# Seconds, about, before the first repetition, and at most before a later one.
_PAUSES = (0.005, 0.25)
# Errors about the whole store: the next write would fail in the same way.
_OF_THE_STORE = (
    OutcomeUnknown,
    SchemaMismatch,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    StoreUnavailable,
)


class Transactions:
    """See :class:`jobstore.engines.writing.turns.Transactions`; ``clock`` gives the time of
    each batch, ``newest`` is the newest migration that this program knows."""

    def __init__(self, clock: Callable[[], datetime], newest: str) -> None:
        self._clock = clock
        self._newest = newest
        self._thread: ThreadPoolExecutor | None = None
        self._appended = 0
        self._exclusive: Exclusive | None = None

    async def run_group(
        self, sessions: Sessions, works: Sequence[Work], patience: float
    ) -> list[Answer] | StoreBusy:
        """Run operations in one transaction, each for its own caller."""
        deadline = time.monotonic() + patience
        outcomes: dict[int, Answer] = {}
        parts = deque([range(len(works))])
        failure: Exception | None = None
        try:
            while parts:
                part = parts.popleft()
                try:
                    some = [works[index] for index in part]
                    answers = await self._stored(sessions, some, deadline)
                except Exception as error:
                    failure = translated(error)
                    if isinstance(failure, _OF_THE_STORE):
                        raise failure from failure.__cause__
                    if len(part) == 1:
                        outcomes[part[0]] = (None, failure)
                    else:
                        half = len(part) // 2
                        parts.extendleft([part[half:], part[:half]])
                    failure = None
                else:
                    outcomes.update(zip(part, answers, strict=True))
        except JobStoreError as error:
            failure = error
        if isinstance(failure, StoreBusy) and not outcomes:
            return failure
        return [
            outcomes[index] if index in outcomes else (None, own(failure))
            for index in range(len(works))
        ]

    async def _stored(
        self, sessions: Sessions, works: Sequence[Work], deadline: float
    ) -> list[Answer]:
        """Run a transaction until it is stored, or it is clear that it is not."""
        attempts: list[_Attempt] = []
        tried, lost = 0, False
        while True:
            attempt = _Attempt(works)
            try:
                async with sessions.writing() as conn:
                    return await self._try(conn, attempt, attempts, deadline)
            except (psycopg.Error, JobStoreError) as error:
                # One that changed nothing is done again, unless it saw what may be lost.
                if isinstance(error, Unconfirmed) or (attempt.committing and is_lost(error)):
                    attempts.append(attempt)
                # While no server is there to connect to, the connection is still lost.
                lost = is_lost(error) or (lost and isinstance(error, StoreUnavailable))
                over = time.monotonic() >= deadline
                if isinstance(error, OutcomeUnknown) or not (
                    retryable(error) or isinstance(error, Unconfirmed) or lost
                ):
                    if attempts:
                        raise OutcomeUnknown from error
                    raise
                if over:
                    if attempts:
                        raise OutcomeUnknown from error
                    if retryable(error):
                        raise StoreBusy(_CONTENDED) from error
                    raise
            tried += 1
            await pause(tried, *_PAUSES)

    async def _try(
        self,
        conn: Session,
        attempt: _Attempt,
        before: Sequence[_Attempt],
        deadline: float,
    ) -> list[Answer]:
        works, now = attempt.works, self._clock()
        ids = set(ids_of(works)).union(*(each.evidence.ids for each in before))
        stored = await changes.begin(conn, deadline - time.monotonic(), sorted(ids), self._newest)
        for each in before:
            if await is_stored(conn, each.evidence, stored, repeats=True):
                await commit_proof(conn)
                return each.answers
        planned = await self._apart(len(works), partial(plan, works, stored, now))
        attempt.answers = planned.answers
        if not planned.changes:
            await committed(conn)
            return planned.answers

        async def finish() -> None:
            attempt.committing = True
            await conn.execute("COMMIT")

        with Heard(conn) as heard:
            await self._write(conn, planned, stored, now, attempt.evidence, finish)
            heard.confirm()
        self._appended += attempt.evidence.counts
        return planned.answers

    async def _write(
        self,
        conn: Session,
        planned: Planned,
        stored: Stored,
        now: datetime,
        evidence: Evidence,
        finish: Callable[[], Awaitable[None]],
    ) -> None:
        """Write what was planned, then ``finish``: together, or part after part, of which each is
        worked out while the server writes the one before."""
        ties, histories = await changes.read(conn, wanted(planned.changes, stored))
        size = len(planned.changes)
        parts = gathered(planned.changes, stored, ties, histories, now, size=_PART)

        def following() -> _Part | None:
            batch = next(parts, None)
            return None if batch is None else _Part(batch, changes.prepared(batch))

        part: _Part | None = await self._apart(size, following)
        while part is not None:
            evidence.add(part.batch)
            if size <= _PART:
                async with conn.pipeline():
                    await changes.write(conn, *part)
                    await finish()
                return
            working = asyncio.ensure_future(self._apart(size, following))
            try:
                await _sent(conn, part)
            finally:
                # The thread is not left alone with what nobody waits for.
                await asyncio.wait([working])
            part = working.result()
        await finish()

    async def _apart(self, size: int, work: Callable[[], T]) -> T:
        """Run what needs no server, on a thread where it would hold up the event loop."""
        if size <= _FEW:
            return work()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "jobstore-postgres")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def open(self, sessions: Sessions, patience: float, timeout: float) -> None:
        """Begin a transaction that :meth:`close` ends; the server gives it ``timeout`` too."""
        self._exclusive = await Exclusive.begin(sessions, patience, timeout, self._newest)

    async def run_alone(self, sessions: Sessions, work: Work) -> Any:
        """Run one operation inside the open transaction, wholly or not at all."""
        exclusive = self._exclusive
        if exclusive is None or not exclusive.is_open:
            raise StoreUnavailable(_LOST)
        operation, args = work
        if operation is get_many:
            return await get_many(exclusive.conn, *args)
        tried = 0
        while True:
            try:
                return await self._run_alone(exclusive, work)
            except psycopg.Error as error:
                if not exclusive.is_open:
                    raise StoreUnavailable(_LOST) from error
                # Another process has inserted the same key, and now it is seen. After other
                # conflicts everything would have to be done again, which only the caller can.
                if error.sqlstate != "23505" or exclusive.left <= 0:
                    raise
            tried += 1
            await pause(tried, *_PAUSES)

    async def _run_alone(self, exclusive: Exclusive, work: Work) -> Any:
        conn, now = exclusive.conn, self._clock()
        # A savepoint, since a transaction is open.
        async with conn.transaction():
            stored = await exclusive.lock(ids_of([work]))
            planned = plan([work], stored, now)
            ((result, error),) = planned.answers
            if error is not None:
                raise error
            evidence = Evidence()
            await self._write(conn, planned, stored, now, evidence, _nothing)
        exclusive.evidence.follow(evidence)
        return result

    async def close(self, sessions: Sessions, *, commit: bool, patience: float) -> None:
        """End the transaction that :meth:`open` began."""
        exclusive, self._exclusive = self._exclusive, None
        if exclusive is None:
            return
        try:
            if not commit:
                return
            if not exclusive.is_open:
                raise StoreUnavailable(_LOST)
            try:
                await committed(exclusive.conn)
            except (psycopg.Error, Unconfirmed) as error:
                if not unanswered(error):
                    raise
                await exclusive.end()
                await self._prove(sessions, exclusive.evidence, time.monotonic() + patience)
            self._appended += exclusive.evidence.counts
        finally:
            await exclusive.end()

    async def _prove(self, sessions: Sessions, evidence: Evidence, deadline: float) -> None:
        """Return if a transaction is stored; raise StoreUnavailable if not, else OutcomeUnknown."""
        tried = 0
        while True:
            try:
                async with sessions.writing() as conn:
                    stored = await changes.begin(
                        conn, deadline - time.monotonic(), evidence.ids, self._newest
                    )
                    if not await is_stored(conn, evidence, stored):
                        raise NotStored(_LOST)
                    await commit_proof(conn)
                    return
            except NotStored as error:
                raise StoreUnavailable(str(error)) from None
            except (psycopg.Error, JobStoreError) as error:
                if isinstance(error, OutcomeUnknown) or time.monotonic() >= deadline:
                    raise OutcomeUnknown from error
            tried += 1
            await pause(tried, *_PAUSES)

    @property
    def has_counts(self) -> bool:
        """Whether so many counts were appended that they should be added up."""
        return self._appended >= ROLL_UP_AT

    async def roll_up(self, sessions: Sessions) -> None:
        """Add up the counts; where that fails, they stay for the next time."""
        self._appended = 0
        async with sessions.writing() as conn:
            await conn.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            await conn.settle()
            await counters.roll_up(conn)
            await conn.execute("COMMIT")

    async def settle(self, sessions: Sessions) -> None:
        """Add up what was appended, and let go of the thread."""
        if self._appended:
            # Programs that write little and end would leave more and more. What stays when this
            # fails, the next one adds up.
            with suppress(Exception):
                async with asyncio.timeout(_LAST_COUNTING):
                    await self.roll_up(sessions)
        if self._thread is not None:
            self._thread.shutdown(wait=False)


class _Attempt:
    """One try of a transaction, and what it would leave."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self.answers: list[Answer] = []
        self.evidence = Evidence()
        self.committing = False


class _Part(NamedTuple):
    """Rows that are written together, and their texts."""

    batch: Batch
    texts: dict[str, list[str]]


async def _sent(conn: Session, part: _Part) -> None:
    async with conn.pipeline():
        await changes.write(conn, *part)


async def _nothing() -> None:
    pass
