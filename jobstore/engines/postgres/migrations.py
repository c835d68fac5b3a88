"""A database on a server as migrations need it: opened, changed by one at a time, and compared.

Which migrations there are and in which order they run is decided in :mod:`jobstore.migrating`.

Writers go on while a migration runs. It waits for its locks only for moments, and comes again, so
that nobody has to wait behind it (:mod:`~jobstore.engines.postgres.yoyo_backend`). Only who looks
at what is lost before migrations are taken back keeps writers out, in the transaction that does it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import psycopg

from jobstore.engines import named_statements
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.connection import is_pooled
from jobstore.engines.postgres.schema import Connection
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.upkeep import renewal
from jobstore.engines.postgres.upkeep.roles import grant
from jobstore.engines.schema import Applied, NotComparable, Recorded, Renewal, Roles
from jobstore.engines.scripts import Direction, Script
from jobstore.errors import MigrationError, StoreBusy
from jobstore.progress import Progress
from jobstore.settings import StoreURL

_SQL = named_statements.load("postgres")

# "jobstore" in ASCII: who changes the schema holds the advisory lock of this number. It is the
# whole database's, so that two schemas in it are changed one after the other.
_LOCK = int.from_bytes(b"jobstore", "big")
_POLL = 0.05  # seconds between two tries of a lock that is held
# Classes of faults in a migration's own SQL: what it says (42), what it breaks (23), what does not
# fit (22, 0A, 2B). All others are about the server.
_OWN_FAULTS = ("42", "23", "22", "0A", "2B")
_CHECK_VIOLATION = "23514"
_NO_RIGHT = "42501"


class PostgresSchema:
    """The tables of a database on a server; see :class:`jobstore.engines.schema.Schema`."""

    migrations = "postgres"
    derived = frozenset(
        {
            *("posting.digest", "posting.seen_digest", "posting.plain", "posting.words"),
            *("posting.form", "revision.digest", "counter", "counter_delta", "store_property"),
        }
    )
    renewed_since = "0001"

    @property
    def derived_form(self) -> int:
        return schema.DERIVED_FORM

    def make(self, url: StoreURL) -> None:
        """Differs by necessity: a database is made by who rules the server (``createdb``)."""
        with blocking(url) as conn:
            schema.recorded(conn)

    def applied(self, url: StoreURL, *, patience: float) -> Applied:
        with blocking(url, patience=patience) as conn:
            return schema.applied(conn)

    @contextmanager
    def changing(self, url: StoreURL, *, patience: float) -> Iterator[PostgresMigrator]:
        with blocking(url, patience=patience) as conn:
            # Another program's database gets no record.
            schema.recorded(conn)
            yield PostgresMigrator(conn, patience)

    def renewal(self, url: StoreURL, *, patience: float) -> Renewal | None:
        with blocking(url, patience=patience) as conn:
            return renewal.standing(conn)

    def renew(self, url: StoreURL, *, keep: bool, patience: float, progress: Progress) -> None:
        with blocking(url, patience=patience) as conn:
            renewal.renew(conn, keep=keep, progress=progress)

    def settle(self, url: StoreURL, *, patience: float) -> bool:
        with blocking(url, patience=patience) as conn:
            return renewal.settle(conn)

    def sweep(self, url: StoreURL, *, patience: float, progress: Progress) -> None:
        """Nothing is left lying: what goes, goes at once (DROP TABLE takes no time here)."""

    def grant(
        self, url: StoreURL, roles: Roles, *, dry_run: bool, patience: float
    ) -> tuple[Roles, list[str]]:
        with self.changing(url, patience=patience) as migrator, migrator.transaction():
            return migrator.grant(roles, dry_run=dry_run)

    def objects(self, url: StoreURL, *, patience: float) -> dict[str, str]:
        with blocking(url, patience=patience) as conn:
            return schema.objects(conn)

    def objects_of(
        self, url: StoreURL, scripts: Iterable[Script], compatible: str
    ) -> dict[str, str]:
        """Differs by necessity: only the server itself can say how it reads a definition.

        They are made as temporary ones, in a transaction that is undone. Raises NotComparable where
        none can be made.
        """
        from jobstore.engines.postgres.yoyo_backend import statements

        with blocking(url) as conn:
            if conn.execute(_SQL["may_compare"]).fetchone() != (True,):
                raise NotComparable(
                    "Only the role that owns the tables can find out, on a primary, whether they "
                    "are as the migrations make them; name that role in the store's URL."
                )
            conn.execute("BEGIN")
            conn.execute("SET LOCAL search_path = pg_temp")
            for script in scripts:
                texts = [script.text("up")]
                if script.finish and script.id <= compatible:
                    texts.append(script.finish)
                for text in texts:
                    for statement in statements(text):
                        # In a transaction an index is built at once, which nobody waits for here.
                        conn.execute(re.sub(r"\bCONCURRENTLY\b", "", statement).encode())
            found = schema.objects(conn, temporary=True)
            conn.execute("ROLLBACK")
        return found


class PostgresMigrator:
    """The schema on a connection of its own; see :class:`jobstore.engines.schema.Migrator`."""

    def __init__(self, conn: Connection, patience: float) -> None:
        from jobstore.engines.postgres.yoyo_backend import Backend

        # What is prepared would be planned for tables that have changed.
        conn.prepare_threshold = None
        self._conn = conn
        self._patience = patience
        self._backend = Backend(conn, patience)
        self._pooled = is_pooled(conn)
        if not self._pooled:
            self._lock("pg_try_advisory_lock")

    def _lock(self, function: str) -> None:
        """Wait for others who change the schema, by asking again and again.

        Who waits inside of a statement has a snapshot, and who builds an index beside writers waits
        for all snapshots: each would wait for the other.
        """
        deadline = time.monotonic() + self._patience
        while self._conn.execute(f"SELECT {function}(%s)".encode(), (_LOCK,)).fetchone() != (True,):
            if time.monotonic() > deadline:
                raise StoreBusy(
                    "Another process changes the schema of the store; try again when it is done."
                )
            time.sleep(_POLL)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._backend.transaction():
            if self._pooled:
                self._lock("pg_try_advisory_xact_lock")
            yield

    def recorded(self) -> list[Recorded]:
        return schema.recorded(self._conn)

    def run(self, script: Script, direction: Direction) -> None:
        from jobstore.engines.postgres.yoyo_backend import BadMigration

        try:
            if direction == "down":
                self._backend.take_back(script)
            elif script.in_steps:
                self._run_in_steps(script)
            else:
                self._backend.apply(script)
        except (psycopg.Error, BadMigration) as error:
            raise self._told(script, error) from error

    def _run_in_steps(self, script: Script) -> None:
        if self._pooled:
            raise MigrationError(
                f"Migration {script.id} works beside those who write, which takes a connection to "
                "the server itself; give the URL of the server instead of the pooler's."
            )
        # What was asked for in the transaction still holds, as nobody else changes the schema.
        self._backend.commit()
        self._backend.apply_in_steps(script)
        self._backend.begin()
        self._backend.record(script)

    def _told(self, script: Script, error: Exception) -> Exception:
        code = getattr(error, "sqlstate", None) or ""
        if isinstance(error, psycopg.Error) and (
            code == _NO_RIGHT or not code.startswith(_OWN_FAULTS)
        ):
            return error
        left = "stopped; what it did before stays" if script.in_steps else "left nothing behind"
        if isinstance(error, psycopg.Error) and code == _CHECK_VIOLATION:
            return MigrationError(
                f"Migration {script.id} {left}: a row of the store breaks the rule "
                f"'{error.diag.constraint_name}', which sql/postgres/schema.sql says; correct the "
                "row with psql or restore a backup, and run it again."
            )
        what = error.diag.message_primary if isinstance(error, psycopg.Error) else error
        return MigrationError(f"Migration {script.id} failed and {left}: {what}")

    def alone(self) -> None:
        statement = schema.locking(self._conn, schema.LOCK_OUT_WRITERS)
        self._backend.patiently(lambda: self._conn.execute(statement))

    def count(self, name: str) -> int:
        return schema.count(self._conn, name)

    def compatible(self) -> str:
        return schema.compatible(self._conn)

    def let(self, compatible: str) -> None:
        schema.write_property(self._conn, "compatible", compatible.encode())

    def grant(self, roles: Roles, *, dry_run: bool) -> tuple[Roles, list[str]]:
        """Make roles; see :mod:`~jobstore.engines.postgres.upkeep.roles`."""
        if not dry_run:
            # So that the record of migrations has its rights, whoever comes first.
            self._backend.prepare()
        return grant(self._conn, roles, dry_run=dry_run)

    def finish(self, scripts: Sequence[Script]) -> bool:
        if not renewal.settle_some(self._conn):
            return False
        renewal.close(self._conn)
        for script in scripts:
            if script.finish is not None:
                self._backend.finish(script.finish)
        return True
