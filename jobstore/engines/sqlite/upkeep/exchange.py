"""Exchanging the file of a store for another one while programs have it open.

It takes milliseconds, whatever the size. The order of steps:

1. The new file is whole, and safely on disk beside the store, with its mode and its owner.
2. Nobody writes: the lock of the store is held, and then SQLite's own, which other programs know.
3. The WAL is written back and emptied, safely on disk. From here on the database is whole without
   it, and an empty WAL goes with any database.
4. The old file gets a second name, ``jobs.db.replaced-TIME``.
5. Nobody opens the store (:func:`jobstore.locking.exchanging`): who has opened the old database by
   now has its WAL and its ``-shm`` as well, and who comes later gets those of the new one.
6. The new file is renamed over the store.
7. The names of ``-shm`` and then of ``-wal`` are removed; those of the new database are made anew.
8. Nobody writes for some milliseconds more, in which everybody who reads looks which file it is.

A kill or a power cut up to step 6 leaves the old store, and maybe a second name, which the next one
removes; after it, the new store. Between 6 and 7 the empty WAL and its index stay, which programs
that go on still have open for the old database: they are refused until they open the store again
or somebody replaces it once more (:mod:`jobstore.engines.sqlite.identity`). Nobody writes to the
old file after step 2, since writers look under the lock which file the store is.

A read that began before step 3 may need the WAL, so it is waited for: a moment with the lock held,
then everybody is let go on for a moment, and so on. One that begins later ends on the old file.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from itertools import chain, count, repeat
from pathlib import Path

from jobstore.engines.sqlite import wal_index
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.identity import LOOKS_EVERY
from jobstore.engines.sqlite.log import checkpointing
from jobstore.errors import StoreBusy
from jobstore.locking import FileLock, exchanging
from jobstore.moments import in_name
from jobstore.scratch import synchronise
from jobstore.settings import sqlite_url
from jobstore.settings.url import quoted_command

# Seconds that writers wait for those who read, one try after the other, and the pause in between;
# and for how long it is tried: a read that nobody stops is stopped after 30 by default.
_HOLDS = (0.02, 0.1, 0.25)
_PAUSE = 0.25
_PATIENCE = 35.0
# A database, and the files beside it that hold content. An empty WAL, which readers leave, holds
# none; other files beside it are made anew by whoever opens it first.
FILES = ("", "-wal", "-journal")
_ASIDE = ".replaced-"


def asides(path: Path) -> list[Path]:
    """Return what was set aside and is still there; names of the store itself are none."""
    return [each for each in _called_aside(path) if not _is_name_of(path, each)]


def told(aside: Path) -> str:
    """Say what a file that was set aside is, and what to do with it."""
    keep = quoted_command("backup", "create", "--store", sqlite_url(aside))
    return (
        f"{aside} is the store as it was before it was replaced. If nobody is restoring or rolling "
        f"back just now, no backup was made of it: that does {keep}. Then remove it."
    )


def second_names(path: Path) -> list[Path]:
    """Return the second names of the store that killed processes left."""
    return [each for each in _called_aside(path) if _is_name_of(path, each)]


def version(conn: sqlite3.Connection) -> int:
    """Return what changes when others commit (https://sqlite.org/pragma.html#pragma_data_version)."""
    found: int = conn.execute("PRAGMA data_version").fetchone()[0]
    return found


def tries(path: Path) -> Iterator[float]:
    """Yield for each try how many seconds it may wait for those who read.

    Raises StoreBusy after some, and says who reads.
    """
    end = time.monotonic() + _PATIENCE
    for hold in chain(_HOLDS, repeat(_HOLDS[-1])):
        yield hold
        if time.monotonic() > end:
            raise StoreBusy(_who_reads(path))
        time.sleep(_PAUSE)


@contextmanager
def opened(path: Path, hold: float) -> Iterator[sqlite3.Connection]:
    """Open a store for :func:`exchange`; its lock is held. ``hold`` is in seconds."""
    conn = open_file(path, "rw", hold)
    try:
        yield conn
    finally:
        # If it was not exchanged, this may be the last connection.
        checkpointing.close(conn, path)


def exchange(path: Path, new: Path, conn: sqlite3.Connection, lock: FileLock) -> Path | None:
    """Do steps 2 to 7; return the name of the old file, ``None`` where somebody reads too long.

    ``conn`` has the store open, and waits as long for those who read as it waits for locks.
    ``lock`` is held. Raises OSError and sqlite3.Error; nothing is changed then.
    """
    log = Path(f"{path}-wal")
    conn.execute("PRAGMA wal_autocheckpoint = 0")
    if not _written_back(conn, path, log):
        return None
    conn.execute("BEGIN IMMEDIATE")
    try:
        if log.exists() and log.stat().st_size:
            # A program that does not know our lock was faster.
            return None
        for each in second_names(path):
            each.unlink()
        aside = _free_name(path)
        os.link(path, aside)
        try:
            synchronise(path.parent)
            with exchanging(lock):
                new.replace(path)
                _forget_log(path)
        except BaseException:
            if _is_name_of(path, aside):
                aside.unlink()
            raise
    finally:
        with suppress(sqlite3.Error):
            conn.execute("ROLLBACK")
    synchronise(path.parent)
    # Those who read have looked by then.
    time.sleep(2 * LOOKS_EVERY)
    return aside


def set_aside(path: Path, new: Path, lock: FileLock) -> Path:
    """Move a store that cannot be read, with all that lies beside it, and give ``new`` its name.

    ``lock`` is held. Returns the new name of the old file.
    """
    aside = _free_name(path)
    with exchanging(lock):
        for end in FILES:
            with suppress(FileNotFoundError):
                Path(f"{path}{end}").rename(f"{aside}{end}")
        _forget_log(path)
        new.replace(path)
    synchronise(path.parent)
    return aside


def discard(aside: Path) -> None:
    """Remove what was set aside, which is kept elsewhere by now."""
    for end in (*FILES, "-shm"):
        Path(f"{aside}{end}").unlink(missing_ok=True)
    synchronise(aside.parent)


def _written_back(conn: sqlite3.Connection, path: Path, log: Path) -> bool:
    conn.execute("PRAGMA synchronous = FULL")
    busy, _, _ = checkpointing.checkpoint(conn, path, "TRUNCATE")
    if not busy and log.exists():
        synchronise(log)
    return not busy


def _forget_log(path: Path) -> None:
    for end in ("-shm", "-wal", "-journal"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _free_name(path: Path) -> Path:
    """Return a name that is free; the lock of the store keeps others from taking it."""
    now = f"{path.name}{_ASIDE}{in_name(datetime.now(UTC))}"
    names = (path.with_name(now if n == 1 else f"{now}-{n}") for n in count(1))
    return next(each for each in names if not any(Path(f"{each}{end}").exists() for end in FILES))


def _called_aside(path: Path) -> list[Path]:
    # What lies beside one that could not be read has an ending more.
    ends = (*FILES[1:], "-shm", ".lock")
    found = path.parent.glob(f"{escape(path.name)}{_ASIDE}*")
    return sorted(each for each in found if not each.name.endswith(ends))


def _is_name_of(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False


def _who_reads(path: Path) -> str:
    try:
        pids = wal_index.held(path).pids
    except OSError:
        pids = []
    who = f"Process {', '.join(map(str, pids))}" if pids else "Somebody"
    doing = "" if pids else ", or keeps it busy without the lock of jobstore"
    return (
        f"{who} reads the store as it was a while ago{doing}; end that, or wait for it, and try "
        "again. Nothing was changed."
    )
