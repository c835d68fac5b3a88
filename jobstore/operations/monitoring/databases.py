"""The small databases that operations keep beside a store: opening them, making their tables.

What is kept in one is decided by whoever keeps it. Several processes may write to one at once.
Everything here blocks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import SchemaMismatch, StoreBusy, StoreUnavailable
from jobstore.files import make_file
from jobstore.locking import FileLock, attempts

# Seconds to wait for other processes.
_PATIENCE = 5.0

_MARKS = """
SELECT a.application_id, u.user_version
FROM pragma_application_id AS a, pragma_user_version AS u
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a database is: a number in its header, a version, and SQL that makes its tables."""

    application_id: int
    version: int
    tables: str


@contextmanager
def writing(path: Path, kind: Kind) -> Iterator[sqlite3.Connection]:
    """Open the database alone among the processes that write, and make it if there is none.

    What the block does is one transaction. Raises StoreUnavailable (the file cannot be made or
    written), StoreBusy (others keep it locked) and SchemaMismatch (it is something else).
    """
    make_file(path)
    # Closing may write the WAL back, so it belongs under the lock as well.
    with (
        FileLock(path, _PATIENCE),
        _explained(path),
        closing(open_file(path, "rw", _PATIENCE)) as conn,
    ):
        # Before anything is changed in a file that may be somebody else's.
        made = _is_made(conn, kind)
        _enter_wal(conn)
        # What a power cut takes with it are the last seconds.
        conn.execute("PRAGMA synchronous = NORMAL")
        conn.execute("PRAGMA foreign_keys = ON")
        if not made:
            conn.executescript(
                f"BEGIN IMMEDIATE; {kind.tables} "
                f"PRAGMA application_id = {kind.application_id}; "
                f"PRAGMA user_version = {kind.version}; COMMIT;"
            )
        with conn:
            conn.execute("BEGIN IMMEDIATE")
            yield conn


@contextmanager
def reading(path: Path, kind: Kind) -> Iterator[sqlite3.Connection | None]:
    """Open the database for reading; gives ``None`` where nothing was ever kept.

    Raises StoreUnavailable when it is damaged or cannot be opened, SchemaMismatch when it is
    something else.
    """
    if not path.exists():
        yield None
        return
    with _explained(path), closing(open_file(path, "ro", _PATIENCE)) as conn:
        conn.execute("PRAGMA query_only = ON")
        yield conn if _is_made(conn, kind) else None


def _enter_wal(conn: sqlite3.Connection) -> None:
    # SQLite does not wait for those who read while it changes the journal mode.
    for _ in attempts(_PATIENCE):
        try:
            conn.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if primary_code(error) != "BUSY":
                raise
        else:
            return
    raise StoreBusy("Another process keeps the records of operations locked; try again.")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(
            f"{path} cannot be used ({error}). If it is damaged, move it away: a new one is "
            "made, and no posting is in it."
        ) from error


def _is_made(conn: sqlite3.Connection, kind: Kind) -> bool:
    # In this order and with one statement, since another process may be making it just now.
    objects = schema.objects(conn)
    found = conn.execute(_MARKS).fetchone()
    if found == (kind.application_id, kind.version):
        return True
    if found != (0, 0) or objects:
        raise SchemaMismatch(
            "A database of another program, or of another version of jobstore, stands where "
            "operations keep their records; move it away."
        )
    return False
