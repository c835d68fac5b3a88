"""Reads by key, on whatever connection: postings, their revisions, the store's own properties."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from jobstore.engines import named_statements
from jobstore.engines.kept import Row
from jobstore.engines.postgres.connection import Session
from jobstore.engines.revisions import revision_from_row
from jobstore.engines.rows import job_from_row
from jobstore.engines.steps import Steps, awaited, reading
from jobstore.errors import StoreCorrupt
from jobstore.records import Job, Revision

T = TypeVar("T")

_SQL = named_statements.load("postgres")
# Postings that are made of rows before the event loop may do something else.
_AT_ONCE = 64


async def get_many(session: Session, ids: Sequence[UUID]) -> list[Job | None]:
    """Return postings in the order of ``ids``."""
    if len(ids) == 1:
        cursor = await session.execute(_SQL["posting_by_id"], (ids[0].bytes,))
        row = await cursor.fetchone()
        return [None if row is None else job_from_row(row)]
    cursor = await session.execute(_SQL["postings_by_ids"], ([*ids],))
    rows: dict[bytes, Row] = {row[0]: row for row in await cursor.fetchall()}
    return await in_order(ids, lambda each: rows.get(each.bytes))


async def in_order(
    ids: Sequence[UUID], row_of: Callable[[UUID], Sequence[Any] | None]
) -> list[Job | None]:
    """Return postings in the order of ``ids``; ``row_of`` gives the row of each that is there."""
    found: list[Job | None] = []
    for number, id in enumerate(ids):
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        row = row_of(id)
        found.append(None if row is None else job_from_row(row))
    return found


async def rows(session: Session, statement: str, parameters: Sequence[object]) -> list[Row]:
    """Return the rows of a named statement."""
    cursor = await session.execute(_SQL[statement], parameters)
    return await cursor.fetchall()


async def look(session: Session, steps: Callable[[], Steps[T]]) -> T:
    """Take steps that only read, one after another; return what they return."""
    return await awaited(steps(), lambda step: rows(session, *reading(step)))


async def revisions(session: Session, id: UUID) -> list[Revision]:
    """Return what earlier versions of a posting held, newest first."""
    cursor = await session.execute(_SQL["revisions_of"], (id.bytes,))
    return [revision_from_row(row) for row in await cursor.fetchall()]


async def cursor_key(session: Session) -> bytes:
    """Return the secret that signs cursors. Raises StoreCorrupt where it is gone."""
    cursor = await session.execute(_SQL["cursor_key"])
    row = await cursor.fetchone()
    if row is None:
        raise StoreCorrupt("The store has lost its own properties; restore a backup.")
    return bytes(row[0])
