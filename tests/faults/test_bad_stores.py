"""Stores that cannot be opened, read or written: each with its own error, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

import jobstore
from jobstore import (
    EngineOptions,
    JobStore,
    JobStoreError,
    Outcome,
    SchemaMismatch,
    SearchQuery,
    StoreBusy,
    StoreCorrupt,
    StoreUnavailable,
    job_id,
    migrating,
)
from jobstore.settings import sqlite_url
from tests.fixtures.disks import SmallDisk, freeze
from tests.fixtures.postings import full, posting

Start = Callable[..., Popen[str]]
IMPATIENT = EngineOptions(busy_timeout=0.2, read_timeout=20)


async def refused(url: Any, error: type[JobStoreError], *, migrate: bool = False) -> str:
    """Assert that a store cannot be opened, and return what its user is told."""
    with pytest.raises(error) as caught:
        async with jobstore.connect(url, migrate=migrate, options=IMPATIENT):
            pytest.fail("the store was opened")
    assert type(caught.value) is error
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file in a folder."""
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:",
        "sqlite:jobs.db",
        "sqlite:/jobs.db",
        "sqlite://",
        "sqlite://jobs.db",
        "sqlite:///",
        "sqlite:////",
        "sqlite:///folder/",
        "sqlite:///:memory:",
        "sqlite:///jobs.db?mode=ro",
        "sqlite:///jobs.db#x",
        "sqlite:///100%.db",
        "sqlite:///a%00b.db",
        "sqlite:///a\nb.db",
        "sqlite://user:secret@host/jobs.db",
        "mysql://user:secret@host/jobs",
        "postgresql+psycopg2://user:secret@[::1/jobs",
        "http://[",
        "C:\\jobs.db",
        "\ud800",
    ],
)
@pytest.mark.parametrize("migrate", [False, True])
async def test_a_malformed_url_is_told_what_to_write(
    url: str, migrate: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    message = await refused(url, StoreUnavailable, migrate=migrate)

    assert "secret" not in message
    assert any(hint in message for hint in ("sqlite:///", "%", "parameters", "temporary", "NUL"))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("url", [b"sqlite:///jobs.db", 7, ["sqlite:///jobs.db"]])
async def test_a_url_that_is_no_text_is_told_what_to_write(url: object) -> None:
    assert "sqlite:///" in await refused(url, StoreUnavailable)


async def test_a_missing_folder_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    folder = tmp_path / "no" / "such folder"
    url = sqlite_url(folder / "jobs.db")

    message = await refused(url, StoreUnavailable)

    assert str(folder) in message
    assert "jobstore migrate up --store" in message
    assert not folder.parent.exists()
    async with jobstore.connect(url, migrate=True) as store:
        assert await store.count() == 0


async def test_a_missing_file_is_behind(store_url: str, tmp_path: Path) -> None:
    message = await refused(store_url, SchemaMismatch)

    assert f"jobstore migrate up --store {store_url}" in message
    assert contents(tmp_path) == {}


async def test_an_empty_file_is_behind_and_can_be_migrated(store_url: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.db").touch()

    await refused(store_url, SchemaMismatch)

    async with jobstore.connect(store_url, migrate=True) as store:
        assert await store.count() == 0


def _text(path: Path) -> None:
    path.write_text("title,company\n" * 500)


def _cut_header(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(84))


def _noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE customer (name TEXT)")
        conn.execute("INSERT INTO customer VALUES ('Ada')")
        conn.commit()


def _foreign_and_marked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA application_id = 252006674")
        conn.execute("CREATE TABLE posting (title TEXT)")
        conn.commit()


@pytest.mark.parametrize("make", [_text, _cut_header, _noise, _foreign, _foreign_and_marked])
@pytest.mark.parametrize("migrate", [False, True])
async def test_what_is_no_store_is_not_touched(
    store_url: str, tmp_path: Path, make: Callable[[Path], None], migrate: bool
) -> None:
    make(tmp_path / "jobs.db")
    before = contents(tmp_path)

    message = await refused(store_url, StoreCorrupt, migrate=migrate)

    hints = ("give jobstore a file of its own", "check the store's URL", "jobstore doctor")
    assert any(hint in message for hint in hints)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("migrate", [False, True])
async def test_a_folder_is_no_store(tmp_path: Path, migrate: bool) -> None:
    (tmp_path / "jobs.db").mkdir()

    message = await refused(sqlite_url(tmp_path / "jobs.db"), StoreUnavailable, migrate=migrate)

    assert str(tmp_path) in message


async def test_a_device_is_no_store() -> None:
    await refused("sqlite:////dev/null", StoreUnavailable)
    await refused("sqlite:////dev/null", StoreUnavailable, migrate=True)


async def test_a_store_that_is_behind_names_the_command(store_url: str, tmp_path: Path) -> None:
    migrating.up(store_url, to="0001")
    before = contents(tmp_path)

    message = await refused(store_url, SchemaMismatch)

    assert "0002" in message
    assert f"jobstore migrate up --store {store_url}" in message
    assert contents(tmp_path) == before
    async with jobstore.connect(store_url, migrate=True) as store:
        assert (await store.upsert(posting())).outcome is Outcome.INSERTED


async def test_a_read_only_file_is_read_and_refuses_writes(
    migrated_url: str, frozen_file: Path
) -> None:
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(full())
    freeze(frozen_file)

    async with jobstore.connect(migrated_url) as store:
        assert (await store.search(SearchQuery(text="engineer"))).total == 1
        for call in (
            store.upsert(posting(2)),
            store.upsert_many([posting(2)]),
            store.delete(job_id("board", "1")),
            store.update(job_id("board", "1"), {"title": "x"}),
            _in_transaction(store, posting(2)),
        ):
            with pytest.raises(StoreUnavailable, match="read-only.*write access"):
                await call
        assert await store.count() == 1


async def _in_transaction(store: JobStore, what: dict[str, Any]) -> None:
    async with store.transaction() as tx:
        await tx.upsert(what)


async def test_a_read_only_disk_is_told(small_disk: SmallDisk) -> None:
    url = sqlite_url(small_disk.folder / "jobs.db")
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert(full())
    small_disk.read_only()
    before = contents(small_disk.folder)

    for migrate in (False, True):
        message = await refused(url, StoreUnavailable, migrate=migrate)
        assert "write" in message
    await refused(sqlite_url(small_disk.folder / "new.db"), StoreUnavailable, migrate=True)
    await refused(sqlite_url(small_disk.folder / "a/b.db"), StoreUnavailable, migrate=True)

    assert contents(small_disk.folder) == before
    small_disk.writable()
    async with jobstore.connect(url) as store:
        assert await store.count() == 1


EXCLUSIVE = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute(sys.argv[2])
conn.execute("BEGIN EXCLUSIVE")
conn.execute("CREATE TABLE IF NOT EXISTS other (x)")
print("locked", flush=True)
sys.stdin.readline()
conn.execute("ROLLBACK")
conn.close()
print("released", flush=True)
"""


@pytest.fixture
def lock(tmp_path: Path, start_python: Start) -> Callable[[str], Popen[str]]:
    """Let another process lock the store's file."""

    def locked(pragma: str = "SELECT 1") -> Popen[str]:
        process = start_python(EXCLUSIVE, str(tmp_path / "jobs.db"), pragma)
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        return process

    return locked


async def test_a_file_that_another_program_writes_is_busy_and_still_read(
    migrated_url: str, lock: Callable[..., Popen[str]]
) -> None:
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(full(1))
    other = lock()
    async with jobstore.connect(migrated_url, options=IMPATIENT) as store:
        assert await store.count() == (await store.search()).total == 1
        for call in (
            store.upsert(posting(2)),
            store.upsert_many([posting(2)]),
            store.delete(job_id("board", "1")),
            _in_transaction(store, posting(2)),
        ):
            with pytest.raises(StoreBusy, match="try again"):
                await call
        assert await store.count() == 1

        await asyncio.to_thread(other.communicate, "go\n", 60)

    async with jobstore.connect(migrated_url) as store:
        assert (await store.upsert(posting(2))).outcome is Outcome.INSERTED


async def test_a_lock_that_is_let_go_in_time_is_only_waited_for(
    migrated_url: str, lock: Callable[..., Popen[str]]
) -> None:
    other = lock()
    async with jobstore.connect(migrated_url) as store:
        write = asyncio.create_task(store.upsert(posting(1)))
        await asyncio.to_thread(other.communicate, "go\n", 60)
        assert (await write).outcome is Outcome.INSERTED


async def test_a_file_that_another_program_keeps_for_itself_is_busy(
    migrated_url: str, lock: Callable[..., Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", 0.2)
    other = lock("PRAGMA locking_mode = EXCLUSIVE")

    message = await refused(migrated_url, StoreBusy)

    assert "try again" in message
    await asyncio.to_thread(other.communicate, "go\n", 60)
    async with jobstore.connect(migrated_url) as store:
        assert await store.count() == 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077, 0o177])
async def test_new_files_are_for_their_owner_alone_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    folder = tmp_path / "a" / "b"
    usual = os.umask(umask)
    try:
        async with jobstore.connect(sqlite_url(folder / "jobs.db"), migrate=True) as store:
            await store.upsert(posting())
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    finally:
        os.umask(usual)

    assert set(modes) >= {"jobs.db", "jobs.db-wal", "jobs.db-shm"}
    assert modes["jobs.db"] == 0o600
    assert [name for name, mode in modes.items() if mode & 0o077] == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
