"""Whether the main statements use an index in this very store, as SQLite's own plans say."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

from jobstore.engines import named_statements
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.search import statements
from jobstore.engines.sqlite.search.statements import Shape

_SQL = named_statements.load("sqlite")

_SORTED = "USE TEMP B-TREE"
# Seconds to wait for other processes.
_PATIENCE = 10.0


class _Main(NamedTuple):
    """A main statement: what it is for, its SQL, and what its plan has to go by."""

    name: str
    sql: str
    by: str


def _ranked(column: str) -> str:
    return statements.page(Shape(False, frozenset({"has_rank"}), column))


_MAIN = (
    _Main("get", _SQL["posting_by_id"], "INDEX posting_id "),
    _Main("revisions", _SQL["revisions_of"], "SEARCH r USING PRIMARY KEY"),
    _Main("search", statements.page(Shape(True)), "SEARCH p USING INTEGER PRIMARY KEY"),
    _Main("recent", statements.page(Shape(False).also("posted_since")), "INDEX posting_listed "),
    _Main("next page", statements.page(Shape(False).also("after")), "INDEX posting_listed "),
    _Main("sort by salary", _ranked("yearly_max"), "INDEX posting_salary "),
    _Main("sort by applicants", _ranked("applicant_count"), "INDEX posting_applicants "),
    _Main("write", _SQL["last_listed_before"], "INDEX posting_listed "),
    _Main("statistics", _SQL["shown_counters"], "INDEX counter_top "),
)


def plans(path: Path) -> dict[str, bool]:
    """Return by name whether each main statement uses an index and sorts no table."""
    with translated(), schema.reading(path, _PATIENCE) as conn:
        return {each.name: _goes_by_index(conn, each) for each in _MAIN}


def _goes_by_index(conn: Connection, main: _Main) -> bool:
    # A plan does not depend on the values.
    bound: Any = defaultdict(int) if ":" in main.sql else (0,) * main.sql.count("?")
    plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {main.sql}", bound)]
    return any(main.by in step for step in plan) and not any(_SORTED in step for step in plan)
