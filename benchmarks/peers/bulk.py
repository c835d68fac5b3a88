"""Bulk loading beside the store's ``upsert_many``: sqlite-utils and sqlite3 ``executemany``.

sqlite-utils in its best form: ``upsert_all`` with the key, batches of 512, WAL, indexes made
before, and full-text search enabled over title, company, location and description with its
triggers, since the store's postings are searchable as well; and without it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlite_utils

import jobstore
from benchmarks import generator
from benchmarks.databases import scratch
from benchmarks.peers import schema
from jobstore.settings import sqlite_url

_SEARCHED = ["title", "company", "location", "description"]


def measure(count: int) -> dict[str, float]:
    """Return postings a second into an empty database, by way."""
    postings = list(generator.postings(count))
    rows = [schema.row_of(posting) for posting in postings]
    ways: dict[str, Callable[[Path], None]] = {
        "jobstore upsert_many": lambda path: asyncio.run(_store(path, postings)),
        "sqlite-utils with full text": lambda path: _utils(path, rows, searchable=True),
        "sqlite-utils": lambda path: _utils(path, rows, searchable=False),
        "sqlite3 executemany, no full text": lambda path: _bare(path, rows),
    }
    found = {}
    for name, load in ways.items():
        with scratch() as place:
            started = time.perf_counter()
            load(place / "jobs.db")
            found[name] = round(count / (time.perf_counter() - started), 1)
    return found


async def _store(path: Path, postings: list[dict[str, Any]]) -> None:
    async with jobstore.connect(sqlite_url(path), migrate=True) as store:
        await store.upsert_many(postings)


def _utils(path: Path, rows: list[dict[str, Any]], *, searchable: bool) -> None:
    _create(path)
    with closing(sqlite_utils.Database(path)) as database:
        table: Any = database["jobs"]
        if searchable:
            table.enable_fts(_SEARCHED, create_triggers=True)
        table.insert_all(rows, batch_size=512, replace=True)


def _bare(path: Path, rows: list[dict[str, Any]]) -> None:
    _create(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        schema.load(conn, rows)


def _create(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.executescript(schema.CREATE)
