"""The condition of a database file, and how it differs from an earlier state; it is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection
from urllib.parse import quote

from jobstore.engines import named_statements
from jobstore.engines.archive import Astray, Loss
from jobstore.engines.backend import Condition
from jobstore.engines.kept import TOLD, Kept
from jobstore.engines.rows import DamagedRow
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import SchemaMismatch
from jobstore.files import reachable, require_file

_SQL = named_statements.load("sqlite")

_COUNT = 'SELECT COUNT({}) FROM "{}"'

_TABLE_OF_EARLIER = "SELECT 1 FROM earlier.sqlite_schema AS s WHERE s.name = ?"
_ALL = "SELECT count(*) FROM main.{name}"
_LACKING = (
    "SELECT count(*) FROM "
    "(SELECT {columns} FROM main.{name} EXCEPT SELECT {columns} FROM earlier.{name})"
)

# Seconds to wait for other processes.
_PATIENCE = 10.0
_MICROSECONDS = 1_000_000


def condition(path: Path) -> Condition:
    """Return what stands at ``path``; raises StoreUnavailable or StoreCorrupt."""
    require_file(path)
    with reachable(path):
        if not path.exists():
            return Condition()
    with translated(), schema.reading(path, _PATIENCE) as conn:
        migrations = tuple(each.id for each in schema.recorded(conn))
        tables = schema.objects(conn)
        return Condition(
            exists=True,
            migrations=migrations,
            derived_form=schema.derived_form(conn) if "store_property" in tables else 0,
            postings=conn.execute(_SQL["count_postings"]).fetchone()[0]
            if "posting" in tables
            else 0,
        )


def count_in(path: Path, name: str) -> int:
    """Do what :func:`count` does in a file."""
    with translated(), schema.reading(path, _PATIENCE) as conn:
        return count(conn, name)


def count(conn: Connection, name: str) -> int:
    """Count the rows of a table, or with ``table.column`` those that have a value there."""
    table, _, column = name.partition(".")
    # The names are those of our own migrations.
    number: int = conn.execute(_COUNT.format(column or "*", table)).fetchone()[0]
    return number


def compare(path: Path, earlier: Path) -> Loss:
    """Do what :meth:`jobstore.engines.archive.Archive.compare` says."""
    if not path.exists():
        return Loss()
    with _beside(path, earlier) as conn:
        if "posting" not in schema.objects(conn):
            return Loss()
        return loss(conn)


def differing(aside: Path, path: Path) -> Connection | None:
    """Open what was set aside beside what has its place, both as they are now, for :func:`loss`.

    Returns ``None`` where the first has no postings, or cannot be read.
    """
    if not aside.exists():
        return None
    conn = open_file(aside, "ro&immutable=1", _PATIENCE)
    try:
        if "posting" not in schema.objects(conn):
            raise SchemaMismatch
        conn.execute("ATTACH ? AS earlier", (f"file:{quote(str(path))}?mode=ro",))
        conn.execute("BEGIN")
        # The first read decides the moment.
        conn.execute(_SQL["posting_of_earlier"]).fetchone()
    except (sqlite3.Error, DamagedRow, SchemaMismatch):
        conn.close()
        return None
    return conn


def loss(conn: Connection) -> Loss:
    """Return what a database has that the one which is attached as ``earlier`` lacks."""
    added, changed, seen = conn.execute(_SQL["newer_postings"]).fetchone()
    (removed,) = conn.execute(_SQL["removed_postings"]).fetchone()
    beside = sum(_lacking(conn, kept) for kept in TOLD)
    return Loss(added, changed, seen, removed, beside)


def _lacking(conn: Connection, kept: Kept) -> int:
    """Count the rows of a table that the earlier state lacks or has otherwise."""
    if kept.name not in schema.objects(conn):
        return 0
    there = conn.execute(_TABLE_OF_EARLIER, (kept.name,)).fetchone()
    statement = _LACKING if there else _ALL
    number: int = conn.execute(
        statement.format(name=kept.name, columns=", ".join(kept.stored))
    ).fetchone()[0]
    return number


def compare_moment(path: Path, copy: Path, before: int, after: int) -> Astray:
    """Do what :meth:`jobstore.engines.archive.Archive.compare_moment` says."""
    with _beside(path, copy) as conn:
        missing, other, compared = conn.execute(
            _SQL["astray_postings"], (before * _MICROSECONDS,)
        ).fetchone()
        (later,) = conn.execute(_SQL["later_postings"], (after * _MICROSECONDS,)).fetchone()
        return Astray(missing, other, later, compared)


@contextmanager
def _beside(path: Path, earlier: Path) -> Iterator[Connection]:
    """Open a store as it is at this moment, with a copy that nobody writes to attached to it."""
    with translated(), closing(open_file(path, "ro", _PATIENCE)) as conn:
        conn.execute("ATTACH ? AS earlier", (f"file:{quote(str(earlier))}?mode=ro&immutable=1",))
        conn.execute("BEGIN")
        yield conn
        conn.execute("ROLLBACK")
