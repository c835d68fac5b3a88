"""Whether a store on a server is sound: the server, its indexes and pages, its rows.

Everything here only looks, and blocks while it does. Nothing is repaired, and migrations are not
known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from jobstore.engines import named_statements
from jobstore.engines.backend import Library
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.errors import is_lost
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.upkeep import aside
from jobstore.engines.postgres.upkeep.verification import octets, verify_rows
from jobstore.engines.verifying import Faults
from jobstore.settings import StoreURL
from jobstore.sizes import readable_size
from jobstore.verdicts import Check, Verdict, finding

_SQL = named_statements.load("postgres")
# What REINDEX CONCURRENTLY calls what it makes and what it replaces, and leaves if it is
# interrupted (https://www.postgresql.org/docs/current/sql-reindex.html).
_LEFT = re.compile(r"_cc(?:new|old)\d*$")

Connection = psycopg.Connection[tuple[Any, ...]]


class Server(NamedTuple):
    """What a server says of itself and of the database."""

    version: str
    replica: bool
    database: str
    role: str


def server(conn: Connection) -> Server:
    """Ask a server what it is."""
    row = conn.execute(_SQL["server"]).fetchone()
    assert row is not None
    return Server(*row)


def library(url: StoreURL) -> Library:
    """Return what is known of the server.

    Raises StoreUnavailable where it does not answer, or cannot keep a store.
    """
    with blocking(url) as conn:
        return _library(server(conn))


def _library(found: Server) -> Library:
    # Debian appends its own to the number.
    version = found.version.partition(" ")[0]
    return Library("postgresql", version, True, version, "")


def inspect_server(url: StoreURL) -> Iterator[Check]:
    """Look at the server, the database, and what this role may do with it."""
    with blocking(url) as conn:
        found = server(conn)
        known = _library(found)
        yield finding(known.name, Verdict.PASS, known.detail)
        kind = "a standby, which only reads" if found.replica else "a primary"
        told = f"{found.database} on {kind}, {readable_size(octets(conn))}"
        yield finding("database", Verdict.PASS, told)
        yield _rights(conn, found.role)
        yield _checksums(conn)
        if left := aside.told(conn, url):
            yield finding("set aside", Verdict.WARN, " ".join(left.values()))
        yield finding(
            "disk space", Verdict.PASS, "not known: the server's disk is watched on its machine"
        )


def _rights(conn: Connection, role: str) -> Check:
    if "posting" not in schema.relations(conn):
        return finding("rights", Verdict.PASS, f"{role}; there are no tables yet")
    row = conn.execute(_SQL["rights"]).fetchone()
    assert row is not None
    reads, writes, rules = row
    if rules:
        told = f"{role} rules the whole server; a role that only writes does less harm: see "
        return finding("rights", Verdict.WARN, f"{told}'jobstore migrate roles'")
    if not reads:
        # Not quoted: it would be completed for this role, which may not run it.
        told = f"{role} may not read the store; who owns its tables runs: jobstore migrate roles"
        return finding("rights", Verdict.FAIL, told)
    return finding("rights", Verdict.PASS, f"{role} reads{' and writes' if writes else ' only'}")


def _checksums(conn: Connection) -> Check:
    row = conn.execute(_SQL["checksum_failures"]).fetchone()
    on, failures = row or (False, 0)
    if failures:
        told = (
            f"the server has read {failures:,} damaged pages of this database; see its log, then "
            "restore a backup onto another disk"
        )
        return finding("checksums", Verdict.FAIL, told)
    told = "no damaged page was read" if on else "off: the server does not notice damaged pages"
    return finding("checksums", Verdict.PASS if on else Verdict.WARN, told)


def inspect_content(url: StoreURL, *, full: bool, rows: bool) -> Iterator[Check]:
    """Look at the structure of a store, and at what it holds, while others go on writing."""
    with blocking(url) as conn:
        yield inspect_structure(conn, full=full)
    if rows:
        # A connection of its own, since damage may have ended the first one.
        with blocking(url) as conn:
            yield from verify_rows(conn)


def inspect_structure(conn: Connection, *, full: bool) -> Check:
    """Look for indexes that are not used, and with ``full`` read every page.

    Differs by necessity from SQLite: a server offers its own check of pages as an extension,
    amcheck, which only a database's owner adds.
    """
    invalid = invalid_indexes(conn)
    faults = Faults(f"index {name} is not valid" for name in invalid.rebuilt + invalid.dropped)
    told = "every index is valid"
    if full:
        rows = conn.execute(_SQL["functions_of_amcheck"])
        functions: dict[str, str] = dict(rows.fetchall())
        if functions:
            for fault in _check_pages(conn, functions):
                faults.add(fault)
            told += "; amcheck found nothing"
        else:
            told += "; pages were not read: the database has no extension amcheck"
    found = faults.finding("structure", told)
    if found.verdict is Verdict.PASS and invalid.others:
        # Writing keeps it up, and nothing of ours reads it.
        return finding(
            "structure",
            Verdict.WARN,
            f"every index of jobstore is valid, but not {', '.join(invalid.others)}, which "
            "somebody else made: who did should drop it, or build it anew (REINDEX INDEX "
            "CONCURRENTLY)",
        )
    return found


class Invalid(NamedTuple):
    """Indexes that are not valid: their making was interrupted, and searches do without them."""

    rebuilt: list[str]
    """Those that migrations make."""
    dropped: list[str]
    """What is left of an attempt to make one of these anew."""
    others: list[str]
    """Somebody else's."""


def invalid_indexes(conn: Connection) -> Invalid:
    """Return the indexes that are not valid, by what a repair does with them."""
    ours, found = schema.indexes(), Invalid([], [], [])
    for name, whole in conn.execute(_SQL["invalid_indexes"]).fetchall():
        if whole in ours:
            found.rebuilt.append(name)
        elif _LEFT.sub("", whole) in ours:
            found.dropped.append(name)
        else:
            found.others.append(name)
    return found


def _check_pages(conn: Connection, functions: dict[str, str]) -> Iterator[str]:
    for oid, name, kind, method in conn.execute(_SQL["relations_to_check"]).fetchall():
        check = _check_of(functions, kind, method)
        if check is None:
            continue
        try:
            found = conn.execute(check, (oid,)).fetchall()
        except psycopg.Error as error:
            if is_lost(error) or not (error.sqlstate or "").startswith("XX"):
                raise
            # What it says names a page, and no value.
            yield f"{name}: {error.diag.message_primary}"
            continue
        if kind == "r":
            yield from (f"{name}: {message}" for (message,) in found)


def _check_of(functions: dict[str, str], kind: str, method: str) -> sql.Composed | None:
    wanted = {
        ("r", "heap"): ("verify_heapam", "SELECT h.msg FROM {}(%s::oid::regclass) AS h LIMIT 5"),
        ("i", "btree"): ("bt_index_check", "SELECT {}(%s::oid::regclass, true)"),
        ("i", "gin"): ("gin_index_check", "SELECT {}(%s::oid::regclass)"),
    }.get((kind, method))
    if wanted is None or wanted[0] not in functions:
        return None
    function, statement = wanted
    return sql.SQL(statement).format(sql.Identifier(functions[function], function))
