"""Reads by key, on whatever connection: postings, their revisions, the store's own properties."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TypeVar
from uuid import UUID

from jobstore.engines import named_statements
from jobstore.engines.kept import Row
from jobstore.engines.revisions import revision_from_row
from jobstore.engines.rows import job_from_row
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.watch import watched
from jobstore.engines.steps import Steps, reading, taken
from jobstore.errors import StoreCorrupt
from jobstore.records import Job, Revision

T = TypeVar("T")

_SQL = named_statements.load("sqlite")


def get_many(conn: sqlite3.Connection, ids: Sequence[UUID]) -> list[Job | None]:
    """Return postings in the order of ``ids``."""
    with snapshot(conn) if len(ids) > 1 else nullcontext():
        rows = [conn.execute(_SQL["posting_by_id"], (id.bytes,)).fetchone() for id in watched(ids)]
    return [None if row is None else job_from_row(row) for row in watched(rows)]


def rows(conn: sqlite3.Connection, statement: str, parameters: Sequence[object]) -> list[Row]:
    """Return the rows of a named statement."""
    return list(watched(conn.execute(_SQL[statement], parameters)))


def look(conn: sqlite3.Connection, steps: Callable[[], Steps[T]]) -> T:
    """Take steps that only read, one after another; return what they return."""
    return taken(steps(), lambda step: rows(conn, *reading(step)))


def revisions(conn: sqlite3.Connection, id: UUID) -> list[Revision]:
    """Return what earlier versions of a posting held, newest first."""
    rows = conn.execute(_SQL["revisions_of"], (id.bytes,))
    return [revision_from_row(row) for row in watched(rows)]


def cursor_key(conn: sqlite3.Connection) -> bytes:
    """Return the secret that signs cursors. Raises StoreCorrupt where it is gone."""
    row = conn.execute(_SQL["cursor_key"]).fetchone()
    if row is None:
        raise StoreCorrupt("The store has lost its own properties; restore a backup.")
    return bytes(row[0])
