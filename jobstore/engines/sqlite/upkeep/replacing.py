"""Putting a copy in place: as a new store, or over the one that is there, which goes aside.

How one file takes the place of another is in :mod:`.exchange`; here is what may be replaced, and
what is told of it. Comparing and writing to the disk are done while others write.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from jobstore.engines.archive import Exchanged
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.identity import is_same
from jobstore.engines.sqlite.upkeep import exchange
from jobstore.engines.sqlite.upkeep.comparison import compare, condition, differing, loss
from jobstore.errors import BackupError, StoreCorrupt
from jobstore.files import make_file, resemble
from jobstore.locking import FileLock, exchanging
from jobstore.scratch import disk_errors, make_folder, scratch_folder, sweep, synchronise

# Seconds to wait for other processes that write.
_PATIENCE = 10.0


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
    if path.exists() and path.stat().st_nlink > 1 + len(exchange.second_names(path)):
        raise BackupError(
            f"{path} has other names (hard links), which would no longer hold a store; remove "
            "them, or restore to another file with --to."
        )
    if not replace:
        _require_absent(path)
    elif path.exists():
        # One that cannot be read is moved aside.
        with suppress(StoreCorrupt), translated(), schema.reading(path, 0) as conn:
            _require_ours(conn, path)


def _require_absent(path: Path) -> None:
    for file in (Path(f"{path}{end}") for end in exchange.FILES):
        if file.exists() and (file == path or file.stat().st_size):
            raise _exists(file)


def _require_ours(conn: sqlite3.Connection, path: Path) -> None:
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    if application != schema.APPLICATION_ID and schema.objects(conn):
        raise BackupError(
            f"{path} is a database of another program, and was not touched; restore to another "
            "file."
        )


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


def replace(path: Path, copy: Path, *, known: Path | None, salvage: bool) -> Exchanged:
    """Do what :meth:`jobstore.engines.archive.Archive.replace` says."""
    with disk_errors(path.parent), translated():
        resemble(copy, path)
        # There may be much to write, which nobody has to wait for.
        synchronise(copy)
        for hold in exchange.tries(path):
            with _watched(path, known) as unchanged:
                lock = FileLock(path, _PATIENCE)
                with lock:
                    aside = None
                    if unchanged():
                        aside = _replaced(path, copy, lock, hold, salvage=salvage)
                    if aside is None:
                        continue
                    # As both are now; the comparison is made while others write.
                    sides = differing(aside, path)
                if sides is None:
                    return Exchanged(aside, None)
                with closing(sides):
                    return Exchanged(aside, loss(sides))
    raise AssertionError("it is tried until something is raised")


@contextmanager
def _watched(path: Path, known: Path | None) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether the store still has nothing that ``known`` lacks."""
    if known is None or not path.exists():
        yield lambda: True
        return
    with closing(open_file(path, "ro", _PATIENCE)) as conn:
        before = exchange.version(conn)
        if found := compare(path, known):
            raise BackupError(f"This would lose what was written meanwhile: {found}.")
        yield lambda: is_same(conn.identity) and exchange.version(conn) == before


def _replaced(path: Path, copy: Path, lock: FileLock, hold: float, *, salvage: bool) -> Path | None:
    if not path.exists():
        return exchange.set_aside(path, copy, lock)
    try:
        with translated(), exchange.opened(path, hold) as conn:
            _require_ours(conn, path)
            return exchange.exchange(path, copy, conn, lock)
    except StoreCorrupt:
        if not salvage:
            raise
        # It cannot be saved, so it is kept as it is.
        return exchange.set_aside(path, copy, lock)


def remove(path: Path, *, leave_file: bool) -> int:
    """Do what :meth:`jobstore.engines.archive.Archive.remove` says."""
    # Under this lock writers look whether the file is still theirs before they write.
    lock = FileLock(path, _PATIENCE)
    with lock:
        if postings := condition(path).postings:
            return postings
        with exchanging(lock):
            for end in ("", "-wal", "-shm"):
                Path(f"{path}{end}").unlink(missing_ok=True)
            if leave_file:
                make_file(path)
    return 0
