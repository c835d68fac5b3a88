"""Writing the write-ahead log back ahead of the checkpoint, while others go on writing.

A checkpoint under the lock of writers keeps them waiting as long as it takes, and after somebody
has read one state for minutes it has minutes of writes to copy and to flush. SQLite itself lets
others write meanwhile; the lock is there because some versions damage a WAL that is begun anew at
the moment of a checkpoint (https://sqlite.org/wal.html#walresetbug). No WAL is begun anew as long
as anybody reads from it. So here:

1. a connection of its own begins to read what is committed now;
2. without the lock, the log is written back and flushed up to there;
3. the lock is taken, and only then the reading ends: what is left is what was written meanwhile.

A process that is killed anywhere here leaves a WAL that is whole, of which some is in the database
already. Where a log is kept, whoever holds the lock keeps what is committed before it writes back
the rest, as ever: up to then nothing of it could be overwritten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from jobstore.engines.sqlite.files import open_file
from jobstore.locking import FileLock

FEW = 8000
"""Frames that are written back under the lock without much waiting: 16 MiB, some 100 ms."""

# Each time it is only what was written during the time before, so two are mostly enough.
_ROUNDS = 4


@contextmanager
def written_back(
    conn: sqlite3.Connection, path: str | PathLike[str], lock: FileLock
) -> Iterator[None]:
    """Hold ``lock``, that of writers, after most of the WAL was written back without it.

    ``conn`` may write to the database at ``path``, and is in no transaction; it flushes as its
    ``synchronous`` says, which must not be OFF. Raises what :meth:`FileLock.acquire` raises, and
    sqlite3.Error.
    """
    reader, written = _reading(path), 0
    try:
        for _ in range(_ROUNDS):
            _, _, copied = conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if copied - written <= FEW:
                break
            written = copied
            # One of both reads at any moment.
            newer = _reading(path)
            reader.close()
            reader = newer
        lock.acquire(lock.timeout)
    finally:
        reader.close()
    try:
        yield
    finally:
        lock.release()


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
