"""Whether the main statements go by an index in this very store: SQLite's own plan says so."""

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
from jobstore.operations.deployment.conditions import PATIENCE

_SQL = named_statements.load("sqlite")

_SORTED = "USE TEMP B-TREE"


class Main(NamedTuple):
    """A main statement: what it is for, its SQL, and what its plan has to go by."""

    name: str
    sql: str
    by: str


def _ranked(column: str) -> str:
    return statements.page(Shape(False, frozenset({"has_rank"}), column))


MAIN = (
    Main("get", _SQL["posting_by_id"], "INDEX posting_id "),
    Main("revisions", _SQL["revisions_of"], "SEARCH r USING PRIMARY KEY"),
    Main("search", statements.page(Shape(True)), "SEARCH p USING INTEGER PRIMARY KEY"),
    Main("recent", statements.page(Shape(False).also("posted_since")), "INDEX posting_listed "),
    Main("next page", statements.page(Shape(False).also("after")), "INDEX posting_listed "),
    Main("sort by salary", _ranked("yearly_max"), "INDEX posting_salary "),
    Main("sort by applicants", _ranked("applicant_count"), "INDEX posting_applicants "),
    Main("write", _SQL["last_listed_by"], "INDEX posting_listed "),
    Main("statistics", _SQL["small_counters"], "SEARCH c USING PRIMARY KEY"),
    Main("top companies", _SQL["largest_counters"], "INDEX counter_top "),
)


def without_index(path: Path) -> list[str]:
    """Return the names of the main statements that read or sort a whole table in this store."""
    with translated(), schema.reading(path, PATIENCE) as conn:
        return [each.name for each in MAIN if not _goes_by_index(conn, each)]


def _goes_by_index(conn: Connection, main: Main) -> bool:
    # What is bound does not matter to a plan.
    bound: Any = defaultdict(int) if ":" in main.sql else (0,) * main.sql.count("?")
    plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {main.sql}", bound)]
    return any(main.by in step for step in plan) and not any(_SORTED in step for step in plan)
