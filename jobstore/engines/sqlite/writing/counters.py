"""The exact counts that the writer keeps in a table, and the statistics that are read from them.

Every write adds its changes to a :class:`~jobstore.derived.counters.Tally`; the transaction writes
the tally once, before it commits, so counts and rows always agree. Counting never
reads postings. Quartiles of salaries are kept as well: the writer finds them anew for the
currencies that a transaction changed, so that reading them costs a row each.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from jobstore.derived.counters import (
    CURRENCY,
    MOST_SOURCES,
    TOP,
    Tally,
    last_days,
    quartiles,
)
from jobstore.derived.statistics import assembled
from jobstore.engines import named_statements
from jobstore.engines.rows import sound
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.records import Statistics

_SQL = named_statements.load("sqlite")
_AFTER_DIGITS = "g"


def write(conn: sqlite3.Connection, tally: Tally) -> None:
    """Add a tally to the stored counts."""
    changed = tally.changed()
    conn.executemany(_SQL["add_to_counter"], changed)
    conn.executemany(_SQL["drop_empty_counter"], [row[:2] for row in changed if row[3] < 0])
    for currency in sorted({value[:CURRENCY] for kind, value, *_ in changed if kind == "salary"}):
        _write_quartiles(conn, currency)


def write_all_quartiles(conn: sqlite3.Connection) -> None:
    """Write the quartiles of every currency, whatever is stored of them."""
    kept = {value for value, *_ in conn.execute(_SQL["every_quartiles"])}
    counted = {value[:CURRENCY] for (value,) in conn.execute(_SQL["every_salary_bucket"])}
    for currency in sorted(kept | counted):
        _write_quartiles(conn, currency)


def total(conn: sqlite3.Connection) -> int:
    """Return the number of postings."""
    row = conn.execute(_SQL["counted_total"]).fetchone()
    return 0 if row is None else int(row[0])


@sound
def statistics(conn: sqlite3.Connection, now: datetime) -> Statistics:
    """Return the statistics as of ``now``, from one consistent state of the store."""
    days = last_days(now.date())
    bound = {"since": days[0][1], "sources": MOST_SOURCES, "top": TOP}
    with snapshot(conn):
        counted = conn.execute(_SQL["shown_counters"], bound).fetchall()
        applications = conn.execute(_SQL["application_counts"]).fetchall()
        return assembled(
            *(counted, days, lambda: conn.execute(_SQL["applicant_bounds"]).fetchone()),
            applications,
        )


def _write_quartiles(conn: sqlite3.Connection, currency: str) -> None:
    if (found := _quartiles(conn, currency)) is None:
        conn.execute(_SQL["drop_quartiles"], (currency,))
    else:
        conn.execute(_SQL["write_quartiles"], (currency, *found))


def misplaced_quartiles(conn: sqlite3.Connection) -> Iterator[str]:
    """Name the currencies whose quartiles are not those of the counted salaries."""
    kept = {
        value: (label, amount) for value, label, amount in conn.execute(_SQL["every_quartiles"])
    }
    counted = {value[:CURRENCY] for (value,) in conn.execute(_SQL["every_salary_bucket"])}
    for currency in sorted(kept.keys() | counted):
        try:
            right = _quartiles(conn, currency) == kept.get(currency)
        except LookupError:
            right = False
        if not right:
            yield f"the quartiles of {currency} are not those of its salaries"


def _quartiles(conn: sqlite3.Connection, currency: str) -> tuple[str, int] | None:
    buckets = _between(conn, "salary_bucket", currency)
    return quartiles(buckets, partial(_between, conn, "salary"))


def _between(conn: sqlite3.Connection, kind: str, start: str) -> list[tuple[str, int]]:
    """Return the counters whose values begin with a text, in order."""
    return conn.execute(_SQL["counters_between"], (kind, start, start + _AFTER_DIGITS)).fetchall()
