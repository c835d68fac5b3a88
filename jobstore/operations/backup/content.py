"""What a copy of a store holds: its rows, their digest, and whether it is sound.

Only copies are read here, which nobody else has open; the live store is none of them. They are
opened as immutable, so that nothing is written beside them, and they may come from anywhere.

The digest covers every column of every table but the counters, which follow from the rest, the
store's own properties and the record of migrations. It is the sum, modulo 2^256, of the SHA-256
of each row, so it depends neither on the order of rows nor on the pages that they are in; a
posting's place, which moves, counts for nothing, and rows that belong to a place count with the
posting's id instead. It finds accidents and damage, not a forger who makes all of it anew;
encrypting to a public key keeps none out either, since anybody can do that.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import DamagedRow, translated
from jobstore.errors import BackupError, SchemaMismatch, StoreCorrupt
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.scratch import Progress
from jobstore.statements import catalog

_SQL = catalog.load("sqlite")

# About SQLite itself, whatever the schema.
_TABLES = "SELECT l.name FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.type = 'table'"
_COLUMNS = "SELECT i.name FROM pragma_table_info(?) AS i"

_NOT_CONTENT = schema.BOOKKEEPING | {"counter", "store_property"}
_PLACE = "place"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROWS_BETWEEN_NEWS = 5000


class Content(NamedTuple):
    """What a copy holds; the fields are those of :class:`Manifest`."""

    migrations: tuple[str, ...]
    tables: dict[str, int]
    digest: str
    store: str


def read_content(path: Path, progress: Progress, *, thorough: bool) -> Content:
    """Check the pages of a copy, count its rows and digest them.

    ``thorough`` compares the indexes with the rows as well. Raises StoreCorrupt when it is
    damaged or no store, SchemaMismatch when it has no tables.
    """
    with translated(), opened(path) as conn:
        progress("check pages", 0, 0)
        _check_pages(conn, "integrity_check" if thorough else "quick_check")
        migrations = tuple(each.id for each in schema.recorded(conn))
        if not migrations:
            raise SchemaMismatch("The store is empty, without tables; run jobstore migrate up.")
        tables = _count(conn)
        return Content(migrations, tables, _digest(conn, tables, progress), _store(conn))


def check_content(path: Path, manifest: Manifest, progress: Progress) -> None:
    """Raise BackupError unless an unpacked copy is sound and holds what its manifest says."""
    try:
        content = read_content(path, progress, thorough=True)
    except (StoreCorrupt, SchemaMismatch) as error:
        raise BackupError(
            f"Backup {manifest.name} is damaged inside; use another one. ({error})"
        ) from error
    for name in Content._fields:
        if getattr(content, name) != getattr(manifest, name):
            raise BackupError(
                f"Backup {manifest.name} holds other {name} than its manifest says; use another."
            )


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy for reading, while the block lasts."""
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as conn:
        # What a stranger's schema brings along is not run.
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
    named = [name for name in tables if name not in _NOT_CONTENT]
    total = sum(tables[name] for name in named)
    numbers = count(1)
    whole = hashlib.sha256()
    for name in named:
        columns = [_plain(column) for (column,) in conn.execute(_COLUMNS, (name,))]
        added = 0
        for row in conn.execute(_every_row(name, columns)):
            # The same text in every version of Python, and different for different values.
            digest = hashlib.sha256(ascii(row).encode("ascii")).digest()
            added = (added + int.from_bytes(digest)) % 2**256
            number = next(numbers)
            if number % _ROWS_BETWEEN_NEWS == 0:
                progress("digest", number, total)
        whole.update(f"{name} {' '.join(columns)} {added:x}\n".encode())
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


def _store(conn: sqlite3.Connection) -> str:
    row = conn.execute(_SQL["cursor_key"]).fetchone()
    if row is None or not isinstance(row[0], bytes):
        raise DamagedRow("the store has lost its own properties")
    # The key itself is a secret of the store.
    return hashlib.sha256(b"jobstore backup" + row[0]).hexdigest()[:16]
