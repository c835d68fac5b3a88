"""Whether the main statements can go by an index in this very database, as its server says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

from jobstore.engines import named_statements
from jobstore.engines.postgres.sessions import blocking
from jobstore.settings import StoreURL

_SQL = named_statements.load("postgres")

Connection = psycopg.Connection[tuple[Any, ...]]

# Rows of a table that is small.
_SMALL = 1000


class _Main(NamedTuple):
    """A main statement: what it is for, its SQL, and the index that its plan has to have."""

    name: str
    sql: str
    by: str


_MAIN = (
    _Main("get", _SQL["plan_of_get"], "posting_pkey"),
    _Main("revisions", _SQL["plan_of_revisions"], "revision_pkey"),
    _Main("search", _SQL["plan_of_search"], "posting_words"),
    _Main("recent", _SQL["plan_of_recent"], "posting_listed"),
    _Main("sort by salary", _SQL["plan_of_salaries"], "posting_salary"),
    _Main("sort by applicants", _SQL["plan_of_applicants"], "posting_applicants"),
    _Main("write", _SQL["plan_of_write"], "posting_listed"),
    _Main("statistics", _SQL["plan_of_statistics"], "counter_top"),
)


def plans(url: StoreURL) -> dict[str, bool]:
    """Return by name whether each main statement goes by its index, and sorts no table.

    A small table is read whole or by any index, and rightly so: there it is enough that a valid
    index of that name is there.
    """
    with blocking(url) as conn, conn.transaction(force_rollback=True):
        for name in ("enable_seqscan", "enable_sort"):
            conn.execute(f"SET LOCAL {name} = off")
        rows = {name: (valid, size) for name, valid, size in conn.execute(_SQL["sizes_of_indexes"])}
        found = {}
        for each in _MAIN:
            valid, size = rows.get(each.by, (False, 0.0))
            found[each.name] = valid and (size < _SMALL or _goes_by_index(conn, each))
        return found


def _goes_by_index(conn: Connection, main: _Main) -> bool:
    row = conn.execute(f"EXPLAIN (FORMAT JSON) {main.sql}").fetchone()
    assert row is not None
    steps = list(_steps(row[0][0]["Plan"]))
    sorts = any(step["Node Type"] == "Sort" for step in steps)
    return not sorts and any(step.get("Index Name") == main.by for step in steps)


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _steps(each)
