"""A small migrated database in memory, filled through the real write path."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jobstore.engines.protocol import Asked, Found, Position
from jobstore.engines.sqlite.search import pages as pages_of
from jobstore.engines.sqlite.writing import changes
from jobstore.records import JobPosting, JobSummary, SearchQuery
from jobstore.resources import migrations_folder
from jobstore.search.criteria import Criteria, check_query

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
_NUMBERS = itertools.count(1)


def migrations() -> list[Path]:
    """The migrations in their order, without the rollbacks."""
    files = sorted(migrations_folder("sqlite").glob("*.sql"))
    return [path for path in files if not path.name.endswith(".rollback.sql")]


def library() -> sqlite3.Connection:
    """An empty database with the newest schema."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    for path in migrations():
        conn.executescript(path.read_text(encoding="utf-8"))
    return conn


def posting(title: str = "Engineer", **fields: Any) -> JobPosting:
    """A posting in the form that intake gives it."""
    fields.setdefault("source_job_id", str(next(_NUMBERS)))
    fields.setdefault("source", "board")
    fields.setdefault("company", "Acme")
    return JobPosting(title=title, **fields)


def search(conn: sqlite3.Connection, criteria: Criteria, **asked: Any) -> Found:
    """One page of a search, as a store asks for it."""
    return pages_of.search(conn, criteria, Asked(**asked))


def store(conn: sqlite3.Connection, postings: Iterable[JobPosting], now: datetime = NOW) -> None:
    """Write postings in one transaction."""
    conn.execute("BEGIN IMMEDIATE")
    writes = changes.PostingWrites(conn, now)
    for one in postings:
        writes.upsert(one)
    writes.finish()
    conn.execute("COMMIT")


def titled(*titles: str, **fields: Any) -> sqlite3.Connection:
    """A database with a posting for each title; the first one is the newest."""
    conn = library()
    store(
        conn,
        (
            posting(title, posted_at=NOW - timedelta(hours=age), **fields)
            for age, title in enumerate(titles)
        ),
    )
    return conn


def find(conn: sqlite3.Connection, text: str | None = None, **fields: Any) -> list[str]:
    """The titles that a query finds, on one page."""
    query = SearchQuery(text=text, **fields)
    return [item.title for item in search(conn, check_query(query), limit=1000).items]


def pages(
    conn: sqlite3.Connection, criteria: Criteria, limit: int
) -> tuple[list[JobSummary], list[Found]]:
    """Page to the end; every page is cut at ``limit``."""
    items: list[JobSummary] = []
    found: list[Found] = []
    after: Position | None = None
    total: tuple[int, bool] | None = None
    while True:
        page = search(conn, criteria, limit=limit, after=after, total=total)
        found.append(page)
        items += page.items
        after, total = page.position, (page.total, page.total_capped)
        if after is None:
            return items, found
        assert len(page.items) == limit
