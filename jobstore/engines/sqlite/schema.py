"""The SQLite file as migrations see it: making it, opening it, and what it says of itself.

No migration is read or run here; see :mod:`jobstore.engines.sqlite.migrations`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from jobstore.engines.rows import sound
from jobstore.engines.schema import BOOKKEEPING, Applied, Recorded
from jobstore.engines.sqlite.errors import told_apart
from jobstore.engines.sqlite.files import enter_wal, open_file
from jobstore.engines.sqlite.identity import OpenFile, is_same
from jobstore.engines.sqlite.log import checkpointing
from jobstore.engines.sqlite.log.stamps import stamp
from jobstore.engines.sqlite.transaction import roll_back, snapshot
from jobstore.engines.sqlite.wal import is_open
from jobstore.errors import StoreCorrupt, StoreUnavailable
from jobstore.files import reachable
from jobstore.locking import FileLock

APPLICATION_ID = 0x4A4F4253  # "JOBS", in the header of every store

LEFTOVER = "leftover_"
"""What the names of tables begin with that nobody uses any more."""

# About yoyo's tables and SQLite's own, in every version of the schema; sql/ has what is asked of
# the tables that this version's migrations make.
_RECORDED = """
SELECT m.migration_id, c.checksum, m.applied_at_utc
FROM _yoyo_migration AS m LEFT JOIN _migration_checksum AS c ON c.id = m.migration_id
ORDER BY m.migration_id
"""


# Descriptions of 2 to 4 KB leave a fifth of a page of 4096 bytes empty: with 2048 a store took
# 6% (real texts) to 11% (generated ones) less disk. Smaller pages slow down reading long texts.
_PAGE_SIZE = 2048


# KiB of pages that one who writes again and again keeps.
_CACHE = 64 * 1024

_HAS_PROPERTIES = "SELECT 1 FROM sqlite_schema AS s WHERE s.name = 'store_property'"
_COMPATIBLE = "SELECT s.value FROM store_property AS s WHERE s.name = 'compatible'"
_DERIVED_FORM = "SELECT s.value FROM store_property AS s WHERE s.name = 'derived_form'"


@sound
def recorded(
    connection: sqlite3.Connection, application_id: int = APPLICATION_ID
) -> list[Recorded]:
    """Return the migrations that were applied, in order; none for an empty database.

    Raises StoreCorrupt when the database is another program's (it has not ``application_id``),
    DamagedRow or sqlite3.Error when it cannot be read.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = {
        name
        for name, kind in connection.execute("SELECT s.name, s.type FROM sqlite_schema AS s")
        if kind == "table"
    }
    # A store that was rolled back to nothing has no mark left, only the record of it.
    if not {"_migration_checksum", "_yoyo_migration"} <= tables:
        if application not in (0, application_id) or (tables and application == 0):
            raise StoreCorrupt(
                "The file is a database of another program, and was not touched; "
                "give jobstore a file of its own."
            )
        if tables:
            raise StoreCorrupt("The store has lost the record of its migrations; restore a backup.")
        return []
    return [
        Recorded(id, checksum, datetime.fromisoformat(applied_at).replace(tzinfo=UTC))
        for id, checksum, applied_at in connection.execute(_RECORDED)
    ]


def objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the tables, indexes, views and triggers by name, with what defines each.

    The record of migrations, what SQLite keeps for itself and what nobody uses any more are left
    out.
    """
    rows = connection.execute("SELECT s.name, s.tbl_name, s.type, s.sql FROM sqlite_schema AS s")
    return {
        name: f"{kind} {sql or ''}"
        for name, table, kind, sql in rows
        if table not in BOOKKEEPING and not name.startswith(("sqlite_", LEFTOVER))
    }


def has_properties(connection: sqlite3.Connection) -> bool:
    """Whether there is a place for facts about the store itself."""
    return connection.execute(_HAS_PROPERTIES).fetchone() is not None


def derived_form(connection: sqlite3.Connection) -> int:
    """Return the form of what is derived from postings; 1 for stores that do not say.

    It is 0 for one that has no place yet to say it.
    """
    if not has_properties(connection):
        return 0
    row = connection.execute(_DERIVED_FORM).fetchone()
    return 1 if row is None else int.from_bytes(row[0], "big")


def compatible(connection: sqlite3.Connection) -> str:
    """Return the oldest migration whose programs may go on; ``""`` where that is not said."""
    if not has_properties(connection):
        return ""
    row = connection.execute(_COMPATIBLE).fetchone()
    return "" if row is None else row[0].decode()


def applied(connection: sqlite3.Connection) -> Applied:
    """Return the schema of a database. Raises what :func:`recorded` raises."""
    return Applied(recorded(connection), derived_form(connection), compatible(connection))


def connect(path: Path, timeout: float) -> OpenFile:
    """Open an existing database file, in autocommit mode; :func:`writing` also closes it rightly.

    Raises StoreUnavailable when it is not there or is no file.
    """
    with reachable(path):
        if not path.is_file():
            raise StoreUnavailable(f"There is no database file at {path}.")
    return open_file(path, "rw", timeout)


@contextmanager
def _looking(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """Give a connection that leaves no files behind, and writes no log back without the lock.

    The last connection to be closed removes the log and its index, unless it can only read; but
    then it writes the log back first. Only one that a dead process left is written back here.
    """
    left = checkpointing.has_log(path) and not is_open(path, unknown=True)
    connection = connect(path, timeout)
    try:
        yield connection
    except BaseException:
        checkpointing.leave(connection, path)
        raise
    if not checkpointing.has_log(path):
        connection.close()
    elif left and not is_open(path, by_others=True):
        checkpointing.dispose(connection, path)
    else:
        checkpointing.leave(connection, path)


@contextmanager
def writing(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """Open an existing database alone among the processes that write, while the block lasts.

    Raises StoreUnavailable when it is not there or is no file, and StoreBusy when others write for
    longer than ``timeout`` seconds.
    """
    with FileLock(path, timeout):
        connection = connect(path, timeout)
        try:
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            yield connection
        finally:
            # Closing may write the log back, so it belongs under the lock as well.
            checkpointing.close(connection, path)


@contextmanager
def reading(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """Open the database for reading, while the block lasts."""
    with _looking(path, timeout) as connection:
        connection.execute("PRAGMA query_only = ON")
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            told = told_apart(error, connection)
            raise told from told.__cause__


@contextmanager
def migrating(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    """Open the database alone among the processes that write, while the block lasts.

    The file is put into WAL mode, unless it is another program's (StoreCorrupt). Raises
    StoreBusy when others write for longer than ``timeout`` seconds.
    """
    # Another program's database gets no lock file beside it either.
    with reading(path, timeout) as connection:
        recorded(connection)
    with writing(path, timeout) as connection:
        # Takes effect in a new file only.
        connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        if not enter_wal(connection, timeout):
            raise StoreUnavailable(
                f"The file system of {path} cannot hold a database that is shared between "
                "processes; put the store on a local disk."
            )
        connection.execute("PRAGMA synchronous = FULL")
        yield connection


class Turns:
    """A connection to a database that others use too, which takes turns with those who write."""

    def __init__(self, connection: OpenFile, lock: FileLock) -> None:
        self.connection = connection
        self._lock = lock
        self._pace = checkpointing.Pace(lock.database)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; what is read in the block is of one moment. Others may write."""
        with snapshot(self.connection):
            yield self.connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Make the block one transaction while nobody else writes: all is kept, or nothing.

        Raises StoreUnavailable when the store was replaced: it may have other things left to do.
        """
        connection = self.connection
        with self._lock:
            if not is_same(connection.identity):
                raise StoreUnavailable(
                    "The database file was replaced meanwhile; run the command again."
                )
            connection.execute("BEGIN IMMEDIATE")
            try:
                stamp(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                roll_back(connection)
                raise
            self._pace.write_back(connection)

    def settle(self) -> None:
        """Wait until what is done beside the turns has ended."""
        self._pace.settle()


@contextmanager
def sharing(path: Path, timeout: float) -> Iterator[Turns]:
    """Open the database for many short transactions, while the block lasts.

    ``timeout`` is how many seconds each waits for others (StoreBusy).
    """
    lock = FileLock(path, timeout)
    with lock:
        connection = connect(path, timeout)
    turns = Turns(connection, lock)
    try:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        yield turns
    finally:
        turns.settle()
        checkpointing.dispose(connection, path)
