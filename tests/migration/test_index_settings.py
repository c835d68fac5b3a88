"""The settings of the full-text index, which FTS5 keeps in the store: each new index needs them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from jobstore import migrating

# Chosen in migrations/sqlite/0012.index-settings.sql and 0019.merge-in-pairs.sql.
SETTINGS = {"hashsize": 4 * 1024 * 1024, "automerge": 5, "usermerge": 2}


def settings(path: Path) -> dict[str, dict[str, int]]:
    """The settings of each full-text table that has an index."""
    conn = sqlite3.connect(path)
    tables = conn.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5 (%'")
    found = {
        name: dict(conn.execute(f"SELECT k, v FROM {name}_config WHERE k <> 'version'"))
        for (name,) in tables.fetchall()
    }
    conn.close()
    return found


def test_the_index_of_a_new_store_has_the_settings(store_url: str, path: Path) -> None:
    migrating.up(store_url)
    assert list(settings(path).values()) == [SETTINGS]


def test_a_store_made_before_gets_them_and_can_go_back(store_url: str, path: Path) -> None:
    migrating.up(store_url, "0010")
    assert list(settings(path).values()) == [{}]
    migrating.up(store_url)
    assert list(settings(path).values()) == [SETTINGS]
    migrating.down(store_url, "0010")
    assert list(settings(path).values()) == [
        {"hashsize": 1024 * 1024, "automerge": 4, "usermerge": 4}
    ]
