"""yoyo's SQLite backend, made atomic: see :mod:`jobstore.engines.yoyo_records`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from yoyo.backends.core.sqlite3 import SQLiteBackend

from jobstore.engines.scripts import Script
from jobstore.engines.sqlite.errors import primary_code
from jobstore.engines.yoyo_records import BadMigration, Recording

__all__ = ["Backend", "BadMigration", "made_by"]


@contextmanager
def made_by(scripts: Iterable[Script], compatible: str = "9999") -> Iterator[sqlite3.Connection]:
    """Give an empty database in memory that ``scripts`` have made.

    What only programs use that are older than migration ``compatible`` is taken away, as by
    ``jobstore migrate finish``.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        backend = Backend(connection)
        with backend.transaction():
            for script in scripts:
                backend.apply(script)
                if script.finish and script.id <= compatible:
                    backend.finish(script.finish)
        yield connection


class _Cursor(sqlite3.Cursor):
    # yoyo prints the result of every statement that has one.
    description = None


class Backend(Recording, SQLiteBackend):
    """Applies and takes back migrations on a connection (``isolation_level=None``)."""

    create_checksums = (
        "CREATE TABLE IF NOT EXISTS _migration_checksum "
        "(id TEXT PRIMARY KEY, checksum TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        self.connection.set_authorizer(_keep_transaction)
        try:
            yield
        except sqlite3.DatabaseError as error:
            if primary_code(error) == "AUTH":
                raise BadMigration("a migration cannot begin or end a transaction") from error
            raise
        finally:
            self.connection.set_authorizer(None)

    # The methods below replace parts of yoyo.

    def cursor(self) -> sqlite3.Cursor:
        return sqlite3.Connection.cursor(self._given, _Cursor)

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        texts = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in (params or {}).items()
        }
        return super().execute(sql, texts)

    def begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self._in_transaction = True

    def commit(self) -> None:
        try:
            self.connection.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise
        self._in_transaction = False

    def rollback(self) -> None:
        self._in_transaction = False
        # A full disk makes SQLite roll back on its own.
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def savepoint_rollback(self, id: str) -> None:
        if self.connection.in_transaction:
            super().savepoint_rollback(id)


def _keep_transaction(action: int, *_names: str | None) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION else sqlite3.SQLITE_OK
