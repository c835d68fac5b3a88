"""What else runs inside of a transaction: reads, and writes to the tables of the life cycle."""

from __future__ import annotations

from collections.abc import Sequence

from jobstore.engines import named_statements
from jobstore.engines.kept import Kept, Row
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.lookups import get_many as get_many
from jobstore.engines.postgres.lookups import rows as rows
from jobstore.engines.postgres.writing import changes

_SQL = named_statements.load("postgres")


async def change(conn: Session, statement: str, rows: Sequence[Row]) -> None:
    """Run a named statement for each of ``rows``."""
    async with conn.cursor() as cursor:
        await cursor.executemany(_SQL[statement], rows)


async def put(conn: Session, kept: Kept, rows: Sequence[Row]) -> None:
    """Store rows of a table, with their digests."""
    await changes.put(conn, kept, rows)


READS = (get_many, rows)
WRITES = (change, put)
