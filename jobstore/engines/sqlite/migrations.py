"""Applying migrations to a SQLite file, and taking them back, for :mod:`jobstore.migrating`.

That module decides which ones, and in which order. yoyo is imported only when one is run.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from jobstore.engines import named_statements
from jobstore.engines.schema import Applied, Migrator, Recorded, Renewal, Roles, up_command
from jobstore.engines.scripts import Direction, Script
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.engines.sqlite.log.stamps import stamp
from jobstore.engines.sqlite.upkeep import comparison, renewal
from jobstore.engines.sqlite.writing import renewing
from jobstore.errors import MigrationError, StoreUnavailable
from jobstore.files import make_file, reachable
from jobstore.progress import Progress
from jobstore.settings import StoreURL

# Result codes of faults in a migration's own SQL; all others (busy, full, damaged) are about the
# store. An error without a code comes from the sqlite3 module or yoyo.
_OWN_FAULTS = frozenset({"", "ERROR", "CONSTRAINT", "MISMATCH"})
# Rounds of some 50 ms in which changes of others are brought in; and seconds for those that come
# between them and the last step, which others wait for.
_ROUNDS = 100
_LAST_DRAINING = 0.2
_SQL = named_statements.load("sqlite")
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
            *("renewal", "renewal_change", "renewal_counter"),
            *("word_index", "word_vocabulary", "text_index", "text_vocabulary"),
        }
    )
    renewed_since = "0004"

    @property
    def derived_form(self) -> int:
        return renewing.DERIVED_FORM

    def make(self, url: StoreURL) -> None:
        with reachable(url.path):
            _require_not_lost(url)
        make_file(url.path)

    def applied(self, url: StoreURL, *, patience: float) -> Applied:
        with reachable(url.path):
            if not url.path.parent.is_dir():
                raise StoreUnavailable(
                    f"The folder {url.path.parent} does not exist; to make it, and the store in "
                    f"it, run: {up_command(url)}"
                )
            _require_not_lost(url)
            if not url.path.exists():
                return Applied([], 0)
        with translated(), schema.reading(url.path, patience) as connection:
            return Applied(
                schema.recorded(connection),
                schema.derived_form(connection),
                schema.compatible(connection),
            )

    @contextmanager
    def changing(self, url: StoreURL, *, patience: float) -> Iterator[Migrator]:
        with translated(), schema.migrating(url.path, patience) as connection:
            yield SQLiteMigrator(connection)

    def renewal(self, url: StoreURL, *, patience: float) -> Renewal | None:
        with translated(), schema.reading(url.path, patience) as connection:
            if "renewal" not in schema.objects(connection):
                return None
            return renewal.standing(connection)

    def renew(self, url: StoreURL, *, keep: bool, patience: float, progress: Progress) -> None:
        with translated():
            renewal.renew(url.path, keep=keep, patience=patience, progress=progress)

    def settle(self, url: StoreURL, *, patience: float) -> bool:
        with translated(), schema.sharing(url.path, patience) as turns:
            return renewal.drain(turns, _ROUNDS)

    def sweep(self, url: StoreURL, *, patience: float, progress: Progress) -> None:
        with translated(), schema.sharing(url.path, patience) as turns:
            renewal.sweep(turns, progress)

    def grant(
        self, url: StoreURL, roles: Roles, *, dry_run: bool, patience: float
    ) -> tuple[Roles, list[str]]:
        raise MigrationError(
            "A SQLite store has no roles: who may use it, the owner and the mode of its file say."
        )

    def objects(self, url: StoreURL, *, patience: float) -> dict[str, str]:
        with translated(), schema.reading(url.path, patience) as connection:
            return schema.objects(connection)

    def objects_of(
        self, url: StoreURL, scripts: Iterable[Script], compatible: str
    ) -> dict[str, str]:
        from jobstore.engines.sqlite.yoyo_backend import made_by

        with made_by(scripts, compatible) as connection:
            return schema.objects(connection)


def _require_not_lost(url: StoreURL) -> None:
    """Raise StoreUnavailable where a database is gone, but the log of its writes is not.

    An empty one in its place would be taken for the store, and hide that it can be had again.
    """
    spool = Spool(url.path)
    if spool.is_there and not spool.database.exists():
        store = shlex.quote(str(url))
        raise StoreUnavailable(
            f"{url.path} is gone, but the log of its writes is in {spool.folder}. To have the "
            f"store again, run: jobstore restore --at latest --store {store}. To give it up, run: "
            f"jobstore archive stop --store {store}"
        )


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

        apply = self._backend.apply if direction == "up" else self._take_back
        stamp(self._connection)
        try:
            apply(script)
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

    def _take_back(self, script: Script) -> None:
        """Take a migration back; one that began another index leaves the old one as it is.

        That one lacks what programs of the new version wrote, and is built anew by the version
        before then: it finds an older form.
        """
        connection = self._connection
        if script.finish is None:
            return self._backend.take_back(script)
        state = renewal.standing(connection)
        finished = script.id <= schema.compatible(connection)
        before = schema.derived_form(connection)
        renewal.give_up(connection)
        self._backend.take_back(script)
        form = schema.derived_form(connection)
        if finished or (state is not None and state.written):
            form = 0
        # An interrupted renewal of an older form has not reached the one in between.
        form = min(form, before)
        if connection.execute(_SQL["any_posting"]).fetchone()[0]:
            connection.execute(_SQL["write_derived_form"], (bytes([form]),))
        return None

    def alone(self) -> None:
        """Nobody else can write anyway, from beginning to end."""

    def count(self, name: str) -> int:
        return comparison.count(self._connection, name)

    def compatible(self) -> str:
        return schema.compatible(self._connection)

    def let(self, compatible: str) -> None:
        if schema.has_properties(self._connection):
            self._connection.execute(_SQL["write_compatible"], (compatible.encode(),))

    def finish(self, scripts: Sequence[Script]) -> bool:
        connection = self._connection
        found = renewing.standing(connection)
        if found is not None and not renewing.drain(connection, found, _LAST_DRAINING):
            return False
        renewal.give_up(connection)
        for script in scripts:
            if script.finish is not None:
                self._backend.finish(script.finish)
        return True
