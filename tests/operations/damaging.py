"""Damage that is done to the files of stores, for real."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import jobstore
from jobstore.derived.digests import revision_digest
from tests.fixtures.postings import full


def fill(url: str, number: int = 40) -> None:
    """Store postings, change some, and write all of it into the database file."""

    async def filling() -> None:
        async with jobstore.connect(url) as store:
            await store.upsert_many(full(each) for each in range(number))
            await store.upsert_many(
                {**full(each), "title": "Changed"} for each in range(0, number, 3)
            )

    asyncio.run(filling())


def tamper(file: Path, *statements: str) -> None:
    """Run statements beside the store, as another program might."""
    with closing(sqlite3.connect(file)) as conn:
        # Damage keeps to no rule.
        conn.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            conn.execute(statement)
        conn.commit()


def lost_revision(id: bytes, previous: str = "{}") -> str:
    """Return the statement that adds an earlier version of a posting which is not there."""
    digest = revision_digest(id, 2, 0, previous).hex()
    return f"INSERT INTO revision VALUES (x'{id.hex()}', 2, 0, '{previous}', x'{digest}')"


def forget_index_entries(file: Path) -> None:
    """Take entries out of an ordinary index, by way of a table that pretends to be the index."""
    imposter = (
        "CREATE TABLE imposter (applicant_count INTEGER, place INTEGER, "
        "PRIMARY KEY (applicant_count, place)) WITHOUT ROWID"
    )
    with closing(sqlite3.connect(file)) as conn:
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'posting_applicants'"
        (page,) = conn.execute(sql).fetchone()
        conn.execute("PRAGMA writable_schema = ON")
        conn.execute(
            "INSERT INTO sqlite_schema VALUES ('table', 'imposter', 'imposter', ?, ?)",
            (page, imposter),
        )
        conn.commit()
    tamper(file, "DELETE FROM imposter WHERE place IN (SELECT place FROM posting LIMIT 3)")
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        conn.execute("DELETE FROM sqlite_schema WHERE name = 'imposter'")
        conn.commit()


def root_page(file: Path, name: str) -> tuple[int, int]:
    """Where a table or an index begins in the file, and the size of a page."""
    with closing(sqlite3.connect(file)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = conn.execute("PRAGMA page_size").fetchone()
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (page,) = conn.execute(sql, (name,)).fetchone()
    return (page - 1) * size, size


def overwrite_page(file: Path, name: str) -> None:
    """Overwrite the first page of a table or an index with noise."""
    start, size = root_page(file, name)
    with file.open("r+b") as damaged:
        damaged.seek(start)
        damaged.write(random.Random(name).randbytes(size))
