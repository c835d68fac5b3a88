"""What else runs inside of a transaction: reads, and writes to the tables of the life cycle."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from jobstore.engines import named_statements
from jobstore.engines.kept import Kept, Row
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.lookups import in_order
from jobstore.engines.postgres.lookups import rows as rows
from jobstore.engines.postgres.writing import changes
from jobstore.records import Job

_SQL = named_statements.load("postgres")


async def get_many(conn: Session, ids: Sequence[UUID]) -> list[Job | None]:
    """Return postings in the order of ``ids``, locked until the transaction ends.

    Differs by necessity: on SQLite nobody else writes meanwhile, so that what was read is still
    there when something is written that follows from it. A server lets others write.
    """
    stored = await changes.lock(conn, sorted(set(ids)))
    await changes.lock_again(conn, stored, ids)
    return await in_order(ids, stored.row)


async def change(conn: Session, statement: str, rows: Sequence[Row]) -> None:
    """Run a named statement for each of ``rows``."""
    async with conn.cursor() as cursor:
        await cursor.executemany(_SQL[statement], rows)


async def put(conn: Session, kept: Kept, rows: Sequence[Row]) -> None:
    """Store rows of a table, with their digests."""
    await changes.put(conn, kept, rows)


READS = (rows,)
LOCKING = (get_many,)
WRITES = (change, put)
