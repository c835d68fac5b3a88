"""Merging the full-text index while nobody writes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobstore import migrating
from jobstore.engines.sqlite.writing import merging
from jobstore.engines.sqlite.writing.group_commit import Transactions
from jobstore.engines.writing import queue
from jobstore.locking import FileLock
from jobstore.settings import sqlite_url
from tests.unit.sqlite.plain import Gate, Tally, make_database, open_plain, put, rows, until

ROWS = 40


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store whose index holds what eight versions of its rows said, in small segments."""
    path = tmp_path / "jobs.db"
    migrating.up(sqlite_url(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("INSERT INTO text_index (text_index, rank) VALUES ('pgsz', 64)")
        for version in range(8):
            for number in range(ROWS):
                if version:
                    change(conn, "text_index, ", "'delete', ", number, version - 1)
                change(conn, "", "", number, version)
        yield conn


def change(conn: sqlite3.Connection, name: str, word: str, number: int, version: int) -> None:
    body = f"each posting says some words, number{number} and version{version} among them"
    conn.execute(
        f"INSERT INTO text_index ({name}rowid, body) VALUES ({word}?, ?)", (number + 1, body)
    )


def segments(conn: sqlite3.Connection) -> tuple[int, int]:
    """The segments of the index that have rows, and how many rows they have."""
    found = conn.execute("SELECT id >> 37 FROM text_index_data WHERE id > 10").fetchall()
    return len({*found}), len(found)


def test_what_earlier_versions_said_goes_while_nobody_writes(
    conn: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_LEAST", 8)
    transactions = Transactions(Tally, lock := FileLock(tmp_path / "jobs.db", 0))
    number, size = segments(conn)
    with FileLock(tmp_path / "jobs.db", 0):
        assert transactions.tend(conn)  # others write: later
        assert segments(conn) == (number, size)
    steps = 0
    while transactions.tend(conn):
        steps += 1
    assert steps > 2
    fewer, smaller = segments(conn)
    assert fewer <= 3
    assert smaller < size / 2
    assert not conn.in_transaction
    with lock:
        pass  # it was let go
    found = "SELECT count(*) FROM text_index WHERE text_index MATCH ?"
    assert conn.execute(found, ("version6",)).fetchone() == (0,)
    assert conn.execute(found, ("version7",)).fetchone() == (ROWS,)
    # Nothing is left to be merged, and nothing is written to find that out.
    changes = conn.total_changes
    assert not transactions.tend(conn)
    assert conn.total_changes == changes


def test_a_small_index_is_left_alone(conn: sqlite3.Connection, tmp_path: Path) -> None:
    before = segments(conn)
    assert not Transactions(Tally, FileLock(tmp_path / "jobs.db", 0)).tend(conn)
    assert segments(conn) == before


@pytest.mark.parametrize(
    ("structure", "worth"),
    [
        (bytes(4), False),  # of another form
        (bytes((0, 0, 0, 0, 1, 1, 9, 0, 1, 1, 1, 0x84, 0)), False),  # 512 pages in one segment
        (bytes((0, 0, 0, 0, 1, 2, 9, 0, 2, 1, 1, 0x84, 0, 2, 1, 0x82, 0)), False),  # and 256
        (bytes((0, 0, 0, 0, 1, 2, 9, 0, 2, 1, 1, 0x84, 0, 2, 1, 0x82, 1)), True),  # and 257
        (bytes((0, 0, 0, 0, 1, 2, 9, 2, 2, 1, 1, 0x84, 0, 2, 1, 1)), True),  # a merge has begun
        (bytes((0, 0, 0, 0, 1, 2, 9, 0, 2, 1, 1, 100, 2, 1, 100)), False),  # few pages
    ],
)
def test_merging_begins_where_much_is_beside_the_largest_segment(
    structure: bytes, worth: bool
) -> None:
    assert merging.is_worth_merging(structure) is worth


async def test_the_writer_tends_its_store_in_quiet_until_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_database(tmp_path / "plain.db")
    seen: list[dict[str, int]] = []

    def tend(transactions: Transactions, conn: sqlite3.Connection) -> bool:
        seen.append(rows(path))
        return len(seen) < 3

    monkeypatch.setattr(Transactions, "tend", tend)
    monkeypatch.setattr(queue, "_QUIET", 0.0)
    async with open_plain(path) as writer:
        await asyncio.sleep(0.01)
        assert not seen  # nothing was written
        gate = Gate()
        writing = [asyncio.create_task(writer.submit(gate.hold))]
        await asyncio.to_thread(gate.entered.wait, 60)
        writing.append(asyncio.create_task(writer.submit(put, "a", 1)))
        await asyncio.sleep(0.01)
        assert not seen  # somebody writes, and others wait
        gate.opened.set()
        await asyncio.gather(*writing)
        await until(lambda: len(seen) == 3)
        assert seen == [{"a": 1}] * 3
        await writer.submit(put, "b", 2)
        await until(lambda: len(seen) == 4)
        await writer.submit(put, "c", 3)
    assert len(seen) == 4  # who closes does not wait for it
