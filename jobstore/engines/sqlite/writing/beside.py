"""What else runs inside of a transaction: reads, and writes to the tables of the life cycle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from jobstore.engines import named_statements
from jobstore.engines.kept import Kept, Row
from jobstore.engines.sqlite import lookups
from jobstore.engines.sqlite.tables import tables
from jobstore.engines.sqlite.writing.changes import PostingWrites
from jobstore.engines.steps import Change, Read, Step, Steps, taken
from jobstore.engines.writing.operations import to_put
from jobstore.records import Job

T = TypeVar("T")

_SQL = named_statements.load("sqlite")


def get_many(writes: PostingWrites, ids: Sequence[UUID]) -> list[Job | None]:
    """Return postings in the order of ``ids``, as the operations before have left them."""
    return lookups.get_many(writes.conn, ids)


def rows(writes: PostingWrites, statement: str, parameters: Sequence[object]) -> list[Row]:
    """Return the rows of a named statement."""
    return lookups.rows(writes.conn, statement, parameters)


def change(writes: PostingWrites, statement: str, rows: Sequence[Row]) -> None:
    """Run a named statement for each of ``rows``."""
    writes.conn.executemany(_SQL[statement], rows)


def put(writes: PostingWrites, kept: Kept, rows: Sequence[Row]) -> None:
    """Store rows of a table, with their digests."""
    writes.conn.executemany(tables(kept).put, rows)


def walk(writes: PostingWrites, steps: Steps[T]) -> T:
    """Take steps, one after another; return what they return."""

    def take(step: Step) -> list[Row]:
        if isinstance(step, Read):
            return rows(writes, *step)
        if isinstance(step, Change):
            change(writes, *step)
        else:
            put(writes, step.kept, to_put(*step))
        return []

    return taken(steps, take)
