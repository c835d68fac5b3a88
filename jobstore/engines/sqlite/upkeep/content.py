"""What a copy of a store holds: its rows, their digest, and whether it is sound.

Only copies are read here, never the live store, and nobody else has them open. They are opened as
immutable, so that nothing is written beside them. They may come from anywhere, so their schema has
to be the one that their migrations make: whoever opens a store runs its triggers and views.

The digest covers every column of every table but the counters, which follow from the rest, what
builds such things anew, the store's own properties and the record of migrations. It depends neither
on the order of rows nor on the pages that they are in (:class:`~jobstore.derived.digests.RowSum`);
a posting's place, which moves, is left out, and rows that belong to a place count with the
posting's id instead. The digest finds accidents and damage, but no forger who makes all of it anew;
neither does encryption, since anybody can encrypt to a public key.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jobstore import resources
from jobstore.derived.digests import RowSum, store_identity
from jobstore.engines import named_statements
from jobstore.engines.archive import Content
from jobstore.engines.kept import MADE
from jobstore.engines.rows import DamagedRow
from jobstore.engines.schema import BOOKKEEPING
from jobstore.engines.scripts import Script, read_scripts
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.log.stamps import MAGIC
from jobstore.engines.sqlite.upkeep import renewal
from jobstore.engines.sqlite.writing import renewing
from jobstore.engines.sqlite.yoyo_backend import made_by
from jobstore.errors import BackupError, SchemaMismatch, StoreCorrupt
from jobstore.progress import Progress

_SQL = named_statements.load("sqlite")

# About SQLite itself, whatever the schema.
_TABLES = "SELECT l.name FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.type = 'table'"
_SHADOWS = "SELECT l.name FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.type = 'shadow'"
_SCHEMA = "SELECT s.type, s.name, s.sql FROM sqlite_schema AS s"
_COLUMNS = "SELECT i.name FROM pragma_table_info(?) AS i"

# Made by SQLite itself, and by those who apply migrations.
_NOT_OURS = BOOKKEEPING | {"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}
_NOT_CONTENT = BOOKKEEPING | {
    *("counter", "store_property", "renewal", "renewal_change", "renewal_counter"),
    *("block", *(each.name for each in MADE)),
}
_PLACE = "place"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROWS_BETWEEN_NEWS = 5000

_Objects = frozenset[tuple[str, str, str]]


def fits(head: bytes, octets: int) -> bool:
    """Do what :meth:`jobstore.engines.archive.Archive.fits` says."""
    if not head.startswith(MAGIC):
        return False
    if head[24:28] != head[92:96]:
        # The number of pages is not valid: the last writer did not write it.
        return True
    page = int.from_bytes(head[16:18])
    return (65536 if page == 1 else page) * int.from_bytes(head[28:32]) == octets


def read(path: Path, progress: Progress, *, thorough: bool, own: bool = False) -> Content:
    """Do what :meth:`jobstore.engines.archive.Archive.read` says."""
    try:
        with translated(), opened(path) as conn:
            migrations = tuple(each.id for each in schema.recorded(conn))
            if not migrations:
                raise SchemaMismatch("The store is empty, without tables; run jobstore migrate up.")
            if own:
                _require_own_schema(conn, migrations)
            progress("check pages", 0, 0)
            _check_pages(conn, "integrity_check" if thorough else "quick_check")
            tables = _count(conn)
            return Content(migrations, tables, _digest(conn, tables, progress), store_of(conn))
    except (TypeError, ValueError) as error:
        # No writer of ours stores such values.
        raise StoreCorrupt(f"Values that nothing expects are in it ({error}).") from error


def newer(path: Path) -> str | None:
    """Do what :meth:`jobstore.engines.archive.Archive.newer` says."""
    with translated(), opened(path) as conn:
        known = _scripts()
        unknown = {each.id for each in schema.recorded(conn)} - known.keys()
        if unknown and "" < schema.compatible(conn) <= max(known):
            # Programs of this version may go on with it.
            return None
        if unknown:
            return f"has a schema that this jobstore does not know ({max(unknown)})"
        if schema.derived_form(conn) > renewing.DERIVED_FORM:
            return "was written by a newer jobstore"
    return None


def _scripts() -> dict[str, Script]:
    """Return the migrations that this jobstore knows."""
    return {script.id: script for script in read_scripts(resources.migrations_folder("sqlite"))}


def _require_own_schema(conn: sqlite3.Connection, migrations: tuple[str, ...]) -> None:
    known = _scripts()
    if not known.keys() >= {*migrations}:
        return
    scripts = tuple(known[id] for id in migrations)
    shadows, expected = _expected(scripts, schema.compatible(conn))
    # What follows the changes of others stands only while something is built anew.
    passing = renewal.triggers()
    found = frozenset(each for each in _objects(conn, shadows) if each[2] not in passing)
    # A further index does nothing by itself, so an operator may add one.
    if expected - found or any(kind != "index" for kind, *_ in found - expected):
        raise BackupError(
            "It has tables, views or triggers that its migrations did not make, or lacks some; "
            "if they are your own, add --accept foreign."
        )


def _objects(conn: sqlite3.Connection, shadows: frozenset[str]) -> _Objects:
    """Return the objects of a schema: kind, name and definition.

    The tables behind a virtual table are left out: its module defines them.
    """
    return frozenset(
        (kind, name, "" if kind == "table" and name in shadows else " ".join((sql or "").split()))
        for kind, name, sql in conn.execute(_SCHEMA)
        # Tables that nobody uses any more do nothing by themselves.
        if kind != "table" or (name not in _NOT_OURS and not name.startswith(schema.LEFTOVER))
    )


@cache
def _expected(scripts: tuple[Script, ...], compatible: str) -> tuple[frozenset[str], _Objects]:
    """Return what migrations make, by running them: the tables behind others, and everything."""
    with made_by(scripts, compatible) as conn:
        shadows = frozenset(name for (name,) in conn.execute(_SHADOWS))
        return shadows, _objects(conn, shadows)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy for reading, while the block lasts."""
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
        # Nothing that a stranger's schema defines is run.
        conn.execute("PRAGMA trusted_schema = OFF")
        conn.execute("PRAGMA cell_size_check = ON")
        yield conn


def _check_pages(conn: sqlite3.Connection, check: str) -> None:
    faults = [row[0] for row in conn.execute(f"PRAGMA {check}(1)")]
    if faults != ["ok"]:
        raise StoreCorrupt("The database is damaged; run 'jobstore doctor', restore a backup.")


def _count(conn: sqlite3.Connection) -> dict[str, int]:
    from pypika import Table
    from pypika.functions import Count

    names = [name for (name,) in conn.execute(_TABLES) if not name.startswith("sqlite_")]
    return {
        name: conn.execute(_query(Table(_plain(name))).select(Count("*")).get_sql()).fetchone()[0]
        for name in sorted(names)
    }


def _digest(conn: sqlite3.Connection, tables: dict[str, int], progress: Progress) -> str:
    named = [
        name for name in tables if name not in _NOT_CONTENT and not name.startswith(schema.LEFTOVER)
    ]
    total = sum(tables[name] for name in named)
    numbers = count(1)
    whole = hashlib.sha256()
    for name in named:
        columns = [_plain(column) for (column,) in conn.execute(_COLUMNS, (name,))]
        added = RowSum()
        for row in conn.execute(_every_row(name, columns)):
            added.add(row)
            number = next(numbers)
            if number % _ROWS_BETWEEN_NEWS == 0:
                progress("digest", number, total)
        whole.update(f"{name} {' '.join(columns)} {added}\n".encode())
    progress("digest", total, total)
    return whole.hexdigest()


def _every_row(name: str, columns: list[str]) -> str:
    from pypika import Table

    table, posting = Table(name), Table("posting")
    query = _query(table).select(*(table[each] for each in columns if each != _PLACE))
    if _PLACE in columns and name != "posting":
        query = query.left_join(posting).on(posting.place == table.place).select(posting.id)
    sql: str = query.get_sql()
    return sql


def _query(table: Any) -> Any:
    from pypika import SQLLiteQuery

    return SQLLiteQuery.from_(table)


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StoreCorrupt("The database has tables that jobstore did not make.")
    return name


def store_of(conn: sqlite3.Connection) -> str:
    """Return what tells the copies of one store from those of others."""
    row = conn.execute(_SQL["cursor_key"]).fetchone()
    if row is None or not isinstance(row[0], bytes):
        raise DamagedRow("the store has lost its own properties")
    return store_identity(row[0])
