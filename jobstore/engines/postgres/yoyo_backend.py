"""yoyo's backend for psycopg 3, made atomic: see :mod:`jobstore.engines.yoyo_records`.

A migration that says ``-- transactional: false`` (yoyo's own directive) is run in steps, each a
statement: what it makes stays when a later one fails, and the next call goes on there. That is how
an index is built and a rule is checked beside those who write, who would wait for a transaction
that does both. How many steps are done is in ``_migration_step``, written in the same transaction
as what the step did; of a statement that can run in none (CONCURRENTLY), the index says whether it
was done.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.pq import TransactionStatus
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

from jobstore.engines.postgres.hearing import committing
from jobstore.engines.scripts import Script
from jobstore.engines.yoyo_records import BadMigration, Recording

__all__ = ["Backend", "BadMigration", "Connection"]

Connection = psycopg.Connection[tuple[Any, ...]]

_TURN = re.compile(
    r"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)
_CONCURRENT = re.compile(
    r"(?P<what>CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?P<name>[a-z_0-9]+)",
    re.IGNORECASE,
)
_CREATE_STEPS = (
    "CREATE TABLE IF NOT EXISTS _migration_step "
    "(id text PRIMARY KEY, checksum text NOT NULL, done integer NOT NULL)"
)
_DONE = "SELECT s.checksum, s.done FROM _migration_step AS s WHERE s.id = %s"
_WRITE_DONE = (
    "INSERT INTO _migration_step (id, checksum, done) VALUES (%s, %s, %s) "
    "ON CONFLICT (id) DO UPDATE SET done = excluded.done"
)
_FORGET = "DELETE FROM _migration_step WHERE id = %s"
_INDEX = (
    "SELECT i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
    "WHERE c.relname = %s AND c.relnamespace = current_schema()::regnamespace"
)

# Milliseconds that a statement waits for a lock: so long, others wait behind it. Then it makes room
# for seconds up to the second number, and comes again.
_LOCK_WAIT = 40
_PAUSE = (0.02, 0.2)


def statements(text: str) -> list[str]:
    """Return the statements of a migration's text, without comments."""
    import sqlparse

    bare = sqlparse.format(text, strip_comments=True)
    return [each.rstrip(";") for each in sqlparse.split(bare) if each.strip(" ;\n")]


class _Cursor(psycopg.Cursor[tuple[Any, ...]]):
    """Runs what a migration says."""

    # yoyo prints the result of every statement that has one.
    description = None

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        import sqlparse

        if _TURN.match(sqlparse.format(query, strip_comments=True).strip()):
            raise BadMigration("a migration cannot begin or end a transaction")
        return super().execute(query, *args, **kwargs)


class Backend(Recording, PostgresqlPsycopgBackend):
    """Applies and takes back migrations on a connection in autocommit mode.

    ``patience`` is how many seconds they wait for others in all, before LockNotAvailable.
    """

    create_checksums = (
        "CREATE TABLE IF NOT EXISTS _migration_checksum "
        "(id text PRIMARY KEY, checksum text NOT NULL)"
    )

    def __init__(self, connection: Connection, patience: float) -> None:
        super().__init__(connection)
        self._patience = patience

    def prepare(self) -> None:
        """Make the tables of the record where there are none; inside of a transaction."""
        self.ensure_internal_schema_updated()
        self.execute(self.create_checksums)
        self.execute(_CREATE_STEPS)

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        yield

    def apply(self, script: Script) -> None:
        self.execute(_CREATE_STEPS)
        self.patiently(lambda: super(Backend, self).apply(script))

    def take_back(self, script: Script) -> None:
        if not script.in_steps:
            return self.patiently(lambda: super(Backend, self).take_back(script))
        # yoyo refuses to take it back in a transaction, which is well: it is short.
        for statement in statements(script.text("down")):
            self.patiently(partial(self.cursor().execute, statement))
        return self.forget(script)

    def apply_in_steps(self, script: Script) -> None:
        """Apply a migration outside of a transaction, from where an earlier call ended."""
        self._given.execute(_CREATE_STEPS)
        row = self._given.execute(_DONE, (script.id,)).fetchone()
        checksum, done = row or (script.checksum, 0)
        if checksum != script.checksum:
            raise BadMigration("it was edited after a part of it was applied")
        for number, statement in enumerate(statements(script.text("up")), 1):
            if number <= done:
                continue
            written = (script.id, script.checksum, number)
            if found := _CONCURRENT.match(statement):
                self._concurrently(statement, found["what"].upper(), found["name"].lower())
                self._given.execute(_WRITE_DONE, written)
                continue
            with self.transaction():
                self.patiently(partial(self.cursor().execute, statement))
                self._given.execute(_WRITE_DONE, written)

    def record(self, script: Script) -> None:
        super().record(script)
        self._given.execute(_FORGET, (script.id,))

    def _concurrently(self, statement: str, what: str, name: str) -> None:
        """Make or drop an index beside those who write."""
        # It waits for the transactions of others to end, and nobody waits for it meanwhile.
        self._given.execute(f"SET lock_timeout = {int(self._patience * 1000)}")
        found = self._given.execute(_INDEX, (name,)).fetchone()
        if what == "CREATE" and found == (False,):
            # An earlier attempt was interrupted; what it left is kept up but of no use.
            self._given.execute(f"DROP INDEX CONCURRENTLY {name}")
            found = None
        if (what == "CREATE") == (found is None):
            self._given.execute(statement.encode())

    def patiently(self, work: Callable[[], object]) -> None:
        """Do the work inside of the transaction; undo it and come again where locks are taken."""
        deadline = time.monotonic() + self._patience
        self._given.execute(f"SET LOCAL lock_timeout = {_LOCK_WAIT}")
        pause = _PAUSE[0]
        while True:
            try:
                with self._given.transaction():
                    work()
                return
            except (LockNotAvailable, DeadlockDetected):
                if time.monotonic() > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE[1])

    # The methods below replace parts of yoyo.

    def cursor(self) -> Any:
        return _Cursor(self._given)

    def execute(self, sql: str, params: Any = None) -> Any:
        if params:
            return super().execute(sql, params)
        return self._given.execute(sql.encode())

    def begin(self) -> None:
        self._given.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        self._in_transaction = True

    def commit(self) -> None:
        self._in_transaction = False
        with committing(self._given):
            self._given.execute("COMMIT")

    def rollback(self) -> None:
        self._in_transaction = False
        if self._given.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            self._given.execute("ROLLBACK")
