"""Copies that end in the middle: killed, out of space, without a server. The next call goes on."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from jobstore import JobStore, StorageFull, StoreCorrupt, StoreUnavailable
from jobstore.engines import reconciling
from tests.engines.copies import PAIRS, assert_same, copied, named, opened
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.disks import SmallDisk
from tests.fixtures.postings import posting

Start = Callable[..., subprocess.Popen[str]]

# Ends itself with the call of a function of ours that has this number, or tells how many there are.
KILLED = """
import os, signal, sys
from jobstore.engines import reconciling
from jobstore.operations.copying import copy

reconciling._BATCH, reconciling._NEWS = 8, 1
source, target, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
calls = 0

def count(frame, event, argument):
    global calls
    if event == "call" and "jobstore/engines" in frame.f_code.co_filename:
        calls += 1
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
copy(source, target)
sys.setprofile(None)
print(calls)
"""


@pytest.fixture(params=PAIRS, ids=named)
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """The URLs of two empty stores."""
    pair: tuple[Harness, Harness] = request.param
    made = [engine.new_url(_made(tmp_path / str(n))) for n, engine in enumerate(pair)]
    yield made
    for engine, url in zip(pair, made, strict=True):
        engine.check(url)
        engine.forget(url)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _change(store: JobStore, generator: random.Random, number: int) -> None:
    """Write some new postings, change some, move some in the order, and remove some."""
    rows = [
        posting(generator.randrange(60))
        | {
            "title": f"Engineer {generator.randrange(9)}",
            "posted_at": f"2026-01-{generator.randint(1, 4):02}",
        }
        for _ in range(number)
    ]
    await store.upsert_many(rows)
    for job in [job async for job in store.stream()]:
        if generator.random() < 0.1:
            await store.delete(job.id)


async def test_a_copy_that_was_killed_at_any_point_goes_on(
    urls: list[str], start_python: Start
) -> None:
    generator = random.Random(14)
    async with opened(urls[0]) as store:
        await _change(store, generator, 60)
    # What a call is counted for is much the same each time.
    calls = 0
    for _ in range(4):
        point = generator.randint(1, calls or 4000)
        with start_python(KILLED, *urls, str(point)) as process:
            told, _ = process.communicate(timeout=300)
        assert process.returncode in (0, -signal.SIGKILL), told
        calls = int(told) if process.returncode == 0 else calls
        async with opened(urls[0]) as store:
            await _change(store, generator, 12)
    await copied(*urls)
    await assert_same(*urls)


async def test_a_full_disk_is_told_and_the_copy_goes_on_when_there_is_room(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    source, target = SQLITE.new_url(tmp_path), SQLITE.new_url(small_disk.folder)
    async with opened(source) as store:
        await store.upsert_many(posting(n) | {"description": f"{n} " * 400} for n in range(600))
    small_disk.burden(3_000_000)
    with pytest.raises(StorageFull):
        await copied(source, target)
    small_disk.relieve()
    done = await copied(source, target)
    assert done.postings == 600
    await assert_same(source, target)
    SQLITE.check(target)


@pytest.mark.parametrize("end", [0, 1], ids=["postgresql-source", "postgresql-target"])
async def test_a_lost_connection_is_told_and_the_copy_goes_on(
    end: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "_BATCH", 8)
    monkeypatch.setattr(reconciling, "_NEWS", 1)
    urls = [SQLITE.new_url(tmp_path), POSTGRES.new_url(tmp_path)]
    server = urls[1]
    source, target = urls if end else urls[::-1]
    async with opened(source) as store:
        await store.upsert_many(posting(n) for n in range(100))

    def cut(step: str, done: int, total: int) -> None:
        if step == "copy postings" and done == 50:
            with psycopg.connect(server, autocommit=True) as conn:
                conn.execute(
                    "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a "
                    "WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
                )

    with pytest.raises(StoreUnavailable, match="connection to the database server was lost"):
        await copied(source, target, progress=cut)
    done = await copied(source, target)
    assert done.postings == 100
    assert done.carried < 100 or end == 0
    await assert_same(source, target)
    POSTGRES.forget(server)


async def test_what_is_damaged_is_not_carried(tmp_path: Path) -> None:
    source, target = SQLITE.new_url(tmp_path), SQLITE.new_url(tmp_path)
    async with opened(source) as store:
        result = await store.upsert(posting())
    await asyncio.to_thread(_damage, source.removeprefix("sqlite:///"))
    with pytest.raises(StoreCorrupt, match=f"{result.id.hex}.* is not what was written"):
        await copied(source, target)
    async with opened(target) as store:
        assert await store.count() == 0


def _damage(path: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("UPDATE posting SET title = 'Engineer 2'")
