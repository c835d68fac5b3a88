"""The lock file between processes."""

from __future__ import annotations

import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from jobstore import StoreBusy, StoreUnavailable
from jobstore.engines.sqlite.locking import FileLock, attempts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no flock on Windows")


def test_attempts_are_made_at_least_once() -> None:
    assert len(list(attempts(0))) == 1
    assert len(list(attempts(-1))) == 1


def test_attempts_go_on_until_the_time_is_over() -> None:
    assert len(list(attempts(0.05))) > 3


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = (FileLock(tmp_path / "a.db", timeout=0.02) for _ in range(2))
    with first:
        assert first.held
        with pytest.raises(StoreBusy, match="nothing was written"):
            second.acquire()
        assert not second.held
    assert not first.held
    with second:
        assert second.held


def test_a_waiting_lock_gets_its_turn(tmp_path: Path) -> None:
    first, second = (FileLock(tmp_path / "a.db", timeout=30) for _ in range(2))
    first.acquire()
    waiting = threading.Thread(target=second.acquire)
    waiting.start()
    first.release()
    waiting.join(30)
    assert second.held
    second.release()


def test_an_own_timeout_goes_first(tmp_path: Path) -> None:
    with FileLock(tmp_path / "a.db", timeout=0), pytest.raises(StoreBusy):
        FileLock(tmp_path / "a.db", timeout=3600).acquire(timeout=0)


def test_acquiring_twice_is_a_mistake_and_releasing_twice_is_none(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "a.db", timeout=0)
    lock.acquire()
    with pytest.raises(RuntimeError):
        lock.acquire()
    lock.release()
    lock.release()


def test_the_file_lies_beside_the_database_and_is_private(tmp_path: Path) -> None:
    with FileLock(tmp_path / "a.db", timeout=0):
        assert stat.S_IMODE((tmp_path / "a.db.lock").stat().st_mode) == 0o600


def test_a_link_to_a_database_has_the_lock_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    with FileLock(tmp_path / "real.db", timeout=0), pytest.raises(StoreBusy):
        FileLock(tmp_path / "link.db", timeout=0).acquire()


def test_a_lock_file_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="write access"):
        FileLock(tmp_path / "absent" / "a.db", timeout=0).acquire()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    lock = FileLock(tmp_path / "a.db", timeout=0)
    with pytest.raises(StoreUnavailable, match="not supported"):
        lock.acquire()
    assert not lock.held


def test_the_lock_of_a_killed_process_is_free(
    tmp_path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    code = """
import sys, time
from jobstore.engines.sqlite.locking import FileLock
FileLock(sys.argv[1], 5).acquire()
print("locked", flush=True)
time.sleep(60)
"""
    with start_python(code, str(tmp_path / "a.db")) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(StoreBusy):
            FileLock(tmp_path / "a.db", timeout=0).acquire()
        holder.kill()
        holder.wait()
    with FileLock(tmp_path / "a.db", timeout=5) as lock:
        assert lock.held
