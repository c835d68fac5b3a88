"""The tables of a database as migrations see them: what it says of itself, and what is in it.

Only statements about the record of migrations and the server's catalogue live here; sql/ has what
is asked of the tables that this version's migrations make. Tables stand in the first schema of the
search path, which is ``public`` unless the URL or the role says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from jobstore.engines import named_statements
from jobstore.engines.kept import BY_NAME
from jobstore.engines.rows import sound
from jobstore.engines.schema import BOOKKEEPING, INVALID, Applied, Recorded
from jobstore.engines.scripts import read_scripts
from jobstore.errors import StoreCorrupt, StoreUnavailable
from jobstore.resources import migrations_folder

_SQL = named_statements.load("postgres")

Connection = psycopg.Connection[tuple[Any, ...]]

DERIVED_FORM = 1
"""The form of what is derived from postings; it stands in each row of table posting (``form``). It
changes with plain texts (:mod:`jobstore.intake.markup`), with the words of the index, the kinds of
counters and the digests; rows in an older form are brought along by ``jobstore migrate up``."""

STEPS = "_migration_step"
"""The table of migrations that are half done."""

KEPT = BOOKKEEPING | {STEPS}
"""The tables of the record of migrations."""

WRITTEN = frozenset({"posting", "revision", "counter", "counter_delta", "store_property", *BY_NAME})
"""The tables that a store writes to."""

_INDEX = re.compile(r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(\w+)\s+ON", re.IGNORECASE)

_OURS = frozenset({"posting", "store_property"})

_RECORDED = """
SELECT m.migration_id, c.checksum, m.applied_at_utc
FROM _yoyo_migration AS m LEFT JOIN _migration_checksum AS c ON c.id = m.migration_id
ORDER BY m.migration_id COLLATE "C"
"""
# What belongs to an extension is not counted: pg_stat_statements puts views there.
_RELATIONS = """
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = {namespace} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (
        SELECT 1 FROM pg_depend AS d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
"""
# Where this is another role.
_OWNER = """
SELECT pg_get_userbyid(c.relowner)::text FROM pg_class AS c
WHERE c.oid = to_regclass('posting') AND NOT pg_has_role(c.relowner, 'USAGE')
"""
_HERE = "current_schema()::regnamespace"
_TEMPORARY = "pg_my_temp_schema()"

# Each as name and definition; {namespace} is where they stand. Not-null rules are told with the
# columns, as only newer servers have them as constraints too.
_OBJECTS = """
SELECT c.relname, 'table ' || coalesce(array_to_string(c.reloptions, ','), '') || ' ('
    || string_agg(
        a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
            || coalesce(' collate ' || o.collname, '')
            || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
            || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
            || a.attidentity::text || a.attgenerated::text
            || CASE WHEN a.attstattarget > 0 THEN ' statistics ' || a.attstattarget ELSE '' END,
        ', ' ORDER BY a.attname
    ) || ')'
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_collation AS o ON o.oid = a.attcollation AND a.attcollation <> t.typcollation
WHERE c.relnamespace = {namespace} AND c.relkind IN ('r', 'p')
GROUP BY c.oid, c.relname, c.reloptions
UNION ALL
SELECT c.relname || '.' || r.conname,
    pg_get_constraintdef(r.oid) || CASE WHEN r.convalidated THEN '' ELSE ' (not validated)' END
FROM pg_constraint AS r JOIN pg_class AS c ON c.oid = r.conrelid
WHERE c.relnamespace = {namespace} AND r.contype <> 'n'
UNION ALL
SELECT c.relname, CASE WHEN i.indisvalid THEN '' ELSE '{invalid}' END
    || pg_get_indexdef(c.oid, 0, true)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = {namespace}
UNION ALL
SELECT c.relname, 'view ' || pg_get_viewdef(c.oid, true)
FROM pg_class AS c WHERE c.relnamespace = {namespace} AND c.relkind = 'v'
UNION ALL
SELECT t.tgname, pg_get_triggerdef(t.oid, true)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = {namespace} AND NOT t.tgisinternal
"""


LOCK_OUT_WRITERS = "SHARE ROW EXCLUSIVE"
"""Who reads goes on."""
HOLD = "ACCESS SHARE"
"""Nobody replaces the tables; it takes no snapshot."""


def locking(conn: Connection, mode: LiteralString) -> sql.Composed:
    """Return the statement that locks all tables that a store writes to, as far as they are there.

    It is to be asked for before a transaction begins, and run at its beginning.
    """
    tables = sorted(relations(conn) & WRITTEN)
    return sql.SQL("LOCK TABLE {} IN {} MODE").format(
        sql.SQL(", ").join(map(sql.Identifier, tables)), sql.SQL(mode)
    )


def relations(conn: Connection) -> frozenset[str]:
    """Return the names of all tables and views in the schema that the store is in.

    Raises StoreUnavailable where there is no such schema.
    """
    row = conn.execute(_SQL["schema_here"]).fetchone()
    if row is None or row[0] is None:
        raise StoreUnavailable(
            "The search path names no schema that this role may use; have the owner of the "
            "database run: CREATE SCHEMA public; and 'jobstore migrate roles' for this role."
        )
    found = conn.execute(_RELATIONS.format(namespace=_HERE).encode())
    return frozenset(name for (name,) in found)


def indexes() -> frozenset[str]:
    """Return the names of the indexes that migrations make, and of those of primary keys."""
    texts = (each.text("up") for each in read_scripts(migrations_folder("postgres")))
    named = {name for text in texts for name in _INDEX.findall(text)}
    return frozenset(named | {f"{table}_pkey" for table in WRITTEN | KEPT})


@sound
def recorded(conn: Connection) -> list[Recorded]:
    """Return the migrations that were applied, in order; none for an empty database.

    Raises StoreCorrupt when the tables are another program's.
    """
    found = relations(conn)
    if not {"_migration_checksum", "_yoyo_migration"} <= found:
        if found >= _OURS:
            raise StoreCorrupt("The store has lost the record of its migrations; restore a backup.")
        if found:
            raise StoreCorrupt(
                "The database has tables of another program, and was not touched; give jobstore a "
                "database of its own: createdb jobs"
            )
        return []
    return [
        Recorded(id, checksum, applied_at.replace(tzinfo=UTC))
        for id, checksum, applied_at in conn.execute(_RECORDED)
    ]


def has_properties(conn: Connection) -> bool:
    """Whether there is a place for facts about the store itself."""
    return "store_property" in relations(conn)


def read_property(conn: Connection, name: str) -> bytes:
    """Return a fact about the store; nothing where there is none."""
    row = conn.execute(_SQL["store_property"], (name,)).fetchone() if has_properties(conn) else None
    return b"" if row is None else bytes(row[0])


def write_property(conn: Connection, name: str, value: bytes) -> None:
    """Write a fact about the store, where there is a place for it."""
    if has_properties(conn):
        conn.execute(_SQL["write_property"], (name, value))


def drop_property(conn: Connection, name: str) -> None:
    """Forget a fact about the store."""
    if has_properties(conn):
        conn.execute(_SQL["drop_property"], (name,))


def derived_form(conn: Connection) -> int:
    """Return the form of what is derived from postings; 0 where there is none."""
    return int.from_bytes(read_property(conn, "derived_form"), "big")


def compatible(conn: Connection) -> str:
    """Return the oldest migration whose programs may go on; ``""`` where that is not said."""
    return read_property(conn, "compatible").decode()


def applied(conn: Connection) -> Applied:
    """Return the schema of a database. Raises what :func:`recorded` raises."""
    row = conn.execute(_OWNER).fetchone()
    return Applied(recorded(conn), derived_form(conn), compatible(conn), row[0] if row else "")


def count(conn: Connection, name: str) -> int:
    """Count the rows of a table, or with ``table.column`` those that have a value there."""
    table, _, column = name.partition(".")
    statement = sql.SQL("SELECT count({}) FROM {}").format(
        sql.Identifier(column) if column else sql.SQL("*"), sql.Identifier(table)
    )
    (number,) = conn.execute(statement).fetchone() or (0,)
    return int(number)


def objects(conn: Connection, *, temporary: bool = False) -> dict[str, str]:
    """Return tables, rules, indexes, views and triggers by name, with what defines each.

    The record of migrations is left out. ``temporary``: those of this session alone.
    """
    namespace = _TEMPORARY if temporary else _HERE
    asked = _OBJECTS.format(namespace=namespace, invalid=INVALID)
    rows: Iterable[tuple[str, str]] = conn.execute(asked.encode())
    return {
        name: definition
        for name, definition in rows
        if not any(name == each or name.startswith((f"{each}.", f"{each}_pkey")) for each in KEPT)
    }
