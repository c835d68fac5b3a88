"""Reading postings by their ids, on connections that read and on the one that writes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.rows import job_from_row
from jobstore.records import Job

_SQL = named_statements.load("postgres")
# Postings that are made of rows before the event loop may do something else.
_AT_ONCE = 64


async def get_many(session: Session, ids: Sequence[UUID]) -> list[Job | None]:
    """Return postings in the order of ``ids``."""
    if len(ids) == 1:
        cursor = await session.execute(_SQL["job_by_id"], (ids[0].bytes,))
        row = await cursor.fetchone()
        return [None if row is None else job_from_row(row)]
    cursor = await session.execute(_SQL["jobs_by_ids"], ([*ids],))
    rows = {row[0]: row for row in await cursor.fetchall()}
    found: list[Job | None] = []
    for number, id in enumerate(ids):
        if number % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        row = rows.get(id.bytes)
        found.append(None if row is None else job_from_row(row))
    return found
