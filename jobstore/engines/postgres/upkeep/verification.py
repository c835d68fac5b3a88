"""Reading every row of a store on a server, and comparing what is kept twice.

Nothing is changed here; the caller gives a connection. What is compared with each row is said in
:mod:`jobstore.engines.verifying`; here is what only this engine keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from jobstore.derived.counters import Counted, quartiles
from jobstore.engines import named_statements
from jobstore.engines.kept import FOLLOWING, KEPT
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.search.vectors import Indexed, indexed
from jobstore.engines.postgres.tables import tables
from jobstore.engines.rows import LISTED_AT, LISTED_TIE
from jobstore.engines.verifying import (
    Content,
    Counters,
    Digests,
    Faults,
    Order,
    Postings,
    RowCheck,
    called,
    hexadecimal,
    history,
    life,
)
from jobstore.verdicts import Check

_SQL = named_statements.load("postgres")

Connection = psycopg.Connection[tuple[Any, ...]]

# Rows that are fetched, and postings whose words are compared, at a time.
SLICE = 500


def verify_rows(conn: Connection) -> list[Check]:
    """Read every posting and what belongs to it, as of one moment; return a finding each.

    In a transaction that is open it is the state of that one.
    """
    with snapshot(conn):
        readable = Postings(indexed)
        checks: list[RowCheck] = [
            Digests(),
            # Differs by necessity: two transactions at once may take the same tie.
            Order(lambda row: (row[LISTED_AT], row[LISTED_TIE], row[0])),
            _Words(conn),
            Counters(partial(_fetched, conn, "every_count"), partial(misplaced_quartiles, conn)),
        ]
        for row in rows_of(conn, "every_posting"):
            name = f"posting {hexadecimal(row[0])}"
            content = readable.read(name, row)
            for check in checks:
                check.see(name, row, content)
        findings = [readable.finding(), *(check.finding() for check in checks)]
        return [
            *findings,
            history(rows_of(conn, "every_revision")),
            life((kept, rows_of(conn, tables(kept).every)) for kept in KEPT),
            _orphans(conn),
        ]


@contextmanager
def snapshot(conn: Connection) -> Iterator[None]:
    """Let a block see one moment, with the tables that there are at its beginning."""
    if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        yield
        return
    hold = schema.locking(conn, schema.HOLD)
    conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        # This takes no snapshot, and waits for who replaces the tables just now.
        conn.execute(hold)
        yield
    finally:
        if not conn.closed:
            conn.execute("ROLLBACK")


def rows_of(conn: Connection, name: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement, some at a time; in a transaction."""
    with conn.cursor("rows") as cursor:
        cursor.itersize = SLICE
        cursor.execute(_SQL.get(name, name), binary=True)
        yield from cursor


def _fetched(conn: Connection, name: str) -> list[tuple[Any, ...]]:
    return conn.execute(_SQL[name]).fetchall()


class _Words:
    """What searches look into is made of the words of each posting."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._faults = Faults()
        self._slice: list[tuple[bytes, Indexed]] = []

    def see(self, name: str, row: Sequence[Any], content: Content[Indexed] | None) -> None:
        if content is None:
            return
        self._slice.append((row[0], content.words))
        if len(self._slice) == SLICE:
            self._compare()

    def finding(self) -> Check:
        self._compare()
        return self._faults.finding("words", "the index has the words of every posting")

    def _compare(self) -> None:
        if self._slice:
            for (id,) in self._conn.execute(_SQL["other_words"], columns(self._slice)):
                self._faults.add(f"posting {hexadecimal(id)} has other words in the index")
            self._slice.clear()


def columns(
    words: Sequence[tuple[bytes, Indexed]],
) -> tuple[list[UUID], list[str], list[str | None]]:
    """Return ids, and what the columns of words hold, as arrays."""
    ids = [UUID(bytes=id) for id, _ in words]
    return ids, [each.vector for _, each in words], [each.spoken for _, each in words]


def misplaced_quartiles(conn: Connection) -> Iterator[str]:
    """Name the currencies whose quartiles are not those of the counted salaries.

    Of those with changes that wait to be added up none are kept that could be wrong.
    """
    pending = {currency for (currency,) in _fetched(conn, "pending_currencies")}
    kept = {value: (label, amount) for value, label, amount in _fetched(conn, "every_quartiles")}
    counted = {currency for (currency,) in _fetched(conn, "counted_currencies")}
    for currency in sorted((kept.keys() | counted) - pending):
        try:
            buckets = counted_beginning(conn, "salary_bucket", currency)
            right = quartiles(buckets, partial(counted_beginning, conn, "salary")) == kept.get(
                currency
            )
        except LookupError:
            right = False
        if not right:
            yield f"the quartiles of {currency} are not those of its salaries"


def counted_beginning(conn: Connection, kind: str, start: str) -> Counted:
    """Return the counts of a kind whose values begin with a text, in order."""
    return conn.execute(_SQL["counters_beginning"], {"kind": kind, "starts": [start]}).fetchall()


def octets(conn: Connection) -> int:
    """Return the bytes of the tables, with their indexes and long values."""
    row = conn.execute(_SQL["octets_of_tables"]).fetchone()
    return 0 if row is None else int(row[0])


def _orphans(conn: Connection) -> Check:
    faults = Faults(
        f"version {version} of posting {hexadecimal(id)}"
        for id, version in conn.execute(_SQL["orphaned_revisions"])
    )
    for kept in FOLLOWING:
        for row in conn.execute(tables(kept).orphans):
            faults.add(called(kept, row))
    return faults.finding("orphans", "nothing that belongs to a posting is without it")
