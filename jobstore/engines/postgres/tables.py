"""The statements of PostgreSQL on the tables of the life cycle, and rows as they take them."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from jobstore.engines.kept import Kept, Row, statements

tables = partial(
    statements,
    bound="%s",
    # Rows come as one JSON array, which the server reads with the types of the table.
    values="SELECT {columns} FROM json_populate_recordset(NULL::{name}, %s::json) AS n",
    wanted="= ANY(%s)",
)


def named(kept: Kept, row: Row) -> dict[str, Any]:
    """Return a stored row by its columns."""
    found = dict(zip(kept.stored, row, strict=True))
    return found | {name: UUID(bytes=found[name]) for name in kept.ids if found[name] is not None}
