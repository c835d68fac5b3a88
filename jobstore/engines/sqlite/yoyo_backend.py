"""yoyo's SQLite backend, made atomic.

The only module that knows yoyo's classes. yoyo applies a migration, logs it and marks it in
three transactions on two connections; here all three are one, on the connection it is given.
What yoyo keeps (``_yoyo_migration``, ``_yoyo_log``, ``_yoyo_version``) stays readable to yoyo's
own tools; the checksums of what was applied stand beside it in ``_migration_checksum``.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from yoyo import internalmigrations
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI
from yoyo.exceptions import BadMigration
from yoyo.migrations import Migration, default_migration_table

from jobstore.engines.scripts import Script
from jobstore.engines.sqlite.errors import primary_code

__all__ = ["Backend", "BadMigration", "made_by"]

# Here and not in sql/, since the table belongs to the record that yoyo keeps.
_CREATE_CHECKSUMS = (
    "CREATE TABLE IF NOT EXISTS _migration_checksum "
    "(id TEXT PRIMARY KEY, checksum TEXT NOT NULL) STRICT, WITHOUT ROWID"
)


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


class Backend(SQLiteBackend):
    """Applies and takes back migrations on ``connection`` (``isolation_level=None``).

    Use :meth:`apply` and :meth:`take_back` inside ``with backend.transaction():``; what is in
    one block is kept or lost as a whole. The connection stays the caller's to close.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._given = connection
        nowhere = DatabaseURI("sqlite", None, None, None, None, None, {})
        super().__init__(nowhere, default_migration_table)
        self.has_transactional_ddl = True

    def apply(self, script: Script) -> None:
        """Run a migration and record it as applied."""
        with self._one_transaction():
            self.apply_one(_migration(script))
        self.connection.execute(_CREATE_CHECKSUMS)
        self.connection.execute(
            "INSERT OR REPLACE INTO _migration_checksum (id, checksum) VALUES (?, ?)",
            (script.id, script.checksum),
        )

    def take_back(self, script: Script) -> None:
        """Run a migration's rollback and record that."""
        with self._one_transaction():
            self.rollback_one(_migration(script))
        self.connection.execute(
            "DELETE FROM _migration_checksum WHERE _migration_checksum.id = ?", (script.id,)
        )

    def finish(self, sql: str) -> None:
        """Run what ends a migration's time of transition; no record of it is kept here."""
        from sqlparse import split

        with self._one_transaction():
            for statement in split(sql):
                self.connection.execute(statement)

    @contextmanager
    def _one_transaction(self) -> Iterator[None]:
        """Refuse statements that would begin or end one (BEGIN, COMMIT, ROLLBACK)."""
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

    def connect(self, dburi: Any) -> sqlite3.Connection:
        return self._given

    def copy(self) -> Backend:
        return self

    # yoyo registers global datetime adapters while a backend is entered, and then closes it.
    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def cursor(self) -> sqlite3.Cursor:
        return self._given.cursor(_Cursor)

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

    def disable_transactions(self) -> Any:
        raise BadMigration("a migration cannot run outside of a transaction")

    def ensure_internal_schema_updated(self) -> None:
        if internalmigrations.needs_upgrading(self):
            internalmigrations.upgrade(self)

    def get_log_data(
        self, migration: Migration | None = None, operation: str = "apply"
    ) -> dict[str, str | None]:
        # yoyo would log the user and the host, and an id made of the network address.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": None,
            "hostname": None,
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None).isoformat(),
            "operation": operation,
        }


def _keep_transaction(action: int, *_names: str | None) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION else sqlite3.SQLITE_OK


def _migration(script: Script) -> Migration:
    return Migration(script.id, str(script.path), str(script.path.parent))
