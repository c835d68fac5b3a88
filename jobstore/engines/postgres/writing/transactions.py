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
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import psycopg

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.errors import is_lost, retryable, translated
from jobstore.engines.postgres.hearing import Heard, Unconfirmed
from jobstore.engines.postgres.pauses import pause
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import changes, counters
from jobstore.engines.postgres.writing.alone import PAUSES, Alone
from jobstore.engines.postgres.writing.commits import (
    UnderWay,
    commit_proof,
    committed,
    is_stored,
)
from jobstore.engines.postgres.writing.planning import plan
from jobstore.engines.postgres.writing.proof import Evidence
from jobstore.engines.postgres.writing.sending import Sender
from jobstore.engines.writing.operations import ids_of, ids_to_find
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

_SQL = named_statements.load("postgres")
_CONTENDED = "Other programs keep writing the same postings; nothing was written, try again."
# Rows of counts that are appended before they are added up. Whoever reads the statistics adds them
# up too.
ROLL_UP_AT = 4_096
# Seconds that this may take when a store is closed.
_LAST_COUNTING = 5.0
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
        self._sender = Sender()
        self._appended = 0
        self._alone: Alone | None = None

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
                    retryable(error) or isinstance(error, (Unconfirmed, UnderWay)) or lost
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
            await pause(tried, *PAUSES)

    async def _try(
        self,
        conn: Session,
        attempt: _Attempt,
        before: Sequence[_Attempt],
        deadline: float,
    ) -> list[Answer]:
        works, now = attempt.works, self._clock()
        known = {id for each in before for id in each.evidence.ids}
        ids = sorted(known.union(ids_of(works)))
        stored = await changes.begin(conn, deadline - time.monotonic(), ids, self._newest)
        await changes.lock_again(conn, stored, known.union(ids_to_find(works)))
        for each in before:
            if await is_stored(conn, each.evidence, stored, repeats=True):
                await commit_proof(conn)
                return each.answers
        planned = await self._sender.apart(len(works), partial(plan, works, stored, now))
        attempt.answers = planned.answers
        if not planned.changes:
            await committed(conn)
            return planned.answers

        async def finish() -> None:
            attempt.committing = True
            await conn.execute("COMMIT")

        with Heard(conn) as heard:
            await self._sender.write(conn, planned, stored, now, attempt.evidence, finish)
            heard.confirm()
        self._appended += attempt.evidence.counts
        return planned.answers

    async def open(self, sessions: Sessions, patience: float, timeout: float) -> None:
        """Begin a transaction that :meth:`close` ends; the server gives it ``timeout`` too."""
        self._alone = await Alone.begin(sessions, patience, timeout, self._clock, self._newest)

    async def run_alone(self, sessions: Sessions, work: Work) -> Any:
        """Run one operation inside the open transaction, wholly or not at all."""
        assert self._alone is not None
        return await self._alone.run(self._sender, work)

    async def close(self, sessions: Sessions, *, commit: bool, patience: float) -> None:
        """End the transaction that :meth:`open` began."""
        alone, self._alone = self._alone, None
        if alone is not None:
            await alone.close(sessions, commit=commit, patience=patience)
            self._appended += alone.evidence.counts if commit else 0

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
            await counters.answered(conn, counters.rolled_up())
            await conn.execute("COMMIT")

    async def settle(self, sessions: Sessions) -> None:
        """Add up what was appended, and let go of the thread."""
        if self._appended:
            # Programs that write little and end would leave more and more. What stays when this
            # fails, the next one adds up.
            with suppress(Exception):
                async with asyncio.timeout(_LAST_COUNTING):
                    await self.roll_up(sessions)
        self._sender.close()


class _Attempt:
    """One try of a transaction, and what it would leave."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self.answers: list[Answer] = []
        self.evidence = Evidence()
        self.committing = False
