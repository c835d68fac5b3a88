"""Transactions carry the second in which they began."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import jobstore
from jobstore.engines.sqlite.log import stamps
from jobstore.engines.sqlite.log.replaying import stamp_of
from tests.fixtures.postings import posting


class Time:
    now = 1_800_000_000.9

    def time(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(stamps, "time", time)
    return time


@pytest.fixture
def conn(tmp_path: Path) -> sqlite3.Connection:
    return sqlite3.connect(tmp_path / "a.db", isolation_level=None)


def stamp(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA user_version").fetchone()[0]) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("seconds", "last"),
    [
        ((100, 101), 101),
        # A clock that is set right by a little does not make stamps go down.
        ((100, 99, 98), 100),
        ((100, 97), 97),
        ((2**31 - 1, 2**31), 2**31),
        ((2**32 - 1,), 2**32 - 1),
    ],
)
def test_a_stamp_goes_with_the_clock(
    conn: sqlite3.Connection, seconds: tuple[int, ...], last: int
) -> None:
    for second in seconds:
        stamps.stamp(conn, second)
    assert stamp(conn) == last
    conn.execute("CREATE TABLE a (b)")
    (path,) = (row[2] for row in conn.execute("PRAGMA database_list"))
    conn.close()
    assert stamp_of(Path(path)) == last


def test_only_what_changes_something_is_stamped_once_a_second(
    conn: sqlite3.Connection, time: Time
) -> None:
    conn.execute("CREATE TABLE a (b)")
    ours = stamps.Stamps()

    def transact(*statements: str) -> None:
        conn.execute("BEGIN IMMEDIATE")
        ours.begin(conn)
        time.now += 5
        for each in statements:
            conn.execute(each)
        ours.finish(conn)
        conn.execute("COMMIT")
        time.now -= 5

    transact("SELECT 1")
    assert stamp(conn) == 0
    transact("INSERT INTO a VALUES (1)")
    assert stamp(conn) == 1_800_000_000
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    transact("INSERT INTO a VALUES (1)")
    assert not any("user_version" in each for each in asked)
    time.now += 1
    transact("INSERT INTO a VALUES (1)")
    assert stamp(conn) == 1_800_000_001
    ours.undo()
    asked.clear()
    transact("INSERT INTO a VALUES (1)")
    assert any("user_version" in each for each in asked)


async def test_writes_of_a_store_are_stamped(migrated_url: str, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path)) as conn:
        made = stamp(conn)
        conn.execute("PRAGMA user_version = 77")
        conn.commit()
    assert made > 1_700_000_000
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(posting())
    first = stamp_of(path)
    assert first >= made
    async with jobstore.connect(migrated_url) as store, store.transaction() as transaction:
        await transaction.upsert(posting(title="Another"))
    assert stamp_of(path) >= first
