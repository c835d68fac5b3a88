"""A small database that is no store: opened, and brought up to date by migrations of its own.

Whoever uses one decides what it keeps. Several processes may write to one at once.
Everything here blocks.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jobstore import resources
from jobstore.engines import named_statements
from jobstore.engines.scripts import Script, read_scripts
from jobstore.engines.small import Values
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import (
    SchemaMismatch,
    StorageFull,
    StoreBusy,
    StoreCorrupt,
    StoreUnavailable,
)
from jobstore.files import make_file, reachable
from jobstore.locking import FileLock

# Seconds to wait for other processes.
_PATIENCE = 5.0
# A disk with less than this has no room for the index of a WAL, whose lack SQLite calls a failure.
_INDEX_OCTETS = 64 * 1024


class SQLiteStatements:
    """See :class:`jobstore.engines.small.Statements`; without a connection there are no rows."""

    def __init__(self, connection: sqlite3.Connection | None, texts: Mapping[str, str]) -> None:
        self._connection = connection
        self._texts = texts

    def rows(self, name: str, values: Values = ()) -> list[Any]:
        if self._connection is None:
            return []
        return self._connection.execute(self._texts[name], values).fetchall()

    def run(self, name: str, *many: Values) -> int:
        if self._connection is None:
            return 0
        return self._connection.executemany(self._texts[name], many).rowcount


class SQLiteSmallDatabase:
    """See :class:`jobstore.engines.small.SmallDatabase`.

    ``application_id`` is the number in the file's header. ``advice`` says what is lost with a
    damaged one.
    """

    def __init__(self, name: str, application_id: int, advice: str) -> None:
        self._name = name
        self._application_id = application_id
        self._advice = advice

    @contextmanager
    def writing(self, path: Path) -> Iterator[SQLiteStatements]:
        with self._explained(path):
            make_file(path)
            _is_there(path)
            # Closing may write the WAL back, so it belongs under the lock as well.
            with FileLock(path, _PATIENCE), closing(open_file(path, "rw", _PATIENCE)) as conn:
                # Looked at before anything is changed: the file may be somebody else's.
                missing = self._missing(conn)
                # Without a WAL it works as well, since nobody waits for long.
                schema.enter_wal(conn, _PATIENCE)
                conn.execute("PRAGMA foreign_keys = ON")
                _apply(conn, missing)
                conn.execute("BEGIN IMMEDIATE")
                with conn:
                    yield self._statements(conn)

    @contextmanager
    def reading(self, path: Path) -> Iterator[SQLiteStatements]:
        if not _is_there(path):
            yield self._statements(None)
            return
        with self._explained(path), closing(open_file(path, _mode(path), _PATIENCE)) as conn:
            conn.execute("PRAGMA query_only = ON")
            missing = self._missing(conn)
            if 0 < len(missing) < len(_scripts(self._name)):
                # An older jobstore made it; whoever writes next brings it up to date as well.
                with self.writing(path):
                    pass
            yield self._statements(None if len(missing) == len(_scripts(self._name)) else conn)

    def _statements(self, conn: sqlite3.Connection | None) -> SQLiteStatements:
        return SQLiteStatements(conn, named_statements.load(self._name))

    def _missing(self, conn: sqlite3.Connection) -> list[Script]:
        """Return the migrations that are still to be applied."""
        scripts = _scripts(self._name)
        applied = [(each.id, each.checksum) for each in schema.recorded(conn, self._application_id)]
        if applied != [(each.id, each.checksum) for each in scripts[: len(applied)]]:
            raise SchemaMismatch(
                f"Another version of jobstore made the database of {self._name}; upgrade "
                "jobstore, or move the database away: a new one is made."
            )
        return scripts[len(applied) :]

    @contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, StoreCorrupt) as error:
            code = primary_code(error)
            if code == "FULL" or (code == "IOERR" and _is_full(path)):
                raise StorageFull(
                    f"No space is left for {path}; free some. What was to be written is not."
                ) from error
            if code in ("BUSY", "LOCKED"):
                raise _busy() from error
            if isinstance(error, StoreCorrupt) or code in ("CORRUPT", "NOTADB"):
                raise StoreUnavailable(
                    f"{path} is damaged, or is no database of {self._name}; move it away: a new "
                    f"one is made. {self._advice}"
                ) from error
            raise StoreUnavailable(
                f"{path} cannot be used ({error}); check that it is a file which this account may "
                f"read and write, and its folder. Where it is damaged, move it away: a new one is "
                f"made. {self._advice}"
            ) from error
        except StoreBusy as error:
            raise _busy() from error


@cache
def _scripts(name: str) -> list[Script]:
    return read_scripts(resources.migrations_folder(name))


def _apply(conn: sqlite3.Connection, missing: Iterable[Script]) -> None:
    for script in missing:
        # Imported here: it takes a while, and is needed once.
        from jobstore.engines.sqlite.yoyo_backend import Backend

        backend = Backend(conn)
        with backend.transaction():
            backend.apply(script)


def _is_there(path: Path) -> bool:
    with reachable(path):
        # Opening a pipe would wait for ever.
        if path.exists() and not path.is_file():
            raise StoreUnavailable(f"{path} cannot be used: it is not a plain file; remove it.")
        return path.exists()


def _mode(path: Path) -> Literal["ro", "ro&immutable=1"]:
    """Say how a file is opened for reading."""
    # A WAL needs an index beside it, which a disk that cannot be written has no place for. Where
    # nobody can write and there is no WAL, the file alone is all of it.
    alone = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    return "ro&immutable=1" if alone else "ro"


def _busy() -> StoreBusy:
    return StoreBusy("Another process keeps the records of operations locked; try again.")


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _INDEX_OCTETS
    except OSError:
        return False
