"""The limit: the very statements that the gateway runs, on the standard library's sqlite3.

A gateway over a :class:`Recorder` runs each call once and notes its statements with what was
bound to them. They are then run again on a plain connection, all rows fetched and thrown
away: no thread, no records, no snippets, no checks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from benchmarks import generator
from jobstore.engines import named_statements
from jobstore.engines.sqlite.engine import SQLiteEngine
from jobstore.store import JobStore

Statement = tuple[str, Any, bool]
"""SQL, what is bound, and whether it is run once for each of them."""


class Recorder:
    """A connection that notes every statement it runs."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.statements: list[Statement] = []

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._conn.in_transaction

    def execute(self, sql: str, bound: Any = ()) -> sqlite3.Cursor:
        """Run one statement."""
        self.statements.append((sql, bound, False))
        cursor = self._conn.cursor(_Read)
        cursor.recorder, cursor.at = self, len(self.statements) - 1
        return cursor.execute(sql, bound)

    def executemany(self, sql: str, bound: Iterable[Any]) -> sqlite3.Cursor:
        """Run one statement many times."""
        rows = list(bound)
        self.statements.append((sql, rows, True))
        return self._conn.executemany(sql, rows)

    def take(self) -> list[Statement]:
        """Return what was noted, and forget it."""
        taken, self.statements = self.statements, []
        return taken


class _Read(sqlite3.Cursor):
    """Notes how many rows were read of a statement that was not read to its end."""

    recorder: Recorder
    at: int
    rows = 0

    def __next__(self) -> Any:
        row = super().__next__()
        self.rows += 1
        return row

    def close(self) -> None:
        """Have the statement give no more rows than were read when it is run again."""
        sql, bound, _ = self.recorder.statements[self.at]
        self.recorder.statements[self.at] = (
            f"{sql.rstrip().rstrip(';')} LIMIT {self.rows}",
            bound,
            False,
        )
        super().close()


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a plain connection with the settings that the store gives to its own."""
    mode = "rw" if write else "ro"
    conn = sqlite3.connect(
        f"file:{path}?mode={mode}", uri=True, isolation_level=None, cached_statements=256
    )
    conn.execute("PRAGMA temp_store = MEMORY")
    conn.execute(f"PRAGMA cache_size = {-64 * 1024 if write else -16 * 1024}")
    if write:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = FULL")
    return conn


def replay(conn: sqlite3.Connection, statements: Iterable[Statement]) -> None:
    """Run recorded statements and fetch everything they return."""
    for sql, bound, many in statements:
        if many:
            conn.executemany(sql, bound)
        else:
            conn.execute(sql, bound).fetchall()


class _Inline:
    """Stands for the pool of readers, and runs at once what it is given."""

    def __init__(self, conn: Recorder | sqlite3.Connection) -> None:
        self._conn = conn

    async def read(self, function: Callable[..., Any], *args: Any, **_: Any) -> Any:
        return function(self._conn, *args)


def inline_store(conn: Recorder | sqlite3.Connection, path: Path, now: datetime) -> JobStore:
    """Return a gateway that reads on the caller's own thread. It has nothing to close."""
    key = conn.execute(named_statements.load("sqlite")["cursor_key"]).fetchone()[0]
    adopted: Any = SimpleNamespace(cursor_key=bytes(key))
    writer: Any = SimpleNamespace(submit=None)  # nothing is written
    engine: Any = SQLiteEngine(writer, cast(Any, _Inline(conn)), adopted, lambda: now, path, 0.0)
    store = JobStore(engine, (), lambda: now)
    store._closed = True
    return store


class RecordingStore:
    """Tells which statements a call of the gateway runs."""

    def __init__(self, path: Path, now: datetime = generator.NOW) -> None:
        self._conn = connect(path)
        self._recorder = Recorder(self._conn)
        self._store = inline_store(self._recorder, path, now)
        self._recorder.take()

    async def statements_of(self, call: Callable[[JobStore], Awaitable[Any]]) -> list[Statement]:
        """Return the statements that ``call`` runs."""
        await call(self._store)
        return self._recorder.take()

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()
