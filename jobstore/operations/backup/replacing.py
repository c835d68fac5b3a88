"""Putting a restored database in the place of a store, after a backup of what is there.

The order of steps matters here, and each can be the last one when the power goes. Until the
restored file is renamed, the store is whole; from then on the restored one is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import BackupError, SchemaMismatch, StoreBusy, StoreCorrupt
from jobstore.locking import FileLock, attempts
from jobstore.operations.backup.creation import create, replicate
from jobstore.operations.backup.manifest import BEFORE_RESTORE
from jobstore.operations.backup.scratch import publish, synchronise
from jobstore.progress import Progress
from jobstore.settings.sections import Settings

# Seconds to wait for the processes that use the store.
_PATIENCE = 5.0
# What a database file begins with (https://sqlite.org/fileformat2.html#magic_header_string).
_MAGIC = 16
# A database, and what SQLite keeps of it beside it.
_FILES = ("", "-wal", "-journal")


def replace_store(
    settings: Settings, path: Path, database: Path, progress: Progress
) -> tuple[str | None, dict[str, str]]:
    """Put ``database`` in the place of the store at ``path``, which may be damaged or absent.

    ``settings`` are that store's; ``path`` is where its file really is. Returns the name of the
    backup of what was there, or the file that it was moved to, and the places that got no copy
    of it. Raises StoreBusy while another process has the store open.
    """
    with FileLock(path, _PATIENCE):
        if not path.exists():
            _set_aside(path)
            publish(database, path)
            return None, {}
        try:
            with _alone(path) as conn:
                saved = create(settings, progress, BEFORE_RESTORE, conn, replicate=False)
                _swap(path, database)
        except (StoreCorrupt, SchemaMismatch):
            # It cannot be backed up, so it is kept as it is.
            aside = _set_aside(path)
            publish(database, path)
            return str(aside), {}
    # Nobody waits for places that are far away.
    return saved.name, replicate(settings, saved.name, progress).failures


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection]:
    """Give the only connection to the store, with nothing left in a WAL, and keep others out."""
    state = path.stat()
    with translated(), closing(open_file(path, "rw", 0)) as conn:
        _require_ours(conn, path)
        for _ in attempts(_PATIENCE):
            if _excludes_others(conn):
                break
        else:
            raise StoreBusy(
                "Another process has the store open; stop what uses it and try again. Nothing "
                "was changed."
            )
        try:
            yield conn
        finally:
            if path.exists() and os.path.samestat(path.stat(), state):
                # It stays, so it becomes again what it was.
                conn.execute("PRAGMA locking_mode = NORMAL")
                conn.execute("PRAGMA journal_mode = WAL")


def _excludes_others(conn: sqlite3.Connection) -> bool:
    try:
        # Only the last connection can leave the WAL; what is in it is copied first.
        conn.execute("PRAGMA journal_mode = DELETE")
        conn.execute("BEGIN EXCLUSIVE")
        # Kept after the transaction, in which nothing could be copied.
        conn.execute("PRAGMA locking_mode = EXCLUSIVE")
        conn.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if primary_code(error) != "BUSY":
            raise
        return False
    # Unless somebody was faster, who reads on in spite of the lock.
    return bool(conn.execute("PRAGMA journal_mode").fetchone() == ("delete",))


def _require_ours(conn: sqlite3.Connection, path: Path) -> None:
    (application,) = conn.execute("PRAGMA application_id").fetchone()
    if application != schema.APPLICATION_ID and schema.objects(conn):
        raise BackupError(
            f"{path} is a database of another program, and was not touched; restore to another "
            "file."
        )


def _swap(path: Path, database: Path) -> None:
    """Rename ``database`` to ``path`` while the only connection holds the lock of what is there."""
    state = path.stat()
    database.chmod(state.st_mode & 0o777)
    with suppress(PermissionError):
        os.chown(database, state.st_uid, state.st_gid)
    with path.open("r+b") as replaced:
        publish(database, path)
        # A process that opened the old file a moment ago waits for its lock. It shall find no
        # database there, or it would write a WAL beside the restored one. Closing this file
        # lets go of the lock.
        replaced.write(bytes(_MAGIC))


def _set_aside(path: Path) -> Path:
    """Move a damaged store, and what SQLite keeps beside it, to a name that nothing has.

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
