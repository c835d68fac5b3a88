"""Reading a database that is damaged, replaced, or held by a process that died."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from jobstore import StoreCorrupt
from tests.unit.sqlite.plain import make_database, open_plain, open_pool, put


def large_item(conn: sqlite3.Connection, key: str) -> Any:
    return conn.execute("SELECT content FROM large WHERE key = ?", (key,)).fetchone()


def with_many_pages(path: Path) -> Path:
    make_database(path)
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE large (key TEXT PRIMARY KEY, content TEXT)")
    rows = [(f"{number:05}", "x" * 500) for number in range(5000)]
    conn.executemany("INSERT INTO large VALUES (?, ?)", rows)
    conn.commit()
    conn.close()
    return path


def damage(path: Path) -> None:
    """Spoil the head of the page that holds the last row."""
    content = bytearray(path.read_bytes())
    last_row = content.rindex(b"x" * 500)
    start = last_row - last_row % 4096
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)


@pytest.mark.parametrize("quick", [True, False])
async def test_a_damaged_page_is_named_and_the_rest_stays_readable(
    tmp_path: Path, quick: bool
) -> None:
    path = with_many_pages(tmp_path / "plain.db")
    damage(path)
    async with open_pool(path) as pool:

        def everything(conn: sqlite3.Connection) -> Any:
            return conn.execute("SELECT sum(length(content)) FROM large NOT INDEXED").fetchall()

        with pytest.raises(StoreCorrupt, match="restore a backup"):
            await pool.read(everything, quick=quick)
        assert await pool.read(large_item, "00000", quick=quick) == ("x" * 500,)


async def test_the_wal_of_a_process_that_died_is_read(
    tmp_path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    code = """
import asyncio, os, sys
from pathlib import Path
from tests.unit.sqlite.plain import open_plain, put

async def main():
    async with open_plain(Path(sys.argv[1])) as writer:
        await writer.submit(put, "a", 1)
        print("stored", flush=True)
        os._exit(1)

asyncio.run(main())
"""
    path = make_database(tmp_path / "plain.db")
    with start_python(code, str(path)) as process:
        output, _ = process.communicate(timeout=60)
    assert output == "stored\n"
    async with open_pool(path) as pool:
        found = await pool.read(lambda conn: conn.execute("SELECT * FROM item").fetchall())
        assert found == [("a", 1)]
    async with open_plain(path) as writer:
        await writer.submit(put, "b", 2)


async def test_a_damaged_database_fails_the_write_that_meets_it(tmp_path: Path) -> None:
    path = with_many_pages(tmp_path / "plain.db")
    damage(path)

    def rewrite(batch: Any) -> None:
        batch.conn.execute("UPDATE large SET content = 'y'")

    async with open_plain(path) as writer:
        with pytest.raises(StoreCorrupt):
            await writer.submit(rewrite)
        assert await writer.submit(put, "a", 1) == 1
