"""Writing the write-ahead log back ahead of the checkpoint, while others go on writing.

A checkpoint under the lock of writers keeps them waiting as long as it takes, and after somebody
has read one state for minutes it has minutes of writes to copy and to flush. SQLite itself lets
others write meanwhile; the lock is there because some versions damage a WAL that is begun anew at
the moment of a checkpoint (https://sqlite.org/wal.html#walresetbug). No WAL is begun anew as long
as anybody reads from it. So here:

1. a connection of its own begins to read what is committed now;
2. where a log is kept, that is kept;
3. without the lock, the log is written back and flushed up to there;
4. the lock is taken, and only then the reading ends: what is left is what was written meanwhile.
   Where that is much, another one begins to read before, and it goes on from 2 without the lock.

A process that is killed anywhere here leaves a WAL that is whole, of which some is in the database
already. The next one to write may begin it anew, and so what is written back has been kept before.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.log.capturing import capture
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.errors import JobStoreError
from jobstore.locking import FileLock

FEW = 8000
"""Frames that are written back under the lock without much waiting: 16 MiB, some 100 ms."""

# Bytes of one, whose page has 2,048.
_FRAME = 2048 + 24
# Each time it is only what was written during the time before, so one or two are mostly enough.
_ROUNDS = 4
# Seconds to wait for a process that keeps the log just now.
_PATIENCE = 0.25


@contextmanager
def written_back(
    conn: sqlite3.Connection, path: str | PathLike[str], lock: FileLock
) -> Iterator[None]:
    """Hold ``lock``, that of writers, after most of the WAL was written back without it.

    A small WAL is left as it is: two flushes of the disk take longer than one.

    ``conn`` may write to the database at ``path``, and is in no transaction; it flushes as its
    ``synchronous`` says, which must not be OFF. Raises what :meth:`FileLock.acquire` raises, and
    sqlite3.Error.
    """
    if not _is_large(path):
        lock.acquire(lock.timeout)
    else:
        _write_back(conn, path, lock)
    try:
        yield
    finally:
        lock.release()


def _is_large(path: str | PathLike[str]) -> bool:
    """Whether the WAL may hold more than a few frames; its file keeps some of its size."""
    with suppress(OSError):
        return Path(f"{os.path.realpath(path)}-wal").stat().st_size > FEW * _FRAME
    return False


def _write_back(conn: sqlite3.Connection, path: str | PathLike[str], lock: FileLock) -> None:
    """Write back as much as possible without the lock, and come back with it."""
    reader = _reading(path)
    try:
        for _ in range(_ROUNDS):
            if _kept(path):
                conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            lock.acquire(lock.timeout)
            # Copies nothing, since the reader still sees the same, and says how much there is.
            _, pages, copied = conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages - copied <= FEW:
                return
            # With the lock, so that there is something in the WAL that the new one reads: one that
            # finds all of it in the database does not keep it from being begun anew.
            newer = _reading(path)
            reader.close()
            reader = newer
            lock.release()
        lock.acquire(lock.timeout)
    except BaseException:
        lock.release()
        raise
    finally:
        reader.close()


def _kept(path: str | PathLike[str]) -> bool:
    """Keep what is committed, where a log is kept; False where that is not possible now."""
    spool = Spool(path)
    try:
        if spool.is_there:
            with spool.lock(_PATIENCE):
                capture(spool)
    except JobStoreError:
        return False
    return True


def _reading(path: str | PathLike[str]) -> sqlite3.Connection:
    """Return a connection that has begun to read what is committed now."""
    reader = open_file(path, "ro", 0.0)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        reader.close()
        raise
    return reader
