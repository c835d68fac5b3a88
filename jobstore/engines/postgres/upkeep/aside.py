"""Schemas beside a store: for a copy that is made ready, and for what it has replaced.

Tables change places by changing their schema, which takes milliseconds, whatever their size:

1. The new tables are whole, in a schema of their own beside the store (``SCHEMA_new_...``). Who
   made it holds a lock of that name, which the server lets go of when its connection ends; what
   nobody holds was left by somebody who was killed, and is removed by who comes next.
2. It is waited for those who read or write just now: for moments, in which who comes later has to
   wait behind, and with pauses for them.
3. In one transaction the old tables go into ``SCHEMA_replaced_TIME``, and the new ones get their
   place and the rights on them. Others go on with those: the server plans their statements anew.

A kill or a lost connection leaves the old store in its place, or the new one, with the old one
aside.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import psycopg
from psycopg import sql
from psycopg.errors import DeadlockDetected, LockNotAvailable

from jobstore.engines import named_statements
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.connection import is_pooled, milliseconds
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.url import parameters, parse
from jobstore.errors import StoreBusy, StoreUnavailable
from jobstore.settings import StoreURL
from jobstore.settings.url import quoted_command

_SQL = named_statements.load("postgres")

Connection = psycopg.Connection[tuple[Any, ...]]

_NEW, _REPLACED = "_new_", "_replaced_"
# What follows in a name. Other schemas may begin in the same way, of somebody who has jobs and
# jobs_new_york.
_ENDS = {_NEW: re.compile("[0-9a-f]{12}"), _REPLACED: re.compile("[0-9]{8}t[0-9]{6}_[0-9]{6}")}
# So many characters of a schema's name stand in those of its copies: a name has at most 63.
_SHOWN = 30

# Seconds that others may have to wait behind who waits for the tables, one try after the other, and
# the pause in between; and for how long it is tried. Within the last ones a server ends its own
# VACUUM of a table that somebody waits for (deadlock_timeout, a second by default).
_HOLDS = (0.02, 0.1, 0.25, 0.5, 1.5)
_PAUSE = 0.25
_PATIENCE = 60.0


class Beside(NamedTuple):
    """A schema beside a store: its name, its URL, and the connection that holds its lock."""

    name: str
    url: StoreURL
    conn: Connection


def inside(url: StoreURL, name: str) -> StoreURL:
    """Return the URL of the store in another schema of the same database."""
    head, _, query = url.text.partition("?")
    pairs = [each for each in query.split("&") if each]
    given = parameters(url.text).get("options", os.environ.get("PGOPTIONS", ""))
    quoted = name.replace('"', '""').replace("\\", "\\\\").replace(" ", "\\ ")
    options = f'{given} -csearch_path="{quoted}"'.strip()
    pairs = [each for each in pairs if unquote(each.partition("=")[0]) != "options"]
    pairs.append(f"options={quote(options, safe='')}")
    return parse(f"{head}?{'&'.join(pairs)}")


def here(conn: Connection) -> str:
    """Return the schema that the store is in."""
    # This raises where there is none.
    schema.relations(conn)
    row = conn.execute(_SQL["schema_here"]).fetchone()
    assert row is not None
    return str(row[0])


@contextmanager
def beside(url: StoreURL) -> Iterator[Beside]:
    """Give an empty schema beside a store; it is removed after the block, unless it was used up."""
    with blocking(url) as conn:
        _require_direct(conn)
        _sweep(conn)
        name = f"{here(conn)[:_SHOWN]}{_NEW}{secrets.token_hex(6)}"
        conn.execute(_SQL["turn_of_schema"], (name,))
        conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        try:
            yield Beside(name, inside(url, name), conn)
        finally:
            # Where the connection is lost, the next one removes it.
            if not conn.closed:
                _drop_whole(conn, name)


def _require_direct(conn: Connection) -> None:
    if is_pooled(conn):
        raise StoreUnavailable(
            "This takes a connection to the server itself; give its URL instead of the pooler's."
        )


def _sweep(conn: Connection) -> None:
    """Remove what killed processes left, but for what another role made."""
    for name, ours in _called(conn, _NEW):
        if not ours:
            continue
        free = conn.execute(_SQL["turn_of_schema"], (name,)).fetchone()
        if free == (True,):
            try:
                _drop_whole(conn, name)
            finally:
                conn.execute(_SQL["give_turn_of_schema"], (name,))


def _drop_whole(conn: Connection, name: str) -> None:
    conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


def _called(conn: Connection, kind: str) -> list[tuple[str, bool]]:
    """Return the schemas of a kind, and whether each is this role's."""
    start = f"{here(conn)[:_SHOWN]}{kind}"
    found = conn.execute(_SQL["schemas_like"], (start,)).fetchall()
    return [each for each in found if _ENDS[kind].fullmatch(each[0].removeprefix(start))]


def exchange(conn: Connection, new: str, unchanged: Callable[[], bool]) -> tuple[str | None, bool]:
    """Put the tables of schema ``new`` in the place of the store's.

    Returns the schema in which the old ones are now, ``None`` where there were none; and whether it
    was done: not where ``unchanged``, asked when nobody can write any more, is false. Raises
    StoreBusy where somebody reads or writes for too long.
    """
    store = here(conn)
    deadline = time.monotonic() + _PATIENCE
    for hold in chain(_HOLDS, repeat(_HOLDS[-1])):
        try:
            with conn.transaction():
                conn.execute(_SQL["limit_waiting"], (milliseconds(hold),))
                conn.execute(_SQL["turn_of_exchange"])
                old = _ours(conn, store, new)
                _lock(conn, [each for each, kind in old if kind == "r"])
                if not unchanged():
                    return None, False
                return _exchanged(conn, store, new, old), True
        except (LockNotAvailable, DeadlockDetected):
            # Those who write take tables in other orders: each may wait for the other.
            if time.monotonic() > deadline:
                raise StoreBusy(
                    "Somebody reads or writes the store all the time; end that, or wait for it, "
                    "and try again. Nothing was changed."
                ) from None
        time.sleep(_PAUSE)
    raise AssertionError("it is tried until something is raised")


def _ours(conn: Connection, store: str, new: str) -> list[tuple[str, str]]:
    """Return the tables and views of the store that are to go aside: no others in its schema."""
    names = schema.WRITTEN | schema.KEPT | {"postings"}
    if new != store:
        names |= {name for name, _ in _relations(conn, new)}
    return [each for each in _relations(conn, store) if each[0] in names]


def _relations(conn: Connection, name: str) -> list[tuple[str, str]]:
    quoted = sql.Identifier(name).as_string(conn)
    return conn.execute(_SQL["relations_of_schema"], (quoted,)).fetchall()


def _lock(conn: Connection, tables: list[str]) -> None:
    if tables:
        conn.execute(
            sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                sql.SQL(", ").join(map(sql.Identifier, tables))
            )
        )


def _exchanged(conn: Connection, store: str, new: str, old: list[tuple[str, str]]) -> str | None:
    aside = None
    owners = {name: _owner(conn, store, name) for name, _ in old}
    rights = {name: _rights(conn, store, name) for name, _ in old}
    if old:
        aside = f"{store[:_SHOWN]}{_REPLACED}{datetime.now(UTC):%Y%m%dt%H%M%S_%f}"
        conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
        for each in old:
            _move(conn, store, *each, aside)
    for name, kind in _relations(conn, new):
        _move(conn, new, name, kind, store)
        if (owner := owners.get(name)) is not None:
            conn.execute(
                sql.SQL("ALTER TABLE {} OWNER TO {}").format(
                    sql.Identifier(store, name), sql.SQL(owner)
                )
            )
        for grantee, privilege in rights.get(name, ()):
            # Both come from the server's own list: a quoted name, and the name of a right.
            conn.execute(
                sql.SQL("GRANT {} ON {} TO {}").format(
                    sql.SQL(privilege), sql.Identifier(store, name), sql.SQL(grantee)
                )
            )
    return aside


def _move(conn: Connection, schema_: str, name: str, kind: str, to: str) -> None:
    conn.execute(
        sql.SQL("ALTER {} {} SET SCHEMA {}").format(
            sql.SQL("TABLE" if kind == "r" else "VIEW"),
            sql.Identifier(schema_, name),
            sql.Identifier(to),
        )
    )


def _owner(conn: Connection, store: str, name: str) -> str | None:
    """Return the owner of a relation, quoted, where that is another role than this."""
    quoted = sql.Identifier(store, name).as_string(conn)
    row = conn.execute(_SQL["owner_of_relation"], (quoted,)).fetchone()
    return None if row is None or row[1] else str(row[0])


def _rights(conn: Connection, store: str, name: str) -> list[tuple[str, str]]:
    quoted = sql.Identifier(store, name).as_string(conn)
    return conn.execute(_SQL["rights_of_relation"], (quoted,)).fetchall()


def drop(conn: Connection, name: str) -> None:
    """Remove what was replaced. Raises where others hang on it, as a view of somebody's own."""
    with conn.transaction():
        _drop(conn, name, _relations(conn, name))
        conn.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(name)))


def _drop(conn: Connection, name: str, relations: list[tuple[str, str]]) -> None:
    # Views first, since they hang on tables.
    for each, kind in reversed(relations):
        what = sql.SQL("TABLE" if kind == "r" else "VIEW")
        conn.execute(sql.SQL("DROP {} {}").format(what, sql.Identifier(name, each)))


def remove(conn: Connection) -> int:
    """Remove the tables of a store that has no posting; returns how many it has."""
    store = here(conn)
    with conn.transaction():
        ours = _ours(conn, store, store)
        _lock(conn, [each for each, kind in ours if kind == "r"])
        if ("posting", "r") in ours and (postings := schema.count(conn, "posting")):
            return postings
        _drop(conn, store, ours)
    return 0


def told(conn: Connection, url: StoreURL) -> dict[str, str]:
    """Return the schemas that hold what was replaced, each with what it is and what to do."""
    return {name: _told(inside(url, name), name) for name, _ in _called(conn, _REPLACED)}


def _told(url: StoreURL, name: str) -> str:
    keep = quoted_command("backup", "create", "--store", str(url))
    return (
        f"The schema {name} holds the store as it was before it was replaced. If nobody is "
        f"restoring or rolling back just now, it is in no backup. Make one: {keep}. Then remove "
        f'the schema: DROP SCHEMA "{name}" CASCADE'
    )
