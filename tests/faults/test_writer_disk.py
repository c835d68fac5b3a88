"""A disk that is full, a file that may not grow, a database that is read-only."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobstore import JobStoreError, OutcomeUnknown, StorageFull, StoreUnavailable
from tests.unit.sqlite.plain import Tally, make_database, open_plain, put, rows

BLOB = b"x" * 50_000


def put_large(batch: Tally, key: str) -> None:
    batch.conn.execute("INSERT INTO large VALUES (?, ?)", (key, BLOB))


def with_large_rows(path: Path) -> Path:
    make_database(path)
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE large (key TEXT PRIMARY KEY, content BLOB)")
    conn.close()
    return path


def large_keys(path: Path) -> set[str]:
    conn = sqlite3.connect(path)
    try:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {key for (key,) in conn.execute("SELECT key FROM large")}
    finally:
        conn.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk; the file size limit is tested")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system lets nobody mount a small disk; the file size limit is tested")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    path = with_large_rows(small_disk / "plain.db")
    ballast = small_disk / "ballast"
    ballast.write_bytes(BLOB * 10)
    stored: set[str] = set()
    errors: list[BaseException] = []

    async def fill(name: int) -> None:
        for number in range(20):
            key = f"{name}-{number}"
            try:
                await writer.submit(put_large, key)
            except JobStoreError as error:
                errors.append(error)
                return
            stored.add(key)

    async with open_plain(path) as writer:
        await asyncio.gather(*(fill(name) for name in range(5)))
        assert {type(each) for each in errors} == {StorageFull}
        assert len(errors) == 5
        assert stored
        assert large_keys(path) == stored
        # Writes go on as soon as there is room again.
        ballast.unlink()
        await writer.submit(put_large, "later")
    assert large_keys(path) == stored | {"later"}


async def test_a_transaction_on_a_full_disk_leaves_nothing(small_disk: Path) -> None:
    path = with_large_rows(small_disk / "plain.db")
    async with open_plain(path) as writer:
        with pytest.raises(StoreUnavailable):
            await too_much(writer)
        assert large_keys(path) == set()
        await writer.submit(put_large, "later")
    assert large_keys(path) == {"later"}


async def too_much(writer: object) -> None:
    async with writer.exclusive(30) as transaction:
        for number in range(100):
            await transaction.run(put_large, str(number))


LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from tests.faults.test_writer_disk import put_large
from tests.unit.sqlite.plain import open_plain
from jobstore import JobStoreError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

async def main():
    async with open_plain(Path(sys.argv[1])) as writer:
        for number in range(1000):
            try:
                await writer.submit(put_large, str(number))
            except JobStoreError as error:
                print(type(error).__name__, flush=True)
                break
            print(number, flush=True)

asyncio.run(main())
"""


def test_a_file_that_may_not_grow(
    tmp_path: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    path = with_large_rows(tmp_path / "plain.db")
    with start_python(LIMITED, str(path)) as process:
        output, _ = process.communicate(timeout=120)
    *stored, error = output.split()
    assert process.returncode == 0
    # EFBIG is no ENOSPC to SQLite; where it strikes in COMMIT, the outcome is open.
    assert error in {StorageFull.__name__, StoreUnavailable.__name__, OutcomeUnknown.__name__}
    assert stored
    found = large_keys(path)
    assert set(stored) <= found
    assert found <= {*stored, str(len(stored))}


async def test_a_read_only_file_is_read_and_not_written(tmp_path: Path) -> None:
    path = make_database(tmp_path / "plain.db")
    if os.geteuid() == 0:
        # Permissions do not bind root; the bit of the file system does.
        # Blocking the loop is fine: nothing else runs on it then.
        freeze, thaw = ["chattr", "+i", str(path)], ["chattr", "-i", str(path)]
        try:
            frozen = subprocess.run(freeze, capture_output=True, check=False).returncode == 0  # noqa: ASYNC221
        except FileNotFoundError:
            frozen = False
        if not frozen:
            pytest.skip("root may write any file here, and the file system has no immutable bit")
    else:
        path.chmod(0o400)
        thaw = ["chmod", "600", str(path)]
    try:
        async with open_plain(path) as writer:
            with pytest.raises(StoreUnavailable, match="read-only"):
                await writer.submit(put, "a", 1)
    finally:
        subprocess.run(thaw, check=True)  # noqa: ASYNC221 - nothing else runs then
    assert rows(path) == {}
