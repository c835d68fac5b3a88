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
from types import TracebackType
from typing import Self

from jobstore.errors import StoreBusy, StoreUnavailable
from jobstore.files import OUT_OF_FILES, lacks_files, open_or_create

_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.01

_BUSY = "Another process is writing to the store; nothing was written, try again."
_EXCHANGED = "The files of the store are being opened or exchanged all the time; try again."

# Seconds that files may be opened or exchanged: both take milliseconds.
_OPENING = 10.0


# The locks that are held now: a process that is forked inherits their descriptors.
_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def attempts(timeout: float) -> Iterator[None]:
    """Yield once for each try at a lock until ``timeout`` seconds are over.

    Tries once at least. The pauses between tries grow to 10 ms and are drawn at random, so
    that processes that were refused together do not come back together.
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        yield
        left = deadline - time.monotonic()
        if left <= 0:
            return
        # Chance spreads the tries here and guards no secret.
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # nosec B311
        pause = min(pause * 2, _LONGEST_PAUSE)


class FileLock:
    """An exclusive lock that belongs to one database, held by one holder among all processes.

    ``path`` is the database's path; the lock is ``flock(2)`` on ``<path>.lock`` beside it,
    which is made with mode 0600 and never removed (removing it would let two holders in).
    ``timeout`` is how many seconds :meth:`acquire` waits. The kernel lets go of the lock when
    its holder dies; a process that was forked meanwhile does not have it. Two locks on one path
    exclude each other within a process too; one lock cannot be acquired twice. ``busy`` returns
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
            for _ in attempts(self.timeout if timeout is None else timeout):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
    with _first_byte(descriptor, fcntl.F_RDLCK):
        yield


@contextmanager
def exchanging(lock: FileLock) -> Iterator[None]:
    """Keep everybody from opening the files of a database while the block exchanges them.

    ``lock`` is held already, so nobody writes. Raises StoreBusy after seconds.
    """
    with _first_byte(os.open(lock.path, os.O_RDWR | os.O_CLOEXEC), fcntl.F_WRLCK):
        yield


@contextmanager
def _first_byte(descriptor: int, kind: int) -> Iterator[None]:
    """Hold a lock on the first byte of a lock file, and close the file.

    It belongs to the open file, not to the process, and it and that of flock(2) do not know each
    other ("Open file description locks" in fcntl(2)).
    """
    try:
        if sys.platform != "linux":
            yield
            return
        for _ in attempts(_OPENING):
            try:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock_of_a_byte(kind))
            except (BlockingIOError, PermissionError):
                continue
            break
        else:
            raise StoreBusy(_EXCHANGED)
        try:
            yield
        finally:
            # A process that was forked meanwhile has inherited the descriptor.
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock_of_a_byte(fcntl.F_UNLCK))
    finally:
        os.close(descriptor)


def _lock_of_a_byte(kind: int) -> bytes:
    """Return a ``struct flock``: kind, from the beginning, first byte, one byte, no process."""
    return struct.pack("hhqqi0q", kind, os.SEEK_SET, 0, 1, 0)


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
