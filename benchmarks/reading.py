"""Measures operations that read: alone, beside the same SQL, at several sizes, 100 at once.

Everything that is compared is interleaved: round by round, size by size, and within a round
the gateway, the bare connection and the one behind a hop take turns in going first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import Any

import aiosqlite

import jobstore
from benchmarks import bare, generator
from benchmarks.databases import Database
from benchmarks.draws import Draws
from benchmarks.measuring import Timings, at_once, quiet
from benchmarks.operations import Operation, even_operations, reading_operations
from benchmarks.planting import Plants, plant
from jobstore.store import JobStore

ROUNDS = 5
_CALLS = 60
_SECONDS = 1.5
"""A round of one operation is ended after so many calls, or after so much time."""
_LEAST = 20


@dataclass(slots=True)
class Subject:
    """One database, open in every way that is measured."""

    size: int
    store: JobStore
    plain: sqlite3.Connection
    hopping: aiosqlite.Connection
    operations: list[Operation]
    statements: dict[str, list[list[bare.Statement]]]


@dataclass(slots=True)
class Measured:
    """The timings of one operation at one size: the call, the same SQL, a hop of nothing, the
    same SQL carried by one hop, and some Python work that never changes."""

    gateway: Timings = field(default_factory=Timings)
    sqlite: Timings = field(default_factory=Timings)
    hop: Timings = field(default_factory=Timings)
    carried: Timings = field(default_factory=Timings)
    python: Timings = field(default_factory=Timings)

    def ratio(self) -> float:
        """Return the gateway's median against those of the same SQL and one hop together."""
        gateway, limit, hop = (
            median(timings.all) for timings in (self.gateway, self.sqlite, self.hop)
        )
        return gateway / (limit + hop)

    def cost(self) -> float:
        """Return the middle one of all calls, each against what was timed right beside it.

        That is the same SQL in a hop and a piece of Python: whatever slows the machine down just
        then slows both sides, whether it is waking threads, SQLite or Python.
        """
        beside = zip(self.gateway.all, self.carried.all, self.python.all, strict=True)
        return median(own / (carried + python) for own, carried, python in beside)

    def summary(self) -> dict[str, Any]:
        """Return everything as plain numbers, milliseconds."""
        return {
            "alone": self.gateway.summary(),
            "sqlite": self.sqlite.summary(),
            "hop": self.hop.summary(),
            "carried": self.carried.summary(),
            "ratio": round(self.ratio(), 3),
            "cost": round(self.cost(), 4),
        }


@asynccontextmanager
async def subject(database: Database, now: datetime = generator.NOW) -> AsyncIterator[Subject]:
    """Open a database, and draw what is asked of it; its clock stands at ``now``."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(jobstore.connect(database.url, clock=lambda: now))
        plain = bare.connect(database.path)
        stack.callback(plain.close)
        hopping = await stack.enter_async_context(
            aiosqlite.Connection(partial(bare.connect, database.path), iter_chunk_size=64)
        )
        draws = Draws(plain)
        if database.kind == "even":
            operations = even_operations(draws)
        else:
            operations = await reading_operations(draws, store)
        recording = bare.RecordingStore(database.path, now)
        stack.callback(recording.close)
        statements = {
            operation.name: [await recording.statements_of(call) for call in operation.calls]
            for operation in operations
        }
        yield Subject(database.size, store, plain, hopping, operations, statements)


async def measure_alone(
    subjects: Sequence[Subject], rounds: int = ROUNDS, plants: Plants | None = None
) -> dict[int, dict[str, Measured]]:
    """Measure every operation, one call at a time; returns timings by size and name.

    Operations of ``plants`` are slowed down by their factors.
    """
    operations = {each.size: plant(each.operations, plants or {}) for each in subjects}
    found: dict[int, dict[str, Measured]] = {
        each.size: {operation.name: Measured() for operation in each.operations}
        for each in subjects
    }
    async with aiosqlite.connect(":memory:") as idle:
        for number in range(rounds):
            for each in subjects:
                for operation in operations[each.size]:
                    if not operation.calls:
                        continue
                    measured = found[each.size][operation.name]
                    await _round(each, operation, measured, idle, number)
    return found


async def _round(
    subject: Subject,
    operation: Operation,
    measured: Measured,
    idle: aiosqlite.Connection,
    number: int,
) -> None:
    size = len(operation.calls)
    pairs = list(zip(operation.calls, subject.statements[operation.name], strict=True))
    start = number * _CALLS % size
    gateway: list[float] = []
    limit: list[float] = []
    hop: list[float] = []
    carried: list[float] = []
    python: list[float] = []
    clock = time.perf_counter
    # What was read last by others is not in the caches; the first call is nobody's.
    await pairs[start][0](subject.store)
    bare.replay(subject.plain, pairs[start][1])
    await _carry(subject.hopping, pairs[start][1])
    with quiet():
        until = clock() + _SECONDS
        for count, (call, statements) in enumerate(islice(cycle(pairs), start, start + _CALLS)):
            if count >= _LEAST and clock() > until:
                break
            for turn in range(count, count + 3):
                started = clock()
                if turn % 3 == 0:
                    await call(subject.store)
                    gateway.append(clock() - started)
                elif turn % 3 == 1:
                    bare.replay(subject.plain, statements)
                    limit.append(clock() - started)
                else:
                    await _carry(subject.hopping, statements)
                    carried.append(clock() - started)
            started = clock()
            await idle._execute(_nothing)
            hop.append(clock() - started)
            started = clock()
            _work()
            python.append(clock() - started)
    measured.gateway.rounds.append(gateway)
    measured.sqlite.rounds.append(limit)
    measured.hop.rounds.append(hop)
    measured.carried.rounds.append(carried)
    measured.python.rounds.append(python)


async def _carry(conn: aiosqlite.Connection, statements: list[bare.Statement]) -> None:
    """Run statements by one hop to the connection's thread, as little as any caller can do."""
    await conn._execute(bare.replay, conn._conn, statements)


def _nothing() -> None:
    """What one hop to a connection's thread and back carries."""


class _Row:
    """What the piece of Python makes many of."""

    __slots__ = ("name", "number", "pair")

    number: int
    name: str
    pair: tuple[int, str]


def _work() -> int:
    """Do what never changes: fill objects, cut strings, look things up."""
    rows = []
    for number in range(60):
        row = _Row()
        row.number = number
        row.name = f"number {number}"
        row.pair = (number, row.name)
        rows.append(row)
    by_name = {row.name: row for row in rows}
    return len(by_name) + sum(len(row.name.replace("n", "m").split()) for row in rows)


async def measure_at_once(subject: Subject, rounds: int) -> dict[str, Timings]:
    """Measure every operation called by 100 coroutines at once."""
    found = {operation.name: Timings() for operation in subject.operations}
    for _ in range(rounds):
        for operation in subject.operations:
            # About as many as one caller makes in a second, but each caller makes a few.
            count = 2000 if operation.name in ("count", "get", "find") else 150
            calls = [partial(call, subject.store) for call in islice(cycle(operation.calls), count)]
            with quiet():
                await at_once(calls, found[operation.name])
    return found


async def measure_plain_gets(
    subject: Subject, database: Database, rounds: int
) -> dict[str, Timings]:
    """Measure 100 coroutines that get: through the gateway, and on plain aiosqlite.

    The plain ways share one connection. The first is that of its documentation: execute, fetch
    and close, a hop each. The second is one hop with ``execute_fetchall``. Neither makes a
    record of the row, which the gateway does.
    """
    gets = next(operation for operation in subject.operations if operation.name == "get")
    bound = [statements[-1][:2] for statements in subject.statements["get"]]
    found = {name: Timings() for name in ("gateway", "plain aiosqlite", "aiosqlite in one hop")}
    async with aiosqlite.connect(f"file:{database.path}?mode=ro", uri=True) as conn:
        await conn.execute("PRAGMA cache_size = -16384")

        async def plain(sql: str, parameters: Any) -> None:
            async with conn.execute(sql, parameters) as cursor:
                await cursor.fetchone()

        ways: dict[str, list[Callable[[], Awaitable[Any]]]] = {
            "gateway": [partial(call, subject.store) for call in gets.calls],
            "plain aiosqlite": [partial(plain, *pair) for pair in bound],
            "aiosqlite in one hop": [partial(conn.execute_fetchall, *pair) for pair in bound],
        }
        for _ in range(rounds):
            for name, calls in ways.items():
                with quiet():
                    await at_once(calls * 10, found[name])
    return found
