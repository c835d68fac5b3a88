"""Waiting for a lock, and the lock file that keeps processes apart while they write.

Nothing here knows SQL. Everything blocks, and so belongs on a connection's thread, never on
the event loop.
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from jobstore.errors import StoreBusy, StoreUnavailable
from jobstore.files import OUT_OF_FILES, lacks_files, open_or_create

_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.01

# Whoever is next in line looks often for the lock. The others look for the place of the next one,
# the more often the longer they wait: so those who wait longest come first, and a process that
# lets go of the lock only to take it again has to queue. A process that was frozen in that place
# costs the others so many seconds each time; then they pass it.
_NEXT_PAUSE = 0.0005
_LINE_PAUSES = 0.004, 0.0005
_LINE_PATIENCE = 0.2

_BUSY = "Another process is writing to the store; nothing was written, try again."
_EXCHANGED = "The files of the store are being opened or exchanged all the time; try again."

# Seconds that files may be opened or exchanged: both take milliseconds.
_OPENING = 10.0


# The locks that are held now: a process that is forked inherits their descriptors.
_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def attempts(
    timeout: float, first: float = _FIRST_PAUSE, last: float = _LONGEST_PAUSE
) -> Iterator[None]:
    """Yield once for each try at a lock until ``timeout`` seconds are over.

    Tries once at least. The pauses between tries go from ``first`` to ``last`` seconds, by default
    from 0.5 to 10 ms, and are drawn at random, so that processes that were refused together do not
    come back together.
    """
    deadline = time.monotonic() + timeout
    pause = first
    while True:
        yield
        left = deadline - time.monotonic()
        if left <= 0:
            return
        # Chance spreads the tries here and guards no secret.
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # nosec B311
        pause = min(pause * 2, last) if first < last else max(pause * 0.7, last)


class FileLock:
    """An exclusive lock that belongs to one database, held by one holder among all processes.

    ``path`` is the database's path; the lock is ``flock(2)`` on ``<path>.lock`` beside it,
    which is made with mode 0600 and never removed (removing it would let two holders in).
    ``timeout`` is how many seconds :meth:`acquire` waits. The kernel lets go of the lock when
    its holder dies; a process that was forked meanwhile does not have it. Two locks on one path
    exclude each other within a process too; one lock cannot be acquired twice. On Linux those who
    wait get it roughly in the order in which they came. ``busy`` returns
    what a refusal says of whoever holds the lock.

    Use it as a context manager, or call :meth:`acquire` and :meth:`release`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        timeout: float,
        busy: Callable[[], str] = lambda: _BUSY,
    ) -> None:
        # SQLite follows symbolic links to find the WAL; one file has to have one lock.
        self.database = os.path.realpath(path)
        self.path = self.database + ".lock"
        self.timeout = timeout
        self._busy = busy
        self._descriptor: int | None = None

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for the lock, at most ``timeout`` seconds (the lock's own by default).

        Raises StoreBusy when another holder keeps it longer, StoreUnavailable when the lock
        file cannot be opened.
        """
        if self._descriptor is not None:
            raise RuntimeError("this lock is held already")
        try:
            descriptor = open_or_create(self.path, os.O_RDWR)
        except OSError as error:
            raise StoreUnavailable(_cannot_lock(self.path, error)) from error
        try:
            patience = self.timeout if timeout is None else timeout
            deadline = time.monotonic() + patience
            for _ in attempts(min(patience, _LINE_PATIENCE), *_LINE_PAUSES):
                if _is_next(descriptor):
                    break
            for _ in attempts(deadline - time.monotonic(), _NEXT_PAUSE, _NEXT_PAUSE):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                _leave_line(descriptor)
                self._descriptor = descriptor
                _held.add(self)
                return
        except OSError as error:
            raise StoreUnavailable(_cannot_lock(self.path, error)) from error
        finally:
            if self._descriptor is None:
                os.close(descriptor)
        raise StoreBusy(self._busy())

    def release(self) -> None:
        """Let go of the lock; does nothing when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _held.discard(self)
            # Closing alone would not do while another process has inherited the descriptor.
            try:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            finally:
                os.close(descriptor)

    def leave_to_parent(self) -> None:
        """Close a descriptor that was inherited; the lock would outlive its holder with it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


@contextmanager
def opening(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep the files of a database from being exchanged while the block opens them.

    Several may open at a time. Raises StoreBusy after seconds. Nothing is kept from anybody where
    this account may not open the lock file or there is none yet, nor where it is not Linux.
    """
    try:
        descriptor = os.open(os.path.realpath(path) + ".lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    with _names(descriptor, fcntl.F_RDLCK):
        yield


@contextmanager
def exchanging(lock: FileLock) -> Iterator[None]:
    """Keep everybody from opening the files of a database while the block exchanges them.

    ``lock`` is held already, so nobody writes. Raises StoreBusy after seconds.
    """
    with _names(os.open(lock.path, os.O_RDWR | os.O_CLOEXEC), fcntl.F_WRLCK):
        yield


# Where the system has locks of parts of a file that belong to whoever opened it, as flock has
# ("Open file description locks" in fcntl(2)), the first byte keeps the names of the files as they
# are, and the second is the place of the next one in line. They know nothing of flock.
_OF_BYTES = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")
_NAMES, _NEXT = 0, 1


@contextmanager
def _names(descriptor: int, kind: int) -> Iterator[None]:
    """Hold the lock on the names of the files, and close the lock file."""
    try:
        if _OF_BYTES and not any(_lock_byte(descriptor, _NAMES, kind) for _ in attempts(_OPENING)):
            raise StoreBusy(_EXCHANGED)
        try:
            yield
        finally:
            # A process that was forked meanwhile has inherited the descriptor.
            if _OF_BYTES:
                _lock_byte(descriptor, _NAMES, fcntl.F_UNLCK)
    finally:
        os.close(descriptor)


def _is_next(descriptor: int) -> bool:
    """Take the place of the next one in line; False when another one has it."""
    return not _OF_BYTES or _lock_byte(descriptor, _NEXT, fcntl.F_WRLCK)


def _leave_line(descriptor: int) -> None:
    if _OF_BYTES:
        _lock_byte(descriptor, _NEXT, fcntl.F_UNLCK)


def _lock_byte(descriptor: int, byte: int, kind: int) -> bool:
    # struct flock of Linux: kind, from where, beginning, length, process.
    request = struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _forked() -> None:
    for lock in list(_held):
        lock.leave_to_parent()
    _held.clear()


os.register_at_fork(after_in_child=_forked)


def _cannot_lock(path: str, error: OSError) -> str:
    if lacks_files(error):
        return OUT_OF_FILES
    reason = error.strerror or "unknown reason"
    return f"Cannot lock {path} ({reason}); give this account write access to it and its folder."
