"""Copying a whole database out of a store, by SQLite's online backup.

It is read in one read transaction: so a copy is of one moment however long copying takes, no write
makes it begin anew, and the WAL cannot be emptied meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.upkeep.content import store_of
from jobstore.errors import BackupError, StoreBusy
from jobstore.files import create, reachable
from jobstore.progress import Progress
from jobstore.scratch import no_space, require_space

# Pages of one step; other work of this process gets its turn in between.
_STEP = 1000
# Seconds to wait while another process recovers the WAL after a crash.
_PATIENCE = 10.0
# The copy, and its compressed form, which is mostly a third of it.
_ROOM = 1.5


def dump(path: Path, target: Path, progress: Progress) -> None:
    """Do what :meth:`jobstore.engines.archive.Archive.dump` says.

    Its connection can neither write nor checkpoint.
    """
    with reachable(path):
        if not path.is_file():
            raise BackupError(f"There is no store at {path} to back up; check the store's URL.")
    with translated(), closing(open_file(path, "ro", _PATIENCE)) as conn:
        dump_from(conn, target, progress)


def identity(path: Path) -> str:
    """Do what :meth:`jobstore.engines.archive.Archive.identity` says."""
    with translated(), closing(open_file(path, "ro", _PATIENCE)) as conn:
        return store_of(conn)


def dump_from(source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    """Copy the database of a connection as it is at this moment."""
    create(target).close()
    with translated(), closing(sqlite3.connect(target, isolation_level=None)) as copy:
        # The copy need not survive a crash.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        with _moment(source):
            page = _page_size(source)
            (pages,) = source.execute("PRAGMA page_count").fetchone()
            require_space(target.parent, int(page * pages * _ROOM))
            try:
                source.backup(copy, pages=_STEP, progress=partial(_tell, progress, page))
            except sqlite3.OperationalError as error:
                if primary_code(error) == "FULL":
                    raise no_space(target.parent) from error
                raise


def _tell(progress: Progress, page: int, status: int, left: int, total: int) -> None:
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        # sqlite3 would retry this for ever; it raises other errors itself.
        raise StoreBusy
    progress("copy pages", (total - left) * page, total * page)


def _page_size(conn: sqlite3.Connection) -> int:
    size: int = conn.execute("PRAGMA page_size").fetchone()[0]
    return size


@contextmanager
def _moment(source: sqlite3.Connection) -> Iterator[None]:
    """Make the connection see one moment during the block."""
    source.execute("PRAGMA wal_autocheckpoint = 0")
    source.execute("BEGIN")
    try:
        # The first read decides the moment; it also refuses another program's database.
        schema.recorded(source)
        yield
    finally:
        source.execute("ROLLBACK")
