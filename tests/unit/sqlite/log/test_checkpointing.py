"""Who writes the log back, when, and how connections are closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.connection import open_writer
from jobstore.engines.sqlite.log import checkpointing
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.locking import FileLock
from jobstore.settings import EngineOptions
from tests.fixtures.logs import Plain


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    return Plain(tmp_path / "jobs.db")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Hold the state of this moment."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA query_only = ON")
        conn.execute("BEGIN")
        conn.execute("SELECT COUNT(*) FROM row").fetchall()
        yield
        conn.execute("ROLLBACK")


def log_of(plain: Plain) -> int:
    wal = Path(f"{plain.path}-wal")
    return wal.stat().st_size if wal.exists() else -1


class TestPace:
    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpointing, "_FRAMES", 20)

    def write(self, plain: Plain, pace: checkpointing.Pace, times: int) -> list[int]:
        """Return after which of the commits the database file was changed."""
        changed = []
        for number in range(times):
            before = plain.path.stat().st_mtime_ns
            plain.insert(length=3000)
            with FileLock(plain.path, 1):
                pace.write_back(plain.conn)
            if plain.path.stat().st_mtime_ns != before:
                changed.append(number)
        return changed

    def test_it_is_written_back_whenever_it_has_grown(self, plain: Plain) -> None:
        pace = checkpointing.Pace(plain.path)
        changed = self.write(plain, pace, 60)
        assert 3 < len(changed) < 30
        # It began anew each time, and so it stays short.
        assert log_of(plain) < 40 * (4096 + 24)

    def test_behind_a_reader_it_is_tried_again_after_as_much_again(self, plain: Plain) -> None:
        pace = checkpointing.Pace(plain.path)
        with reading(plain.path):
            grown = self.write(plain, pace, 40)
            assert len(grown) <= 1
        assert self.write(plain, pace, 20)
        assert checkpointing.checkpoint(plain.conn, plain.path)[0] is False

    def test_what_prevents_it_is_no_error_of_the_writer(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def failing(*_: object) -> checkpointing.Written:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(checkpointing, "checkpoint", failing)
        pace = checkpointing.Pace(plain.path)
        self.write(plain, pace, 30)
        assert "cannot be written back now" in caplog.text

    def test_without_a_log_there_is_nothing_to_do(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "none.db")) as conn:
            checkpointing.Pace(tmp_path / "none.db").write_back(conn)


class TestClosing:
    def test_the_last_one_leaves_a_single_file(self, plain: Plain) -> None:
        plain.insert()
        plain.close()
        assert log_of(plain) == -1

    def test_it_keeps_what_was_committed(self, plain: Plain) -> None:
        mark = plain.start()
        plain.insert()
        plain.close()
        assert log_of(plain) == -1
        assert plain.capture() == mark._replace(segment=1)
        assert plain.broken is None

    def test_leaving_writes_nothing_back(self, plain: Plain) -> None:
        plain.insert()
        before = plain.path.stat().st_mtime_ns
        checkpointing.leave(plain.conn, plain.path)
        assert plain.path.stat().st_mtime_ns == before
        assert log_of(plain) > 0
        plain.conn = plain.open()
        assert plain.states[plain.second] == plain.conn.execute("SELECT * FROM row").fetchall()

    def test_leaving_closes_also_where_the_file_is_gone(self, plain: Plain) -> None:
        plain.path.unlink()
        checkpointing.leave(plain.conn, plain.path)
        with pytest.raises(sqlite3.ProgrammingError):
            plain.conn.execute("SELECT 1")

    def test_while_others_keep_the_lock_nothing_is_written_back(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(checkpointing, "_CLOSING_PATIENCE", 0.01)
        plain.insert()
        with FileLock(plain.path, 1):
            checkpointing.dispose(plain.conn, plain.path)
        assert log_of(plain) > 0

    async def test_a_session_that_may_write_closes_under_the_lock(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain.insert()
        session = await open_writer(plain.path, EngineOptions())
        await session.run(lambda conn: conn.execute("SELECT COUNT(*) FROM row").fetchall())
        plain.conn.close()
        held = []
        close = checkpointing.close

        def seen(*args: object, **options: object) -> None:
            with pytest.raises(Exception, match="Another process"):
                FileLock(plain.path, 0).acquire()
            held.append(args)
            close(*args, **options)

        monkeypatch.setattr(checkpointing, "close", seen)
        await session.close()
        assert len(held) == 1
        assert log_of(plain) == -1


class TestLooks:
    def test_a_look_writes_nothing_back(self, plain: Plain) -> None:
        plain.insert()
        before = plain.path.stat().st_mtime_ns
        with schema.reading(plain.path, 1) as conn:
            conn.execute("SELECT * FROM row").fetchall()
            plain.conn.close()
        assert plain.path.stat().st_mtime_ns == before
        assert log_of(plain) > 0

    def test_what_a_dead_process_left_is_kept_and_written_back(self, plain: Plain) -> None:
        mark = plain.start()
        plain.insert()
        checkpointing.leave(plain.conn, plain.path)
        with schema.reading(plain.path, 1):
            pass
        assert log_of(plain) == -1
        assert plain.capture() == mark._replace(segment=1)

    def test_one_that_fails_writes_nothing(self, plain: Plain) -> None:
        plain.insert()
        checkpointing.leave(plain.conn, plain.path)
        with pytest.raises(KeyError), schema.reading(plain.path, 1):
            raise KeyError
        assert log_of(plain) > 0

    def test_a_closed_store_has_no_files_beside_it_afterwards(self, plain: Plain) -> None:
        plain.close()
        with schema.reading(plain.path, 1) as conn:
            conn.execute("SELECT * FROM row").fetchall()
        assert log_of(plain) == -1


def test_a_process_that_keeps_the_log_just_now_is_not_waited_for(plain: Plain) -> None:
    mark = plain.start()
    plain.insert()
    with Spool(plain.path).lock(1):
        assert plain.checkpoint() == (True, -1, -1)
    assert plain.checkpoint()[0] is False
    assert plain.capture() == mark._replace(segment=1)


def test_with_readers_it_is_incomplete_and_no_gap(plain: Plain) -> None:
    mark = plain.start()
    with reading(plain.path):
        plain.insert()
        assert plain.checkpoint("TRUNCATE")[0] is True
        plain.insert()
    plain.insert()
    assert plain.checkpoint("TRUNCATE") == (False, 0, 0)
    plain.insert()
    assert plain.capture().generation == mark.generation
