"""Where unfinished work stands, and how it becomes visible: whole, or not at all.

No database is known here. Whatever is not complete lies in a scratch folder beside the place
where it will end up. Its maker holds a lock on that folder, which the kernel lets go of
when the process dies; so leftovers of a killed process are told from work in progress, and the
next one who comes removes them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from jobstore import files
from jobstore.errors import BackupError, StorageFull
from jobstore.files import synchronise as synchronise

_PREFIX = ".jobstore-scratch-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
CHUNK = 1024 * 1024
"""Bytes that are read, and kept in memory, at a time."""

# Room that stays free for those who write to the store meanwhile: so many bytes, or less where
# they would be more than that part of the disk.
_RESERVE = 64 * 1024**2
_SHARE = 20


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a folder inside ``parent`` that is gone when the block ends, however it ends.

    It is for this account alone (0700). What killed processes left in ``parent`` is removed.
    Raises BackupError when it cannot be made, and StorageFull.
    """
    with disk_errors(parent):
        sweep(parent)
        folder, lock = _make(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def is_scratch(folder: Path, parent: Path) -> bool:
    """Return whether ``folder`` is a scratch folder inside ``parent``."""
    return folder.parent == parent and folder.name.startswith(_PREFIX)


def sweep(parent: Path) -> None:
    """Remove the scratch folders in ``parent`` whose makers are dead."""
    for folder in parent.glob(f"{_PREFIX}*"):
        # Something else of that name is nobody's scratch folder, and stays.
        with suppress(OSError):
            lock = _lock(folder)
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _make(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        # Another process may take it for a leftover until it is locked.
        with suppress(FileNotFoundError, BlockingIOError):
            files.adopt(folder)
            lock = _lock(folder)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _lock(folder: Path) -> int:
    # A pipe of that name would be waited for, and a link may lead anywhere.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def publish(source: Path, target: Path) -> None:
    """Give a finished file its name, safely on disk; it takes the place of what has that name."""
    synchronise(source)
    source.replace(target)
    synchronise(target.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write a small file: whole or not at all."""
    with scratch_folder(path.parent) as scratch:
        unfinished = scratch / path.name
        with files.create(unfinished) as stream:
            stream.write(data)
        publish(unfinished, path)


def open_regular(path: Path, *, follow: bool = False) -> BinaryIO:
    """Open a file for reading that may have been put there by anybody.

    Raises BackupError for what is no plain file, such as a pipe, which would be waited for, and
    for a symbolic link unless ``follow`` says that its owner may use one; OSError otherwise.
    """
    try:
        return files.open_plain(path, follow=follow)
    except files.NoPlainFile:
        raise BackupError(f"{path} is not a plain file; remove it.") from None


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, for this account alone (0700), where they are missing.

    They are safely on disk when this returns, so that what is put in them is not lost with them.
    """
    with disk_errors(folder):
        files.make_folder(folder)


def require_space(folder: Path, octets: int) -> None:
    """Raise StorageFull unless ``folder`` has room for so many bytes.

    A reserve has to stay free as well, for those who write there meanwhile.
    """
    with disk_errors(folder):
        disk = shutil.disk_usage(folder)
    needed = octets + reserve(disk.total)
    if disk.free < needed:
        raise StorageFull(
            f"{folder} has {_size(disk.free)} free and this needs {_size(needed)}; free some "
            "space, or use another folder. Nothing was changed."
        )


def reserve(total: int) -> int:
    """Return the bytes to leave free, for those who write, on a disk of ``total`` bytes."""
    return min(_RESERVE, total // _SHARE)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Raise what the operating system says while the block works in ``folder``, with advice."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise no_space(folder) from error
        raise BackupError(
            f"Cannot work in {folder} ({error.strerror or error}); check that the folder is "
            "there and that this account may write to it."
        ) from error


def no_space(folder: Path) -> StorageFull:
    """Return what is raised when ``folder`` is full."""
    return StorageFull(
        f"No space is left in {folder}; free some and repeat it. Nothing was changed."
    )


def _size(octets: float) -> str:
    # In one unit, so that two are compared easily.
    return f"{octets / 1024**2:,.1f} MiB"
