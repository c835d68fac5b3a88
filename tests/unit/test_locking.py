"""The lock file between processes."""

from __future__ import annotations

import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from jobstore import StoreBusy, StoreUnavailable, locking
from jobstore.locking import FileLock, attempts
from jobstore.settings import EngineOptions, parse_store_url


def is_free(path: Path) -> bool:
    """Whether another process could take the lock now."""
    try:
        with FileLock(path, timeout=0):
            return True
    except StoreBusy:
        return False


def test_attempts_are_made_at_least_once() -> None:
    assert len(list(attempts(0))) == 1
    assert len(list(attempts(-1))) == 1


def test_attempts_go_on_until_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now, pauses = [100.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(locking.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(locking.time, "sleep", sleep)
    assert len(list(attempts(0.05))) > 3
    assert sum(pauses) == pytest.approx(0.05)
    assert max(pauses) <= 0.01


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = (FileLock(tmp_path / "a.db", timeout=0.02) for _ in range(2))
    with first:
        with pytest.raises(StoreBusy, match="nothing was written"):
            second.acquire()
        second.release()
        assert not is_free(tmp_path / "a.db")
    assert is_free(tmp_path / "a.db")
    with second:
        assert not is_free(tmp_path / "a.db")


def test_a_waiting_lock_gets_its_turn(tmp_path: Path) -> None:
    first, second = (FileLock(tmp_path / "a.db", timeout=60) for _ in range(2))
    first.acquire()
    waiting = threading.Thread(target=second.acquire)
    waiting.start()
    first.release()
    waiting.join(60)
    assert not is_free(tmp_path / "a.db")
    second.release()


def test_who_waits_comes_before_who_just_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that writes all the time takes it again at once, and others would wait long."""
    path, order, in_line = tmp_path / "a.db", [], threading.Event()
    sleep = time.sleep

    def note(seconds: float) -> None:
        if threading.current_thread() is waiting:
            in_line.set()
        sleep(seconds)

    def wait() -> None:
        with FileLock(path, timeout=60):
            order.append("waited")

    waiting = threading.Thread(target=wait)
    monkeypatch.setattr(locking.time, "sleep", note)
    # Nobody passes it, however late a busy machine lets it look again.
    monkeypatch.setattr(locking, "_LINE_PATIENCE", 60.0)
    with FileLock(path, timeout=60):
        waiting.start()
        assert in_line.wait(60)
    with FileLock(path, timeout=60):
        order.append("had it")
    waiting.join(60)
    assert order == ["waited", "had it"]


def test_a_frozen_process_in_line_keeps_nobody_out(
    tmp_path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    path = tmp_path / "a.db"
    code = (
        "import sys; from jobstore import locking\n"
        "locking.time.sleep = lambda seconds: (print('in line', flush=True), sys.stdin.read())\n"
        "locking.FileLock(sys.argv[1], 30).acquire()"
    )
    with FileLock(path, timeout=0):
        frozen = start_python(code, str(path))
        assert frozen.stdout is not None
        assert frozen.stdout.readline() == "in line\n"
    for _ in range(3):
        with FileLock(path, timeout=60):
            assert not is_free(path)
    frozen.kill()
    frozen.communicate()


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
    assert is_free(tmp_path / "a.db")


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

    lock = FileLock(tmp_path / "a.db", timeout=0)
    with monkeypatch.context() as patched:
        patched.setattr("fcntl.flock", refuse)
        with pytest.raises(StoreUnavailable, match="not supported"):
            lock.acquire()
    with lock:
        assert not is_free(tmp_path / "a.db")


def test_the_lock_of_a_killed_process_is_free(
    tmp_path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    code = """
import sys, time
from jobstore.locking import FileLock
FileLock(sys.argv[1], 5).acquire()
print("locked", flush=True)
time.sleep(600)
"""
    with start_python(code, str(tmp_path / "a.db")) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert not is_free(tmp_path / "a.db")
        holder.kill()
        holder.wait()
    assert is_free(tmp_path / "a.db")


@pytest.mark.parametrize("version", [(3, 51, 2), (3, 51, 3)])
async def test_a_store_takes_it_whatever_the_version_of_sqlite(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    # Another process may be linked with a version that needs it.
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    posting = {"source": "s", "source_job_id": "1", "title": "t", "company": "c"}
    async with jobstore.connect(migrated_url, options=EngineOptions(busy_timeout=0.05)) as store:
        with FileLock(parse_store_url(migrated_url).path, timeout=0), pytest.raises(StoreBusy):
            await store.upsert(posting)
    async with jobstore.connect(migrated_url) as store:
        assert (await store.upsert(posting)).outcome == "inserted"
