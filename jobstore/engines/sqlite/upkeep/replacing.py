"""Putting a copy in place: as a new store, or over the one that is there.

What is there is saved first, under the lock that keeps writers apart, and then overwritten in one
transaction: no acknowledged write is lost in between, and a process that is killed leaves the old
store or the whole copy. Only a file that is absent or cannot be read is replaced by renaming.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from jobstore.engines.archive import Dump
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.upkeep.comparison import condition
from jobstore.engines.sqlite.upkeep.copying import dump_from, overwrite
from jobstore.errors import BackupError, SchemaMismatch, StoreBusy, StoreCorrupt
from jobstore.files import make_file
from jobstore.locking import FileLock
from jobstore.scratch import (
    disk_errors,
    make_folder,
    publish,
    require_space,
    scratch_folder,
    sweep,
    synchronise,
)

# Seconds to wait for other processes that write.
_PATIENCE = 10.0
# Seconds to wait for those who have the store open only for a moment.
_SHORTLY = 1.0
# A database, and the files beside it that hold content. An empty WAL, which readers leave, holds
# none; other files beside it are made anew by whoever opens it first.
_FILES = ("", "-wal", "-journal")


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Do what :meth:`jobstore.engines.archive.Archive.scratch` says."""
    make_folder(path.parent)
    with scratch_folder(path.parent) as folder:
        yield folder


def check_target(path: Path, *, replace: bool) -> None:
    """Do what :meth:`jobstore.engines.archive.Archive.check_target` says."""
    # This comes first: a restore that was killed may have left a second name of the store.
    sweep(path.parent)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BackupError(f"{path} is not a file; restore to another place with --to.")
    if path.exists() and path.stat().st_nlink > 1:
        raise BackupError(
            f"{path} has other names (hard links), which would no longer hold a store; remove "
            "them, or restore to another file with --to."
        )
    if not replace:
        _require_absent(path)
    elif path.exists():
        # A file that cannot be read is moved aside, even if somebody has it open.
        with suppress(StoreCorrupt), translated():
            _open_alone(path).close()


def _require_absent(path: Path) -> None:
    for file in (Path(f"{path}{end}") for end in _FILES):
        if file.exists() and (file == path or file.stat().st_size):
            raise _exists(file)


def _exists(file: Path) -> BackupError:
    return BackupError(
        f"{file} exists and was not touched; restore to another file, or add --replace to put "
        "the backup in its place, after a backup of what is there."
    )


def load(copy: Path, path: Path) -> None:
    """Do what :meth:`jobstore.engines.archive.Archive.load` says."""
    with disk_errors(path.parent):
        synchronise(copy)
        try:
            # Unlike renaming, this does not replace a file that somebody made meanwhile.
            os.link(copy, path)
        except FileExistsError:
            raise _exists(path) from None
        synchronise(path.parent)


def replace(path: Path, copy: Path, save: Callable[[Dump], object], *, alone: bool) -> Path | None:
    """Do what :meth:`jobstore.engines.archive.Archive.replace` says."""
    with disk_errors(path.parent), FileLock(path, _PATIENCE):
        if not path.exists():
            _set_aside(path)
            publish(copy, path)
            return None
        require_space(path.parent, copy.stat().st_size)
        try:
            with (
                translated(),
                closing(_open_alone(path) if alone else open_file(path, "rw", _PATIENCE)) as live,
            ):
                save(partial(dump_from, live))
                overwrite(live, copy)
        except (StoreCorrupt, SchemaMismatch):
            if not alone:
                raise
            # It cannot be saved, so the file is kept as it is.
            aside = _set_aside(path)
            publish(copy, path)
            return aside
    return None


def _open_alone(path: Path) -> sqlite3.Connection:
    """Open a store that nobody else has open, and keep everybody out until it is closed.

    The attempt does not disturb those who have it open.
    """
    conn = open_file(path, "rw", _SHORTLY)
    try:
        # To be said before the WAL is opened: then SQLite takes the lock with which each
        # connection says that it is there (https://sqlite.org/wal.html#use_of_wal_without_shared_memory).
        conn.execute("PRAGMA locking_mode = EXCLUSIVE")
        conn.execute("BEGIN EXCLUSIVE")
        conn.execute("COMMIT")
        (application,) = conn.execute("PRAGMA application_id").fetchone()
        if application != schema.APPLICATION_ID and schema.objects(conn):
            raise BackupError(
                f"{path} is a database of another program, and was not touched; restore to "
                "another file."
            )
    except BaseException as error:
        conn.close()
        if primary_code(error) != "BUSY":
            raise
        raise StoreBusy(
            "Another process has the store open; stop what uses it and try again. Nothing was "
            "changed."
        ) from error
    return conn


def _set_aside(path: Path) -> Path:
    """Move a damaged store, and the files beside it, to a name that is free.

    To be called with the lock of the store, which keeps others from taking that name.
    """
    now = f"{path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (path.with_name(now if n == 1 else f"{now}-{n}") for n in count(1))
    aside = next(each for each in names if not any(Path(f"{each}{end}").exists() for end in _FILES))
    for end in _FILES:
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{aside}{end}")
    Path(f"{path}-shm").unlink(missing_ok=True)
    synchronise(path.parent)
    return aside


def remove(path: Path, *, leave_file: bool) -> int:
    """Do what :meth:`jobstore.engines.archive.Archive.remove` says."""
    # Under this lock writers look whether the file is still theirs before they write.
    with FileLock(path, _PATIENCE):
        if postings := condition(path).postings:
            return postings
        for end in ("", "-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
        if leave_file:
            make_file(path)
    return 0
