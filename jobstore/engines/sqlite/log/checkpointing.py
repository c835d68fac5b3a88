"""Writing the write-ahead log back, and closing connections that may: only here, under the lock.

No connection writes the log back by itself (``wal_autocheckpoint = 0``), so that nothing of it is
overwritten that has to be kept. Whoever calls something here holds the lock of writers
(:class:`jobstore.locking.FileLock`), except where it is said. In this order, where a log is kept:

1. what is committed is kept (:mod:`.capturing`), safely on disk;
2. the WAL is written back; SQLite flushes the database before it says so;
3. the record says what the database's file looks like now. Only then can another connection begin
   the WAL anew, since that one needs the lock of writers.

A process that is killed between 2 and 3 leaves a record that does not fit, which is taken for a
gap. Writers never stop for the log: where it cannot be kept, the WAL is written back all the same,
and the gap is noticed by whoever keeps the log next.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing, suppress
from os import PathLike
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from jobstore.engines.sqlite.identity import OpenFile, is_same
from jobstore.engines.sqlite.log.capturing import capture
from jobstore.engines.sqlite.log.spool import Spool, State
from jobstore.engines.sqlite.wal import FRAME, HEADER, is_open
from jobstore.errors import JobStoreError, StoreBusy
from jobstore.locking import FileLock, opening

_log = logging.getLogger("jobstore.sqlite")

Mode = Literal["PASSIVE", "TRUNCATE"]
Written = tuple[bool, int, int]
"""Whether readers prevented a complete one, the pages in the WAL, the pages that are copied."""

# Frames by which the WAL grows until it is written back.
_FRAMES = 8000
# Seconds that a writer waits for a process that keeps the log just now, or was frozen at it.
_PATIENCE = 0.25
# Seconds that closing waits for other processes before it leaves the checkpoint to them.
_CLOSING_PATIENCE = 0.5
_LATER: Written = (True, -1, -1)


def checkpoint(
    conn: sqlite3.Connection, path: str | PathLike[str], mode: Mode = "PASSIVE"
) -> Written:
    """Copy the WAL into the database at ``path``; with ``TRUNCATE`` its file is emptied as well.

    Returns whether readers prevented a complete one, the pages in the WAL, and those that are
    copied (both -1 without a WAL, and where another process keeps the log just now: then nothing
    was done). Raises sqlite3.Error.
    """
    spool = Spool(path)
    if not spool.is_there:
        return _write_back(conn, mode)
    lock = spool.lock(_PATIENCE)
    try:
        lock.acquire()
    except JobStoreError:
        if not _is_beyond(spool):
            return _LATER
        _log.warning("%s: the log is not kept any more, since it cannot be: %s", path, lock.path)
        return _write_back(conn, mode)
    try:
        state = _kept(spool)
        done = _write_back(conn, "PASSIVE")
        busy, pages, copied = done
        if busy or pages != copied:
            return True, pages, copied
        if state is not None:
            # Another program may have committed in between: it knows nothing of the lock.
            if pages > 0 and pages != state.position.frame:
                state = _kept(spool)
            if state is not None and pages in (0, -1, state.position.frame):
                _record(spool, state)
        return done if mode == "PASSIVE" else _write_back(conn, mode)
    finally:
        lock.release()


def close(conn: sqlite3.Connection, path: str | PathLike[str], *, always: bool = False) -> None:
    """Close a connection that may write, after what was committed is kept and written back.

    While others have the database open that is left to them, unless ``always`` says otherwise.
    """
    if isinstance(conn, OpenFile) and not is_same(conn.identity):
        # SQLite writes nothing back to a file that has lost its name.
        conn.close()
        return
    whole = False
    if always or not is_open(path, by_others=True):
        with suppress(sqlite3.Error, OSError, JobStoreError):
            busy, _, _ = checkpoint(conn, path, "TRUNCATE")
            whole = not busy
    if whole:
        conn.close()
    else:
        leave(conn, path)


def dispose(conn: sqlite3.Connection, path: str | PathLike[str]) -> None:
    """Close a connection that may write as :func:`close` does; takes the lock for it.

    While others hold the lock for long, nothing is written back.
    """
    lock = FileLock(path, _CLOSING_PATIENCE)
    try:
        lock.acquire(_CLOSING_PATIENCE)
    except JobStoreError:
        leave(conn, path)
        return
    try:
        close(conn, path, always=True)
    finally:
        lock.release()


def leave(conn: sqlite3.Connection, path: str | PathLike[str]) -> None:
    """Close a connection without writing anything back; needs no lock.

    SQLite's last connection writes back when it is closed, and Python before 3.12 cannot say that
    it must not. So another one is open meanwhile, which only reads, and cannot do that.
    """
    uri = f"file:{quote(os.fsencode(os.path.realpath(path)))}?mode=ro"
    with (
        suppress(sqlite3.Error, StoreBusy),
        opening(path),
        closing(sqlite3.connect(uri, uri=True)) as other,
    ):
        other.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        conn.close()
    conn.close()


def has_log(path: str | PathLike[str]) -> bool:
    """Return whether there may be something in the WAL of a database."""
    with suppress(OSError):
        return Path(f"{os.path.realpath(path)}-wal").stat().st_size > 0
    return False


class Pace:
    """When the WAL of a database is written back by those who write: after so much growth.

    It is looked at with two short reads of the WAL's file, whatever its size.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        self._wal = f"{os.path.realpath(path)}-wal"
        self._salts: object = None
        self._next = _FRAMES

    def write_back(self, conn: sqlite3.Connection) -> None:
        """Write the WAL back if it has grown; to be called with the lock, after a commit.

        What was committed is safe whatever comes of this, so nothing is raised.
        """
        try:
            if self._is_due():
                _, pages, _ = checkpoint(conn, self._path)
                self._next = max(self._next, pages) + _FRAMES
        except (sqlite3.Error, OSError, JobStoreError) as error:
            self._next += _FRAMES
            _log.warning("%s: the log cannot be written back now: %s", self._path, error)

    def _is_due(self) -> bool:
        """Whether frame number ``_next`` belongs to the WAL, and not to an earlier one."""
        try:
            wal = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            data = os.pread(wal, HEADER.size, 0)
            salts = data[16:24]
            if salts != self._salts:
                self._salts, self._next = salts, _FRAMES
            length = FRAME.size + int.from_bytes(data[8:12], "big")
            frame = os.pread(wal, FRAME.size, HEADER.size + (self._next - 1) * length)
            return len(frame) == FRAME.size and frame[8:16] == salts
        finally:
            os.close(wal)


def _write_back(conn: sqlite3.Connection, mode: Mode) -> Written:
    busy, pages, copied = conn.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return bool(busy), pages, copied


def _kept(spool: Spool) -> State | None:
    """Keep what is committed; ``None`` where that is not possible now."""
    try:
        return capture(spool)
    except JobStoreError as error:
        _log.warning("%s: the log is not kept: %s", spool.database, error)
        return None


def _record(spool: Spool, state: State) -> None:
    """Write down what the database's file looks like once all of its WAL is in it."""
    with suppress(OSError):
        # The system's clock for files stands still for milliseconds, in which others could change
        # it unseen. Only the file's owner may set this.
        os.utime(spool.database, ns=(time.time_ns(), time.time_ns()))
    with suppress(OSError):
        file = spool.database.stat()
        state.written = (file.st_size, file.st_mtime_ns)
        spool.save(state)


def _is_beyond(spool: Spool) -> bool:
    """Whether the WAL has grown over what the spool may take."""
    with suppress(OSError):
        state = spool.load()
        return state is None or spool.wal.stat().st_size > state.limit
    return False
