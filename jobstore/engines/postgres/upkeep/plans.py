"""Whether the main statements can go by an index in this very database, as its server says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jobstore.engines import named_statements
from jobstore.engines.postgres.sessions import blocking
from jobstore.settings import StoreURL

_SQL = named_statements.load("postgres")


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
    """Return by name whether each main statement can use its index, and then sorts no table.

    A small table is read whole, and rightly so. It is asked what the server would do without that.
    """
    with blocking(url) as conn, conn.transaction(force_rollback=True):
        for name in ("enable_seqscan", "enable_sort"):
            conn.execute(f"SET LOCAL {name} = off")
        found = {}
        for each in _MAIN:
            row = conn.execute(f"EXPLAIN (FORMAT JSON) {each.sql}").fetchone()
            assert row is not None
            steps = list(_steps(row[0][0]["Plan"]))
            found[each.name] = any(step.get("Index Name") == each.by for step in steps) and not any(
                step["Node Type"] == "Sort" for step in steps
            )
        return found


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _steps(each)
