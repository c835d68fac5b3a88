"""The table that every other way uses: one row a posting, as job agents keep them.

The same settings and indexes for all: WAL, durable commits, a unique key, and an index for each
filter and order. Words are searched with LIKE, since none of the ways brings anything else.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import generator
from benchmarks.databases import folder, version
from jobstore.derived.salaries import PERIODS_PER_YEAR

COLUMNS = (
    "source", "source_job_id", "title", "company", "location", "country", "workplace",
    "employment_type", "experience_level", "industry", "description", "skills", "salary_min",
    "salary_max", "salary_currency", "salary_period", "yearly_max", "url", "applicant_count",
    "posted_at", "status", "last_seen_at",
)  # fmt: skip
KEY = ("source", "source_job_id")
# A key of a table in SQLite is best a plain integer, so that is what get() takes.
CREATE = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, source_job_id TEXT NOT NULL,
    title TEXT NOT NULL, company TEXT NOT NULL, location TEXT, country TEXT, workplace TEXT,
    employment_type TEXT, experience_level TEXT, industry TEXT, description TEXT, skills TEXT,
    salary_min REAL, salary_max REAL, salary_currency TEXT, salary_period TEXT, yearly_max REAL,
    url TEXT, applicant_count INTEGER, posted_at TEXT NOT NULL, status TEXT NOT NULL,
    last_seen_at TEXT NOT NULL
);
CREATE UNIQUE INDEX jobs_key ON jobs (source, source_job_id);
CREATE INDEX jobs_posted ON jobs (posted_at);
CREATE INDEX jobs_company ON jobs (company, posted_at);
CREATE INDEX jobs_location ON jobs (location, posted_at);
CREATE INDEX jobs_status ON jobs (status);
CREATE INDEX jobs_type ON jobs (employment_type);
CREATE INDEX jobs_level ON jobs (experience_level);
"""
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -65536",
    "PRAGMA busy_timeout = 60000",
)
_BATCH = 512
_NAMES = ", ".join(COLUMNS)
INSERT = f"INSERT INTO jobs ({_NAMES}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"


def row_of(posting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a generated posting as a row of the table."""
    row: dict[str, Any] = {name: posting.get(name) for name in COLUMNS}
    seen = posting.get("last_seen_at") or generator.NOW
    listed = posting.get("posted_at") or posting.get("first_seen_at") or generator.NOW
    row["skills"] = json.dumps(posting.get("skills", []))
    row["posted_at"], row["last_seen_at"] = text(listed), text(seen)
    row["status"] = posting.get("status", "open")
    top = posting.get("salary_max") or posting.get("salary_min")
    if top is not None:
        row["yearly_max"] = float(top * PERIODS_PER_YEAR[posting["salary_period"]])
    return row


def text(moment: datetime) -> str:
    """Return a time as ISO 8601, which sorts as text."""
    return moment.isoformat()


def fresh_rows(count: int, first: int) -> list[dict[str, Any]]:
    """Return rows that nobody has stored yet."""
    return [row_of(posting) for posting in generator.fresh(count, first=first)]


def table(size: int) -> Path:
    """Return the database of ``size`` postings for the other ways, made if need be."""
    path = folder() / f"peers-{size}-{version()}.db"
    if not path.exists():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part, isolation_level=None)) as conn:
            conn.executescript(CREATE)
            load(conn, map(row_of, generator.postings(size)))
            conn.execute("ANALYZE")
            conn.execute("PRAGMA journal_mode = WAL")
        part.rename(path)
    return path


def load(conn: sqlite3.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows with executemany, in transactions of 512."""
    for batch in _batches(iter(rows)):
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(INSERT, batch)
        conn.execute("COMMIT")


def _batches(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch
