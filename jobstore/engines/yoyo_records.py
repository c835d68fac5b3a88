"""What both engines' yoyo backends share: one connection, one transaction, checksums.

yoyo applies a migration, logs it and marks it in three transactions on two connections; with this
before one of yoyo's backends all three are one, on the connection that it is given. What yoyo keeps
(``_yoyo_migration``, ``_yoyo_log``, ``_yoyo_version``) stays readable to yoyo's own tools; the
checksums of what was applied stand beside it in ``_migration_checksum``.
"""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from yoyo import internalmigrations
from yoyo.backends.base import DatabaseBackend
from yoyo.connections import DatabaseURI
from yoyo.exceptions import BadMigration
from yoyo.migrations import Migration, default_migration_table

from jobstore.engines.scripts import Script

__all__ = ["BadMigration", "Recording"]

# Here and not in sql/, since the table belongs to the record that yoyo keeps.
_WRITE_CHECKSUM = (
    "INSERT INTO _migration_checksum (id, checksum) VALUES (:id, :checksum) "
    "ON CONFLICT (id) DO UPDATE SET checksum = excluded.checksum"
)
_DELETE_CHECKSUM = "DELETE FROM _migration_checksum WHERE id = :id"


class Recording(DatabaseBackend):
    """Applies and takes back migrations on ``connection``, which stays the caller's to close.

    Use :meth:`apply` and :meth:`take_back` inside ``with backend.transaction():``; what is in
    one block is kept or lost as a whole.
    """

    create_checksums: str
    """The statement that makes the table of the checksums where there is none."""

    def __init__(self, connection: Any) -> None:
        self._given = connection
        nowhere = DatabaseURI("", None, None, None, None, None, {})
        super().__init__(nowhere, default_migration_table)
        self.has_transactional_ddl = True

    def one_transaction(self) -> AbstractContextManager[None]:
        """Refuse statements that would begin or end one, with BadMigration."""
        # How a statement gets to the database differs, and so does what has to be looked at.
        raise NotImplementedError

    def apply(self, script: Script) -> None:
        """Run a migration and record it as applied."""
        with self.one_transaction():
            self.apply_one(_migration(script))
        self._write_checksum(script)

    def record(self, script: Script) -> None:
        """Record a migration as applied whose statements were run already."""
        self.mark_one(_migration(script))
        self._write_checksum(script)

    def take_back(self, script: Script) -> None:
        """Run a migration's rollback and record that."""
        with self.one_transaction():
            self.rollback_one(_migration(script))
        self.execute(_DELETE_CHECKSUM, {"id": script.id})

    def forget(self, script: Script) -> None:
        """Record that a migration was taken back whose statements were run already."""
        self.unmark_one(_migration(script))
        self.execute(_DELETE_CHECKSUM, {"id": script.id})

    def finish(self, sql: str) -> None:
        """Run what ends a migration's time of transition; no record of it is kept here."""
        from sqlparse import split

        with self.one_transaction():
            for statement in split(sql):
                self.cursor().execute(statement)

    def _write_checksum(self, script: Script) -> None:
        self.execute(self.create_checksums)
        self.execute(_WRITE_CHECKSUM, {"id": script.id, "checksum": script.checksum})

    # The methods below replace parts of yoyo.

    def connect(self, dburi: Any) -> Any:
        return self._given

    def copy(self) -> Any:
        return self

    # yoyo registers global adapters while a backend is entered, and then closes it.
    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def disable_transactions(self) -> Any:
        raise BadMigration("a migration cannot run outside of a transaction")

    def ensure_internal_schema_updated(self) -> None:
        if internalmigrations.needs_upgrading(self):
            internalmigrations.upgrade(self)

    def get_log_data(
        self, migration: Migration | None = None, operation: str = "apply"
    ) -> dict[str, Any]:
        # yoyo would log the user and the host, and an id made of the network address.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": None,
            "hostname": None,
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def _migration(script: Script) -> Migration:
    return Migration(script.id, str(script.path), str(script.path.parent))
