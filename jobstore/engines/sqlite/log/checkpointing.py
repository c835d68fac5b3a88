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
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from os import PathLike
from pathlib import Path
from threading import Thread
from typing import Literal
from urllib.parse import quote

from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.identity import OpenFile, is_same
from jobstore.engines.sqlite.log import ahead
from jobstore.engines.sqlite.log.capturing import USUAL_LIMIT, capture
from jobstore.engines.sqlite.log.spool import Spool, State
from jobstore.engines.sqlite.wal import FRAME, HEADER, is_open
from jobstore.errors import JobStoreError, StoreBusy
from jobstore.locking import FileLock, opening

_log = logging.getLogger("jobstore.sqlite")

Mode = Literal["PASSIVE", "TRUNCATE"]
Written = tuple[bool, int, int]
"""Whether readers prevented a complete one, the pages in the WAL, the pages that are copied."""

# Frames by which the WAL grows until it is written back; and how many are too many to write back
# while others wait: somebody read an old state for long.
_FRAMES, _MANY = 8000, 10_000
# Seconds that a writer waits for a process that keeps the log just now, or was frozen at it.
_PATIENCE = 0.25
# Seconds that closing waits for other processes before it leaves the checkpoint to them.
_CLOSING_PATIENCE = 0.5
# Seconds that writers wait for those who read, where the file of the WAL is to be emptied.
_READERS = 0.1
# Seconds that the end of writing back ahead waits for those who write.
_AHEAD_PATIENCE = 10.0
_REPLACED = "Another file has taken the place of the database just now; try again."
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
    except JobStoreError as error:
        if isinstance(error, StoreBusy) and not _is_beyond(spool):
            return _LATER
        _log.warning("%s: the log is written back without being kept: %s", path, error)
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
    try:
        if always or not is_open(path, by_others=True):
            with suppress(sqlite3.Error, OSError, JobStoreError):
                busy, _, _ = checkpoint(conn, path, "TRUNCATE")
                whole = not busy
    finally:
        if whole:
            conn.close()
        else:
            leave(conn, path)


def dispose(conn: sqlite3.Connection, path: str | PathLike[str]) -> None:
    """Close a connection that may write as :func:`close` does; takes the lock for it.

    Most is written back without it. While others hold the lock for long, the rest is not.
    """
    try:
        with ahead.written_back(conn, path, FileLock(path, _CLOSING_PATIENCE)):
            close(conn, path, always=True)
    except (sqlite3.Error, JobStoreError):
        leave(conn, path)


@contextmanager
def relieved(path: str | PathLike[str], patience: float) -> Iterator[sqlite3.Connection]:
    """Hold the lock of writers once most of the WAL was written back without it.

    Gives a connection that may write, to be used while the block lasts; it is closed as
    :func:`close` does. Raises StoreBusy when others hold the lock for more than ``patience``
    seconds, or have put another file in the place of the database, and sqlite3.Error.
    """
    conn = open_file(path, "rw", _READERS)
    closed = False
    try:
        conn.execute("PRAGMA wal_autocheckpoint = 0")
        conn.execute("PRAGMA synchronous = FULL")
        with ahead.written_back(conn, path, FileLock(path, patience)):
            if not is_same(conn.identity):
                # Nobody writes to the old one any more, and what is kept is that of the new one.
                raise StoreBusy(_REPLACED)
            yield conn
            close(conn, path)
            closed = True
    finally:
        if not closed:
            leave(conn, path)


def leave(conn: sqlite3.Connection, path: str | PathLike[str]) -> None:
    """Close a connection without writing anything back; needs no lock.

    SQLite's last connection writes back when it is closed, and Python before 3.12 cannot say that
    it must not. So another one is open meanwhile, which only reads, and cannot do that.
    """
    uri = f"file:{quote(os.fsencode(os.path.realpath(path)))}?mode=ro"
    # Where others keep everybody out, they have it open themselves.
    with (
        suppress(sqlite3.Error, StoreBusy),
        opening(path),
        closing(sqlite3.connect(uri, uri=True, timeout=0)) as other,
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

    It is looked at with two short reads of the WAL's file, whatever its size. Where much waits to
    be written back, a thread does it while others write (:mod:`.ahead`).
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        self._wal = f"{os.path.realpath(path)}-wal"
        self._salts: object = None
        self._next = _FRAMES
        # As far as is known here; others may have written back more.
        self._copied = 0
        self._thread: Thread | None = None

    def write_back(self, conn: sqlite3.Connection) -> None:
        """Write the WAL back if it has grown; to be called with the lock, after a commit.

        What was committed is safe whatever comes of this, so nothing is raised.
        """
        try:
            if not self._has_grown_to(self._next):
                return
            if self._has_grown_to(self._copied + _MANY):
                self._next += _FRAMES
                self._begin_ahead()
            else:
                self._next = max(self._next, self._checkpoint(conn)) + _FRAMES
        except (sqlite3.Error, OSError, JobStoreError) as error:
            self._next += _FRAMES
            _log.warning("%s: the log cannot be written back now: %s", self._path, error)

    def settle(self) -> None:
        """Wait for the thread, if there is one."""
        if self._thread is not None:
            self._thread.join()

    def _begin_ahead(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._ahead, name="jobstore-checkpoint", daemon=True)
            self._thread.start()

    def _ahead(self) -> None:
        try:
            with relieved(self._path, _AHEAD_PATIENCE) as conn:
                self._checkpoint(conn)
        except (sqlite3.Error, OSError, JobStoreError) as error:
            _log.warning("%s: the log cannot be written back now: %s", self._path, error)

    def _checkpoint(self, conn: sqlite3.Connection) -> int:
        """Write the WAL back, with the lock; return the pages in it."""
        _, pages, copied = checkpoint(conn, self._path)
        self._copied = max(copied, 0)
        return pages

    def _has_grown_to(self, number: int) -> bool:
        """Whether frame ``number`` belongs to the WAL, and not to an earlier one."""
        try:
            wal = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            data = os.pread(wal, HEADER.size, 0)
            salts = data[16:24]
            if salts != self._salts:
                self._salts, self._next, self._copied = salts, _FRAMES, 0
                number = _FRAMES
            length = FRAME.size + int.from_bytes(data[8:12], "big")
            frame = os.pread(wal, FRAME.size, HEADER.size + (number - 1) * length)
            return len(frame) == FRAME.size and frame[8:16] == salts
        finally:
            os.close(wal)


def _write_back(conn: sqlite3.Connection, mode: Mode) -> Written:
    # A connection finds out that there is a WAL when it reads for the first time.
    conn.execute("PRAGMA schema_version").fetchone()
    busy, pages, copied = conn.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return bool(busy), pages, copied


def _kept(spool: Spool) -> State | None:
    """Keep what is committed; ``None`` where that is not possible now."""
    try:
        return capture(spool)
    except JobStoreError as error:
        _log.warning("%s: the log is written back without being kept: %s", spool.database, error)
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
        return spool.wal.stat().st_size > (USUAL_LIMIT if state is None else state.limit)
    return False
