"""A plain table and operations on it, to test the writer and the readers without postings."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jobstore import JobNotFound
from jobstore.engines.sqlite.connection import open_writer
from jobstore.engines.sqlite.readers import ReaderPool
from jobstore.engines.sqlite.writing.writer import StoreWriter
from jobstore.engines.writing.turns import Work
from jobstore.locking import FileLock
from jobstore.settings import EngineOptions


class Tally:
    """Counts the rows of its transaction and stores the sum at its end."""

    def __init__(self, conn: sqlite3.Connection, works: Sequence[Work]) -> None:
        self.conn = conn
        self.added = 0

    def finish(self) -> None:
        if self.added:
            self.conn.execute("UPDATE tally SET amount = amount + ?", (self.added,))


def make_database(path: Path) -> Path:
    """Make the tables, unless the file is there already.

    ``item`` refuses negative values, ``tally`` a sum above 1,000,000.
    """
    if path.exists():
        return path
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute(
        "CREATE TABLE item (key TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0))"
    )
    conn.execute("CREATE TABLE tally (amount INTEGER NOT NULL CHECK (amount <= 1000000))")
    conn.execute("INSERT INTO tally VALUES (0)")
    conn.execute(
        "CREATE TABLE child (item TEXT REFERENCES item (key) DEFERRABLE INITIALLY DEFERRED)"
    )
    conn.close()
    return path


def options(**changes: Any) -> EngineOptions:
    return EngineOptions(**changes)


@asynccontextmanager
async def open_plain(path: Path, **changes: Any) -> AsyncIterator[StoreWriter]:
    """A writer on the database at ``path``, which is made if it is absent."""
    make_database(path)
    chosen = options(**changes)
    lock = FileLock(path, chosen.busy_timeout)
    writer = StoreWriter(await open_writer(path, chosen), chosen, lock, Tally)
    try:
        yield writer
    finally:
        await writer.close()


@asynccontextmanager
async def open_pool(path: Path, **changes: Any) -> AsyncIterator[ReaderPool]:
    """Readers of the database at ``path``, which is made if it is absent."""
    make_database(path)
    pool = await ReaderPool(path, options(**changes)).open()
    try:
        yield pool
    finally:
        await pool.close()


def put(batch: Tally, key: str, value: int) -> int:
    """Store a row; a negative value is refused by the database, after it was counted."""
    batch.added += 1
    batch.conn.execute("INSERT OR REPLACE INTO item VALUES (?, ?)", (key, value))
    return value


def take(batch: Tally, key: str) -> int:
    """Remove a row and return its value; raises JobNotFound before anything is written."""
    row = batch.conn.execute("SELECT value FROM item WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise JobNotFound
    batch.added -= 1
    batch.conn.execute("DELETE FROM item WHERE key = ?", (key,))
    return int(row[0])


def fail(batch: Tally, error: BaseException) -> None:
    """Write something, then raise ``error``."""
    put(batch, "half", 1)
    raise error


class Gate:
    """Holds the writer's thread inside an operation until the test opens it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def hold(self, batch: Any, result: Any = "held") -> Any:
        self.entered.set()
        assert self.opened.wait(60)
        return result


def rows(path: Path) -> dict[str, int]:
    """What another program sees in the table."""
    conn = sqlite3.connect(path)
    try:
        return dict(conn.execute("SELECT key, value FROM item"))
    finally:
        conn.close()


def tally(path: Path) -> int:
    conn = sqlite3.connect(path)
    try:
        return int(conn.execute("SELECT amount FROM tally").fetchone()[0])
    finally:
        conn.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the event loop or another thread is about to do."""
    for _ in range(12_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")
