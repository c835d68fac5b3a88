"""Applying migrations to a SQLite file, and taking them back, for :mod:`jobstore.migrating`.

That module decides which ones, and in which order. yoyo is imported only when one is run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from jobstore.engines.schema import Applied, Migrator, Recorded, up_command
from jobstore.engines.scripts import Direction, Script
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.log.stamps import stamp
from jobstore.engines.sqlite.upkeep import comparison, rebuilding
from jobstore.errors import MigrationError, StoreUnavailable
from jobstore.files import make_file, reachable
from jobstore.progress import Progress
from jobstore.settings import StoreURL

# Result codes of faults in a migration's own SQL; all others (busy, full, damaged) are about the
# store. An error without a code comes from the sqlite3 module or yoyo.
_OWN_FAULTS = frozenset({"", "ERROR", "CONSTRAINT", "MISMATCH"})
_BROKEN_RULE = "CHECK constraint failed: "


class SQLiteSchema:
    """The tables of a database in one file; see :class:`jobstore.engines.schema.Schema`."""

    migrations = "sqlite"
    derived = frozenset(
        {
            *(
                "posting.digest",
                "posting.seen_digest",
                "posting_text.plain",
                "revision.digest",
                "counter",
                "store_property",
            ),
            *("posting_words", "posting_vocabulary", "search_index", "search_vocabulary"),
            *("word_index", "word_vocabulary", "text_index", "text_vocabulary"),
        }
    )
    renewed_since = "0004"

    @property
    def derived_form(self) -> int:
        return rebuilding.DERIVED_FORM

    def make(self, url: StoreURL) -> None:
        make_file(url.path)

    def applied(self, url: StoreURL, *, patience: float) -> Applied:
        with reachable(url.path):
            if not url.path.parent.is_dir():
                raise StoreUnavailable(
                    f"The folder {url.path.parent} does not exist; to make it, and the store in "
                    f"it, run: {up_command(url)}"
                )
            if not url.path.exists():
                return Applied([], 0)
        with translated(), schema.reading(url.path, patience) as connection:
            return Applied(schema.recorded(connection), schema.derived_form(connection))

    @contextmanager
    def changing(self, url: StoreURL, *, patience: float) -> Iterator[Migrator]:
        with translated(), schema.migrating(url.path, patience) as connection:
            yield SQLiteMigrator(connection)

    def objects(self, url: StoreURL, *, patience: float) -> dict[str, str]:
        with translated(), schema.reading(url.path, patience) as connection:
            return schema.objects(connection)

    def objects_of(self, scripts: Iterable[Script]) -> dict[str, str]:
        from jobstore.engines.sqlite.yoyo_backend import made_by

        with made_by(scripts) as connection:
            return schema.objects(connection)


class SQLiteMigrator:
    """The schema on a connection to a file that nobody else may write to meanwhile."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        from jobstore.engines.sqlite.yoyo_backend import Backend

        self._connection = connection
        self._backend = Backend(connection)

    def transaction(self) -> AbstractContextManager[None]:
        transaction: AbstractContextManager[None] = self._backend.transaction()
        return transaction

    def recorded(self) -> list[Recorded]:
        return schema.recorded(self._connection)

    def run(self, script: Script, direction: Direction) -> None:
        from jobstore.engines.sqlite.yoyo_backend import BadMigration

        stamp(self._connection)
        try:
            (self._backend.apply if direction == "up" else self._backend.take_back)(script)
        except (sqlite3.Error, sqlite3.Warning, BadMigration) as error:
            if primary_code(error) not in _OWN_FAULTS:
                raise
            if (broken := str(error)).startswith(_BROKEN_RULE):
                rule = broken.removeprefix(_BROKEN_RULE)
                raise MigrationError(
                    f"Migration {script.id} changed nothing: a row of the store breaks the rule "
                    f"'{rule}', which sql/sqlite/schema.sql says; correct the row with the "
                    "sqlite3 shell or restore a backup, and run it again."
                ) from error
            raise MigrationError(
                f"Migration {script.id} failed and left nothing behind: {error}"
            ) from error

    def count(self, name: str) -> int:
        return comparison.count(self._connection, name)

    def renew(self, progress: Progress) -> None:
        if schema.derived_form(self._connection) < rebuilding.DERIVED_FORM:
            stamp(self._connection)
            rebuilding.rebuild_derived(self._connection, progress)
