"""Which files a connection has open, and whether its path names others by now.

A database is replaced by giving its name to another file (:mod:`.upkeep.replacing`). Connections
keep the old file open, which nobody writes to any more; whoever goes on has to open the new one.

SQLite finds the log and its index, ``-wal`` and ``-shm``, by the name of the database. Those that
a connection has open belong to its own file, so when they still stand beside another one, whoever
opened that would mix the two. Then somebody replaced the file by hand, or a replacement was killed
in its last step; it is refused until the store was closed everywhere.
"""

from __future__ import annotations

import os
import sqlite3
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from jobstore.errors import StoreUnavailable

LOOKS_EVERY = 0.005
"""Seconds between two looks of one who reads; whoever replaces a file keeps the lock for longer, so
that nobody reads the old one after somebody was told that something is stored in the new one."""

_File = tuple[int, int]

REPLACED = (
    "The database file was removed or replaced while the store was open; nothing was written. "
    "Open the store again."
)


class Identity(NamedTuple):
    """The files of an open database: where they are, and what tells them from others.

    ``real`` is where ``path`` led when it was opened; ``beside`` are the log and its index.
    """

    path: str
    real: str
    database: _File | None
    beside: frozenset[_File]


class OpenFile(sqlite3.Connection):
    """A connection that knows which files it has open."""

    identity: Identity


def identify(path: str | PathLike[str]) -> Identity:
    """Return which files stand at ``path``."""
    name = str(Path(path).absolute())
    real = os.path.realpath(name)
    return Identity(name, real, _file(name), _beside(real))


def is_same(identity: Identity) -> bool:
    """Whether the path names the file that was opened; asks the system."""
    return _file(identity.path) == identity.database


def is_replaced(identity: Identity) -> bool:
    """Whether another file has taken the place of the one that was opened, and may be opened.

    Raises StoreUnavailable when it may not.
    """
    found = _file(identity.path)
    if found in (None, identity.database):
        return False
    moved = os.path.realpath(identity.path) != identity.real
    if moved or identity.beside & _beside(identity.real):
        raise StoreUnavailable(REPLACED)
    return True


def _beside(real: str) -> frozenset[_File]:
    found = (_file(f"{real}{end}") for end in ("-wal", "-shm"))
    return frozenset(each for each in found if each is not None)


def _file(path: str) -> _File | None:
    try:
        # A Path would take three times as long, before each read.
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino
