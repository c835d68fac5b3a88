"""Keeping a database on a server small and quick, and what is asked of it from outside.

VACUUM, statistics for the planner, adding up what waits to be counted; nothing of the content
changes. Autovacuum does most of it by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from jobstore.engines import named_statements
from jobstore.engines.backend import Condition, Footprint, Vacuumed
from jobstore.engines.kept import BY_NAME
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.upkeep.verification import octets
from jobstore.engines.postgres.writing import counters
from jobstore.errors import StoreUnavailable
from jobstore.progress import Progress
from jobstore.settings import StoreURL

_SQL = named_statements.load("postgres")

Connection = psycopg.Connection[tuple[Any, ...]]

# In the order in which they are vacuumed: what is small comes first.
_TABLES = ("store_property", "counter", "counter_delta", *BY_NAME, "revision", "posting")


def footprint(url: StoreURL) -> Footprint:
    """Return the bytes of the tables; the server's log is shared by all of its databases."""
    with blocking(url) as conn:
        return Footprint(octets(conn), 0)


def condition(url: StoreURL) -> Condition:
    """Return what stands in a database."""
    with blocking(url) as conn:
        found = schema.applied(conn)
        there = "posting" in schema.relations(conn)
        return Condition(
            exists=True,
            migrations=tuple(each.id for each in found.migrations),
            derived_form=found.derived_form,
            postings=schema.count(conn, "posting") if there else 0,
        )


def count(url: StoreURL, name: str) -> int:
    """Do what :meth:`jobstore.engines.backend.Upkeep.count` says."""
    with blocking(url) as conn:
        return schema.count(conn, name)


@contextmanager
def locked(url: StoreURL, patience: float) -> Iterator[None]:
    """Keep everybody else from writing while the block lasts."""
    with blocking(url, patience=patience) as conn:
        locking = schema.locking(conn, schema.LOCK_OUT_WRITERS)
        with conn.transaction(force_rollback=True):
            conn.execute(locking)
            yield


def vacuum(url: StoreURL, *, stop_writers: bool, progress: Progress) -> Vacuumed:
    """Do what :meth:`jobstore.engines.backend.Upkeep.vacuum` says.

    Differs by necessity: what others can write beside stays in the server's files as free room for
    new rows. Only with ``stop_writers`` they are written anew, which readers wait for as well.
    """
    started = time.monotonic()
    with blocking(url) as conn:
        schema.recorded(conn)
        _require_owner(conn)
        before = octets(conn)
        how = "FULL, ANALYZE" if stop_writers else "ANALYZE"
        for number, table in enumerate(_TABLES):
            progress(f"vacuum {table}", number, len(_TABLES))
            conn.execute(
                sql.SQL("VACUUM ({}) {}").format(sql.SQL(how), sql.Identifier(table)),
                prepare=False,
            )
        progress("vacuum", len(_TABLES), len(_TABLES))
        return Vacuumed(before, octets(conn), round(time.monotonic() - started, 3), False)


def _require_owner(conn: Connection) -> None:
    row = conn.execute(_SQL["may_maintain"]).fetchone()
    if row is not None and not row[0]:
        raise StoreUnavailable(
            "Only the role that owns the tables can do this; give it in the store's URL. Nothing "
            "was changed."
        )


def optimize(url: StoreURL, *, patience: float) -> bool:
    """Give the planner new statistics, and add up what waits to be counted.

    ANALYZE reads a sample that does not grow with the table (30,000 rows for each hundred of the
    statistics target: https://www.postgresql.org/docs/current/sql-analyze.html).
    """
    with blocking(url, patience=patience) as conn:
        schema.recorded(conn)
        with conn.transaction():
            counters.answered_blocking(conn, counters.rolled_up())
        for table in _TABLES:
            conn.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)), prepare=False)
    return True
