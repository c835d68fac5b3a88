"""Roles of the server, each with no more rights than it needs on the store's tables.

The *owner* migrates: the tables are its own. The *writing* role reads and changes postings; the
*reading* role reads them. Neither makes, alters or drops anything, writes down which migrations
were applied, or grants what it has. Of the record of migrations they read what tells whether the
schema fits; the log of who applied what when is the owner's alone.

A statement is made of names that were checked and quoted; no password is set here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from jobstore.engines import named_statements
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.schema import Connection
from jobstore.engines.schema import Roles
from jobstore.errors import StoreUnavailable

_SQL = named_statements.load("postgres")

# What a program that opens a store asks for.
_RECORD = ("_yoyo_migration", "_migration_checksum")
# What only migrations write.
_SETTLED = frozenset({"store_property"})
_LONGEST = 63  # bytes of a name


def grant(conn: Connection, wanted: Roles, *, dry_run: bool) -> tuple[Roles, list[str]]:
    """Make the roles that are missing, and give each exactly its rights; inside a transaction.

    Returns the roles, and the statements that were run, or would be. Raises StoreUnavailable where
    a name cannot be one of a role, or that role can do everything anyway.
    """
    me, mighty, schema_name, database, rules, owner = _one(conn, "place_of_roles")
    roles = wanted._replace(owner=wanted.owner or owner or me)
    if len(set(roles)) < len(roles):
        raise StoreUnavailable("The owner, the writing and the reading role must differ.")
    missing = [name for name in roles if not _is_there(conn, _checked(name))]
    for name in (roles.writer, roles.reader):
        if name not in missing:
            _require_lesser(conn, name, roles.owner)
    ours = _ours(conn)
    tables = [name for name, is_view, _ in ours if not is_view]
    views = [name for name, is_view, _ in ours if is_view]
    # To give a table to who has it already would lock it for nothing.
    others = [name for name, _, owned_by in ours if owned_by != roles.owner]
    statements = [
        statement.as_string(conn)
        for statement in (
            *(_sql("CREATE ROLE {} LOGIN", name) for name in missing),
            *([] if mighty or roles.owner == me else [_sql("GRANT {} TO {}", roles.owner, me)]),
            *_owning(roles.owner, schema_name, others),
            *_of_the_database(roles, database if rules else None),
            *_granting(roles, schema_name, tables, views),
        )
    ]
    if dry_run:
        return roles, statements
    try:
        for statement in statements:
            conn.execute(statement.encode())
    except InsufficientPrivilege as error:
        raise StoreUnavailable(
            "This account may not do that, and nothing was changed; use one that owns the store's "
            "tables and may make roles (CREATEROLE), or have a superuser run what --dry-run prints."
        ) from error
    return roles, statements


def _owning(owner: str, schema_name: str, relations: Iterable[str]) -> Iterator[sql.Composable]:
    yield _sql("GRANT USAGE, CREATE ON SCHEMA {} TO {}", schema_name, owner)
    for name in relations:
        yield _sql("ALTER TABLE {} OWNER TO {}", name, owner)


def _of_the_database(roles: Roles, database: str | None) -> Iterator[sql.Composable]:
    if database is not None:
        # Comparing the schema makes temporary tables; a restore makes ready what it puts in place
        # in a schema beside.
        yield _sql("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", database)
        yield _sql("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {} TO {}", database, roles.owner)
        for name in (roles.writer, roles.reader):
            yield _sql("REVOKE ALL ON DATABASE {} FROM {}", database, name)
            yield _sql("GRANT CONNECT ON DATABASE {} TO {}", database, name)


def _granting(
    roles: Roles, schema_name: str, tables: list[str], views: list[str]
) -> Iterator[sql.Composable]:
    yield _sql("REVOKE CREATE ON SCHEMA {} FROM PUBLIC", schema_name)
    both = (roles.writer, roles.reader)
    for name in both:
        yield _sql("REVOKE ALL ON SCHEMA {} FROM {}", schema_name, name)
        yield _sql("GRANT USAGE ON SCHEMA {} TO {}", schema_name, name)
    for relation in [*tables, *views]:
        yield _sql("REVOKE ALL ON {} FROM PUBLIC, {}, {}", relation, *both)
        if relation in schema.KEPT and relation not in _RECORD:
            continue
        for name in both:
            yield _sql("GRANT SELECT ON {} TO {}", relation, name)
    for relation in tables:
        if relation not in schema.KEPT | _SETTLED:
            yield _sql("GRANT INSERT, UPDATE, DELETE ON {} TO {}", relation, roles.writer)
    later = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} "
    for name in both:
        yield _sql(later + "REVOKE ALL ON TABLES FROM {}", roles.owner, schema_name, name)
        yield _sql(later + "GRANT SELECT ON TABLES TO {}", roles.owner, schema_name, name)
    yield _sql(
        later + "GRANT INSERT, UPDATE, DELETE ON TABLES TO {}",
        *(roles.owner, schema_name, roles.writer),
    )


def _sql(text: str, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))


def _one(conn: Connection, name: str, *bound: object) -> tuple[Any, ...]:
    row = conn.execute(_SQL[name], bound or None).fetchone()
    assert row is not None
    return row


def _is_there(conn: Connection, name: str) -> bool:
    found = conn.execute(_SQL["role_is_there"], (name,))
    return found.fetchone() is not None


def _ours(conn: Connection) -> list[tuple[str, bool, str]]:
    """Return the tables and views of the store that are there: whether it is a view, the owner."""
    names = [*schema.WRITTEN, *schema.KEPT, "postings"]
    return [(*row,) for row in conn.execute(_SQL["kinds_of_relations"], (names,))]


def _checked(name: str) -> str:
    """Return a name that a role can have. Raises StoreUnavailable."""
    usable = name.isprintable() and 0 < len(name.encode("utf-8", "replace")) <= _LONGEST
    if not usable or name.startswith("pg_") or name in ("public", "none"):
        raise StoreUnavailable(
            f"A role cannot have the name {name!r}; give one of up to {_LONGEST} printable "
            "characters that does not begin with pg_."
        )
    return name


def _require_lesser(conn: Connection, name: str, owner: str) -> None:
    """Raise StoreUnavailable where a role has rights that nobody can take away table by table."""
    if _one(conn, "might_of_role", owner, name)[0]:
        raise StoreUnavailable(
            f"The role {name} may do more than read and write postings: it is a superuser, may "
            "make roles or databases, or is a member of the owner. Name another one."
        )
