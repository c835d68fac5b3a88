"""A disk that cannot be read: SQLite calls that corrupt, and a backup would not help."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from jobstore import StoreCorrupt, StoreUnavailable
from jobstore.engines.sqlite import errors, schema
from jobstore.engines.sqlite.connection import open_reader, open_writer
from jobstore.engines.sqlite.readers import ReaderPool
from tests.contract.cli.commands import run
from tests.operations.damaging import fill, overwrite_page
from tests.unit.sqlite.plain import Tally, make_database, open_plain, options


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A database whose first table has a page of zeros, and whose schema can be read."""
    path = make_database(tmp_path / "plain.db")
    conn = sqlite3.connect(path)
    (page,) = conn.execute("PRAGMA page_size").fetchone()
    (root,) = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'item'").fetchone()
    conn.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(bytes(page))
    return path


@pytest.fixture
def _unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: str) -> None:
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr(errors, "_read", failing)


def read(conn: sqlite3.Connection) -> list[object]:
    return conn.execute("SELECT * FROM item").fetchall()


def read_within(batch: Tally) -> list[object]:
    return read(batch.conn)


async def test_damage_that_can_be_read_is_damage(damaged: Path) -> None:
    session = await open_reader(damaged, options())
    with pytest.raises(StoreCorrupt, match="restore a backup"):
        await session.run(read)
    await session.close()
    async with open_plain(damaged) as writer:
        with pytest.raises(StoreCorrupt):
            await writer.submit(read_within)


@pytest.mark.usefixtures("_unreadable")
async def test_what_cannot_be_read_is_not_called_damaged(damaged: Path) -> None:
    for opened in (open_reader, open_writer):
        session = await opened(damaged, options())
        with pytest.raises(StoreUnavailable, match="The disk failed") as caught:
            await session.run(read)
        assert not isinstance(caught.value, StoreCorrupt)
        await session.close()
    async with open_plain(damaged) as writer:
        with pytest.raises(StoreUnavailable, match="The disk failed") as caught:
            await writer.submit(read_within)
        assert not isinstance(caught.value, StoreCorrupt)
    readers = await ReaderPool(damaged, options()).open()
    for quick in (False, True):
        with pytest.raises(StoreUnavailable, match="The disk failed") as caught:
            await readers.read(read, quick=quick)
        assert not isinstance(caught.value, StoreCorrupt)
    await readers.close()
    with (
        pytest.raises(StoreUnavailable, match="The disk failed"),
        schema.reading(damaged, 1) as conn,
    ):
        read(conn)


@pytest.mark.usefixtures("_unreadable")
@pytest.mark.parametrize("options", [[], ["--full"], ["--verify"], ["--repair", "--yes"]])
def test_doctor_says_that_the_disk_cannot_be_read_and_advises_no_repair(
    migrated_url: str, tmp_path: Path, options: list[str]
) -> None:
    fill(migrated_url)
    overwrite_page(tmp_path / "jobs.db", "posting")
    result = run("doctor", "--store", migrated_url, *options)
    assert result.exit_code == 1
    assert "The disk failed to read" in result.stderr
    for wrong in ("restore a backup", "malformed", "cannot be rebuilt"):
        assert wrong not in result.stderr
