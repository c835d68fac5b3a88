"""Bytes on disk: of the whole file, and of each table and index in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from benchmarks import bare
from benchmarks.databases import Database

# What belongs together in the account; everything else is "other".
_PARTS = {
    "row": ("posting",),
    "indexes of the row": (
        "posting_id",
        "posting_listed",
        "posting_salary",
        "posting_salary_middle",
        "posting_applicants",
    ),
    "text and attributes": ("posting_text",),
    "full text": (
        "text_index_data",
        "text_index_idx",
        "text_index_config",
        "text_index_docsize",
    ),
    "counters": ("counter", "counter_top"),
}


def measure_space(database: Database) -> dict[str, Any]:
    """Return the bytes per posting: of the file, of the raw descriptions, of each part.

    Parts are missing where SQLite was built without the dbstat table.
    """
    with closing(bare.connect(database.path)) as conn:
        raw = conn.execute(
            "SELECT sum(length(CAST(t.description AS BLOB))) FROM posting_text AS t"
        ).fetchone()[0]
        pages, page = (
            conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
        )
        try:
            # Its own sums (aggregate = TRUE) overflow beyond 2 GiB.
            used = dict(
                conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
            )
        except sqlite3.OperationalError:
            used = {}
    size = database.size
    return {
        "page_size": page,
        "bytes_per_posting": round(pages * page / size, 1),
        "raw_description": round((raw or 0) / size, 1),
        "ratio": round(pages * page / raw, 3) if raw else None,
        "parts": account(used, size),
        "tables": {name: round(octets / size, 1) for name, octets in sorted(used.items())},
    }


def account(used: dict[str, int], size: int) -> dict[str, float]:
    """Sum the bytes of tables and indexes by part, per posting."""
    if not used:
        return {}
    parts = {
        part: sum(used.get(name, 0) for name in names) / size for part, names in _PARTS.items()
    }
    parts["other"] = sum(used.values()) / size - sum(parts.values())
    return {part: round(octets, 1) for part, octets in parts.items()}
