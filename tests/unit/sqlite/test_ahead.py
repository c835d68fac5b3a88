"""The log is written back ahead of a checkpoint while others write, and nothing of it is lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobstore import migrating
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.log import ahead, checkpointing
from jobstore.engines.sqlite.log.log import SQLiteLog
from jobstore.engines.sqlite.upkeep import tidying
from jobstore.errors import StoreBusy
from jobstore.locking import FileLock
from jobstore.settings import parse_store_url, sqlite_url


class LateLock(FileLock):
    """A lock before whose taking something happens."""

    def __init__(self, path: Path, before: Callable[[], object]) -> None:
        super().__init__(path, 1.0)
        self._before = before

    def acquire(self, timeout: float | None = None) -> None:
        self._before()
        super().acquire(timeout)


def connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA wal_autocheckpoint = 0")
    return conn


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a database is whose log is large from some frames on."""
    monkeypatch.setattr(ahead, "FEW", 3)
    return tmp_path / "some.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that has written more than a database's file has."""
    with closing(connect(path)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("CREATE TABLE t (n INTEGER, text TEXT)")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write(conn, 100)
        yield conn


def write(conn: sqlite3.Connection, count: int) -> None:
    conn.execute("BEGIN IMMEDIATE")
    conn.executemany("INSERT INTO t VALUES (?, ?)", ((n, "x" * 500) for n in range(count)))
    conn.execute("COMMIT")


def in_file(path: Path) -> int:
    """Count the rows that are in the database's own file."""
    with closing(open_file(path, "ro&immutable=1", 0.0)) as conn:
        rows: int = conn.execute("SELECT count(*) FROM t").fetchone()[0]
        return rows


def salts(path: Path) -> bytes:
    return Path(f"{path}-wal").read_bytes()[16:24]


def test_it_is_written_back_before_the_lock_is_taken(
    path: Path, writer: sqlite3.Connection
) -> None:
    found: list[int] = []
    lock = LateLock(path, lambda: found.append(in_file(path)))
    with closing(connect(path)) as conn, ahead.written_back(conn, path, lock):
        assert found == [100]
        with pytest.raises(StoreBusy):
            FileLock(path, 0.0).acquire()
    FileLock(path, 0.0).acquire()


def test_a_small_log_is_left_to_the_checkpoint(
    path: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes a store waits for one flush of the disk, not for two."""
    monkeypatch.setattr(ahead, "FEW", 8000)
    with closing(connect(path)) as conn, ahead.written_back(conn, path, FileLock(path, 1.0)):
        assert in_file(path) == 0


def test_what_others_write_meanwhile_goes_into_the_same_log(
    path: Path, writer: sqlite3.Connection
) -> None:
    """All of it is in the database's file then, and a log that is begun anew would overwrite it."""
    before = salts(path)
    lock = LateLock(path, lambda: write(writer, 1))
    with closing(connect(path)) as conn, ahead.written_back(conn, path, lock):
        assert (in_file(path), salts(path)) == (100, before)
        conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert in_file(path) == 101
    write(writer, 1)
    assert salts(path) != before
    assert writer.execute("SELECT count(*) FROM t").fetchone() == (102,)


def test_much_that_is_written_meanwhile_is_written_back_ahead_too(
    path: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[int] = [50, 50, 2]
    before = salts(path)
    begin = ahead._reading

    def reading(at: Path) -> sqlite3.Connection:
        """Begin to read, and let another one write before the next round."""
        reader = begin(at)
        if late:
            write(writer, late.pop(0))
        return reader

    monkeypatch.setattr(ahead, "_reading", reading)
    found: list[bytes] = []
    lock = LateLock(path, lambda: found.append(salts(path)))
    with closing(connect(path)) as conn, ahead.written_back(conn, path, lock):
        # It was let go of twice, and never was the log begun anew.
        assert len(found) == 3
        assert set(found) == {before}
        with pytest.raises(StoreBusy):
            FileLock(path, 0.0).acquire()
        conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert in_file(path) == 202


def test_what_is_written_back_without_the_lock_is_kept_before(
    path: Path, writer: sqlite3.Connection
) -> None:
    """Whoever is killed before he has the lock may have the log begun anew by the next one."""
    log, url = SQLiteLog(), parse_store_url(sqlite_url(path))
    mark = log.start(url, limit=2**30, wait=False)
    write(writer, 9)

    def killed() -> None:
        raise KeyboardInterrupt

    lock = LateLock(path, killed)
    with (
        closing(connect(path)) as conn,
        pytest.raises(KeyboardInterrupt),
        ahead.written_back(conn, path, lock),
    ):
        raise AssertionError("it was killed")
    found = log.kept(url)
    assert in_file(path) == 109
    assert found is not None
    assert found.mark == (mark.generation, mark.segment + 1)


def test_nobody_waits_for_those_who_read_an_old_state(
    path: Path, writer: sqlite3.Connection
) -> None:
    with closing(connect(path)) as reader, closing(connect(path)) as conn:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        write(writer, 5)
        with ahead.written_back(conn, path, FileLock(path, 0.0)):
            assert reader.execute("SELECT count(*) FROM t").fetchone() == (100,)
        reader.execute("ROLLBACK")
        with ahead.written_back(conn, path, FileLock(path, 0.0)):
            assert in_file(path) == 105


def test_where_others_hold_the_lock_nothing_stays_open(
    path: Path, writer: sqlite3.Connection
) -> None:
    with FileLock(path, 0.0), closing(connect(path)) as conn:
        with pytest.raises(StoreBusy), ahead.written_back(conn, path, FileLock(path, 0.0)):
            raise AssertionError("it is held")
        assert in_file(path) == 100
        # Nobody reads an old state: all of it can be written back, and the log be emptied.
        assert conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


@pytest.fixture
def pace(path: Path, monkeypatch: pytest.MonkeyPatch) -> checkpointing.Pace:
    """The pace of a database that is written back every 30 frames."""
    monkeypatch.setattr(checkpointing, "_FRAMES", 30)
    monkeypatch.setattr(checkpointing, "_MANY", 40)
    return checkpointing.Pace(path)


def commit(conn: sqlite3.Connection, pace: checkpointing.Pace, path: Path) -> None:
    """Write as a writer does."""
    with FileLock(path, 5.0):
        write(conn, 100)
        pace.write_back(conn)


def test_what_piled_up_behind_a_reader_is_written_back_without_the_lock(
    path: Path,
    writer: sqlite3.Connection,
    pace: checkpointing.Pace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under_lock: list[str] = []

    def checkpoint(*_: object) -> tuple[bool, int, int]:
        under_lock.append(threading.current_thread().name)
        return original(*_)

    original = checkpointing.checkpoint
    with closing(connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        for _ in range(10):
            commit(writer, pace, path)
        pace.settle()
        reader.execute("ROLLBACK")
    monkeypatch.setattr(checkpointing, "checkpoint", checkpoint)
    commit(writer, pace, path)
    pace.settle()
    assert set(under_lock) == {"jobstore-checkpoint"}
    assert in_file(path) == 1200
    before = salts(path)
    commit(writer, pace, path)
    assert salts(path) != before


def test_a_little_is_written_back_by_the_writer_itself(
    path: Path, writer: sqlite3.Connection, pace: checkpointing.Pace
) -> None:
    """A thread would take longer than that."""
    commit(writer, pace, path)
    assert in_file(path) == 200
    assert "jobstore-checkpoint" not in {each.name for each in threading.enumerate()}


def test_a_checkpoint_does_not_wait_for_readers_while_writers_wait(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    migrating.up(url)
    path = tmp_path / "jobs.db"
    with closing(connect(path)) as reader, closing(connect(path)) as conn:
        conn.execute("PRAGMA user_version = 7")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM posting").fetchone()
        # This is how long it would wait.
        assert not tidying.checkpoint(path, patience=3600.0)
        reader.execute("ROLLBACK")
        assert tidying.checkpoint(path)
        assert Path(f"{path}-wal").stat().st_size == 0


def test_a_database_that_was_replaced_meanwhile_is_left_alone(
    path: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(self: FileLock, timeout: float | None = None) -> None:
        other = path.with_name("other.db")
        other.write_bytes(b"")
        other.replace(path)
        acquire(self, timeout)

    acquire = FileLock.acquire
    monkeypatch.setattr(FileLock, "acquire", replace)
    with pytest.raises(StoreBusy, match="try again"), checkpointing.relieved(path, 1.0):
        raise AssertionError("it is another file")
