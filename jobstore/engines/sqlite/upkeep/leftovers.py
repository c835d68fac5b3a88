"""Tables that nobody uses any more, and that go in pieces: dropping a large one takes seconds.

They are known by their names, which begin with ``leftover_``: a migration, or :func:`replace`,
renames a table so, and whoever looks after the store next removes it. Every function runs in a
transaction of its caller. The names in its statements are those that our own migrations gave, and
never a caller's value.
"""

from __future__ import annotations

import re
import sqlite3

from jobstore.engines.sqlite.schema import LEFTOVER

# About SQLite itself, whatever the schema.
_NAMES = """
SELECT s.name FROM sqlite_schema AS s
WHERE s.type = 'table' AND s.name GLOB 'leftover_*' ORDER BY s.rowid
"""
_DEFINED = "SELECT s.name, s.sql FROM sqlite_schema AS s WHERE s.tbl_name = ? AND s.sql IS NOT NULL"
_KIND = "SELECT l.type FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.name = ?"
_KEYS = "SELECT i.name FROM pragma_table_info(?) AS i WHERE i.pk > 0 ORDER BY i.pk"
# FTS5 keeps what it needs to open the table in the first rows of its largest one
# (https://sqlite.org/fts5.html#the_segment_b_trees_format); they go with the table itself.
_SEGMENTS = re.compile(r"leftover_\w+_data")
_HEAD_ROWS = 10


def names(conn: sqlite3.Connection) -> list[str]:
    """Return the tables that are left over, with those behind a full-text table."""
    return [name for (name,) in conn.execute(_NAMES)]


def replace(conn: sqlite3.Connection, table: str) -> None:
    """Put an empty table in the place of one that has rows, which becomes a leftover."""
    if _is_empty(conn, table):
        return
    defined = conn.execute(_DEFINED, (table,)).fetchall()
    settings = _settings(conn, table)
    aside = _free(conn, table)
    conn.execute(f'ALTER TABLE "{table}" RENAME TO "{aside}"')
    for name, _ in defined:
        if name != table:
            conn.execute(f'DROP INDEX "{name}"')
    # The table comes before its indexes.
    for _, sql in sorted(defined, key=lambda each: each[0] != table):
        conn.execute(sql)
    for setting in settings:
        # FTS5 takes settings by a column that has the name of the table.
        conn.execute(f'INSERT INTO "{table}" ("{table}", rank) VALUES (?, ?)', setting)  # nosec B608


def remove_some(conn: sqlite3.Connection, number: int) -> int | None:
    """Remove so many rows of what is left over, or a table without any; None if nothing is left."""
    found = names(conn)
    for name in found:
        (kind,) = conn.execute(_KIND, (name,)).fetchone()
        if kind == "virtual" or name.endswith("_config"):
            continue
        keys = [key for (key,) in conn.execute(_KEYS, (name,))] or ["rowid"]
        rows = ", ".join(f'"{key}"' if key != "rowid" else key for key in keys)
        stay = f"WHERE id > {_HEAD_ROWS}" if kind == "shadow" and _SEGMENTS.fullmatch(name) else ""
        # SQLite is not built to limit a DELETE everywhere, so the rows are chosen first.
        removed: int = conn.execute(
            f'DELETE FROM "{name}" WHERE ({rows}) IN (SELECT {rows} FROM "{name}" {stay} LIMIT ?)',  # nosec B608
            (number,),
        ).rowcount
        if removed:
            return removed
    for name in found:
        (kind,) = conn.execute(_KIND, (name,)).fetchone()
        if kind != "shadow":
            conn.execute(f'DROP TABLE "{name}"')
            return 0
    return None


def _free(conn: sqlite3.Connection, table: str) -> str:
    """Return a name for a table that steps aside."""
    taken, number = set(names(conn)), 1
    while (name := f"{LEFTOVER}{number}_{table}") in taken:
        number += 1
    return name


def _settings(conn: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """Return how a full-text table is kept, by what FTS5 remembers beside it."""
    (kind,) = conn.execute(_KIND, (table,)).fetchone()
    if kind != "virtual":
        return []
    # The version is FTS5's own, and no setting.
    found = conn.execute(f"SELECT c.k, c.v FROM \"{table}_config\" AS c WHERE c.k <> 'version'")  # nosec B608
    return found.fetchall()


def _is_empty(conn: sqlite3.Connection, table: str) -> bool:
    (kind,) = conn.execute(_KIND, (table,)).fetchone()
    # An index without content cannot be asked for its rows; each leaf of it is a row of this one.
    rows, head = (f"{table}_data", _HEAD_ROWS) if kind == "virtual" else (table, None)
    where = "" if head is None else f"WHERE id > {head}"
    return conn.execute(f'SELECT 1 FROM "{rows}" {where} LIMIT 1').fetchone() is None  # nosec B608
