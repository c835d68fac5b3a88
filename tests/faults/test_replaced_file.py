"""A database file that is taken away or replaced under an open store: nothing is lost or mixed."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from jobstore import SchemaMismatch, StoreUnavailable, migrating
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.upkeep import exchange, replacing
from jobstore.locking import FileLock, exchanging, opening
from jobstore.settings import sqlite_url
from tests.fixtures.checks import check_file
from tests.fixtures.postings import posting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


async def _made(path: Path, *numbers: int) -> None:
    async with jobstore.connect(sqlite_url(path), migrate=True) as store:
        for number in numbers:
            await store.upsert(posting(number))


async def _replaced(path: Path, copy: Path) -> Path:
    """Put a copy in the place of a store; return where that is now."""
    done = await asyncio.to_thread(
        partial(replacing.replace, path, copy, known=None, salvage=False)
    )
    return done.aside


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
async def test_writes_are_refused_once_the_file_is_another_one(path: Path, replaced: bool) -> None:
    aside = path.with_name("aside.db")
    async with jobstore.connect(f"sqlite:///{path}", migrate=True) as store:
        await store.upsert(posting(1))
        if replaced:
            # By hand, with the log of the old one beside it.
            shutil.copyfile(path, aside)
            aside.replace(path)
        else:
            shutil.move(path, aside)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.upsert(posting(2))
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.upsert_many([posting(3)])
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            async with store.transaction() as tx:
                await tx.upsert(posting(4))
        if replaced:
            # What is read would be a mixture.
            with pytest.raises(StoreUnavailable, match="removed or replaced"):
                await store.count()
        else:
            assert await store.count() == 1
            # Put back, it is the same file again.
            aside.rename(path)
            assert (await store.upsert(posting(5))).version == 1


@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
async def test_who_has_a_store_open_goes_on_with_what_took_its_place(
    path: Path, linked: bool
) -> None:
    other, name = path.with_name("other.db"), path
    await _made(path, 1)
    await _made(other, 1, 2, 3)
    if linked:
        name = path.with_name("link.db")
        name.symlink_to(path)
    async with jobstore.connect(sqlite_url(name)) as store:
        first = await store.search(limit=1)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM posting").fetchone()

            aside = await _replaced(path, other)

            assert await store.count() == 3
            await store.upsert(posting(4))
            async with store.transaction() as tx:
                await tx.upsert(posting(5))
                assert await store.count() == 4
            # It ends on what it began with.
            assert reader.execute("SELECT count(*) FROM posting").fetchone() == (1,)
        assert await store.count() == 5
        # The cursors of another store are not this one's.
        assert first.next_cursor is None
        page = await store.search(limit=2)
        assert page.next_cursor is not None
        async with jobstore.connect(sqlite_url(path)) as again:
            assert len((await again.search(limit=9, cursor=page.next_cursor)).items) == 3
    with closing(sqlite3.connect(aside)) as old:
        assert old.execute("SELECT source_job_id FROM posting").fetchall() == [("1",)]
    check_file(path)


async def test_a_program_that_does_not_fit_what_took_the_place_is_told(path: Path) -> None:
    other = path.with_name("other.db")
    await _made(path, 1)
    migrating.up(sqlite_url(other), "0009")
    async with jobstore.connect(sqlite_url(path)) as store:
        await _replaced(path, other)
        for _ in range(2):
            with pytest.raises(SchemaMismatch, match="migrate up"):
                await store.count()
            with pytest.raises(SchemaMismatch, match="migrate up"):
                await store.upsert(posting(2))
        await asyncio.to_thread(migrating.up, sqlite_url(path))
        await store.upsert(posting(2))
        assert await store.count() == 1
    check_file(path)


async def test_a_replacement_that_ends_between_its_last_steps_mixes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = path.with_name("first.db"), path.with_name("second.db")
    await _made(path, 1)
    await _made(first, 1, 2)
    await _made(second, 1, 2, 3)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    async with jobstore.connect(sqlite_url(path)) as store:
        await store.upsert(posting(9))
        with monkeypatch.context() as patch:
            patch.setattr(exchange, "_forget_log", killed)
            with pytest.raises(KeyboardInterrupt):
                replacing.replace(path, first, known=None, salvage=False)
        # The new store is there, beside the log that belongs to the old one for this program.
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.count()
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.upsert(posting(4))
        (aside,) = exchange.asides(path)
        await _replaced(path, second)
        assert await store.count() == 3
        await store.upsert(posting(4))
    check_file(path)
    with closing(sqlite3.connect(aside)) as old:
        assert old.execute("SELECT count(*) FROM posting").fetchone() == (2,)


async def test_a_second_name_that_a_kill_has_left_is_removed(path: Path) -> None:
    other = path.with_name("other.db")
    await _made(path, 1)
    await _made(other, 1, 2)
    second = path.with_name("jobs.db.replaced-20260101T000000Z")
    second.hardlink_to(path)
    assert exchange.asides(path) == []
    replacing.check_target(path, replace=True)

    aside = await _replaced(path, other)

    assert exchange.asides(path) == [aside]
    assert not second.exists()


def test_nobody_opens_the_files_while_they_are_exchanged(path: Path) -> None:
    asyncio.run(_made(path, 1))
    began, opened = threading.Event(), threading.Event()

    def open_it() -> None:
        began.set()
        open_file(path, "ro", 60).close()
        opened.set()

    lock, thread = FileLock(path, 60), threading.Thread(target=open_it)
    with lock:
        with opening(path), opening(path):
            # Several may open it.
            open_file(path, "ro", 60).close()
        with exchanging(lock):
            thread.start()
            assert began.wait(60)
            assert not opened.wait(0.2)
        assert opened.wait(60)
    thread.join()


# Writes one posting for each line that it reads.
WRITING = """
import asyncio, sys
import jobstore
from tests.fixtures.postings import posting

async def main():
    async with jobstore.connect(sys.argv[1]) as store:
        for line in sys.stdin:
            await store.upsert(posting(line.strip()))
            print(await store.count(), flush=True)

asyncio.run(main())
"""


async def test_other_processes_go_on_too(
    path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    other = path.with_name("other.db")
    await _made(path, 1)
    await _made(other, 1, 2, 3)
    process = start_python(WRITING, sqlite_url(path))
    assert process.stdin
    assert process.stdout

    def write(name: str) -> str:
        print(name, file=process.stdin, flush=True)
        return process.stdout.readline()

    assert await asyncio.to_thread(write, "a") == "2\n"
    aside = await _replaced(path, other)
    assert await asyncio.to_thread(write, "b") == "4\n"
    await asyncio.to_thread(process.communicate, None, 60)
    assert process.returncode == 0
    for file, expected in ((aside, {"1", "a"}), (path, {"1", "2", "3", "b"})):
        with closing(sqlite3.connect(file)) as conn:
            rows = conn.execute("SELECT source_job_id FROM posting").fetchall()
        assert {key for (key,) in rows} == expected
    check_file(path)
