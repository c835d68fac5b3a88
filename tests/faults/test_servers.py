"""A server that is restarted, is gone in the middle of something, or has no room left."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import jobstore
from jobstore import EngineOptions, SearchQuery, StorageFull, StoreUnavailable, migrating
from tests.fixtures.cluster import Server, servers
from tests.fixtures.disks import may_mount
from tests.fixtures.endless_writers import Writers
from tests.fixtures.postgres import account
from tests.fixtures.postings import posting

PATIENT = EngineOptions(busy_timeout=120, read_timeout=60)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, with an empty store in the database ``jobs``."""
    with servers() as made:
        found = made.running("one")
        found.execute("CREATE DATABASE jobs")
        migrating.up(found.url("jobs"))
        yield found


async def test_writers_ride_out_a_restart(server: Server) -> None:
    async with Writers(server.url("jobs"), 20, options=PATIENT) as writers:
        await writers.more(50)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await writers.more(50)
    assert not writers.errors
    await writers.check()


async def test_without_a_server_reads_and_writes_say_so_and_go_on_when_it_is_back(
    server: Server,
) -> None:
    options = EngineOptions(busy_timeout=0.5, read_timeout=60)
    async with jobstore.connect(server.url("jobs"), options=options) as store:
        await store.upsert_many(posting(number) for number in range(600))
        reading = store.stream()
        await anext(reading)
        await asyncio.to_thread(server.kill)
        with pytest.raises(StoreUnavailable, match="server"):
            _ = [job async for job in reading]
        for asking in (store.search(SearchQuery(text="engineer")), store.statistics()):
            with pytest.raises(StoreUnavailable, match="server"):
                await asking
        with pytest.raises(StoreUnavailable, match="server"):
            await store.upsert(posting("late"))

        await asyncio.to_thread(server.start)
        assert await store.count() == 600
        assert (await store.upsert(posting("late"))).version == 1
        assert (await store.statistics()).total == 601


@contextmanager
def small_tablespace(server: Server) -> Iterator[Path]:
    """Mount a disk of 32 MB for the tablespace ``small`` of a server; skips where nobody may."""
    if not may_mount():
        pytest.skip("only root on Linux may mount a disk for a test")
    disk = server.folder.with_name("small")
    disk.mkdir()
    user = account()
    options = f"size=32m,mode=0700,uid={user},gid={user}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a disk for a test")
    try:
        inside = disk / "tablespace"
        inside.mkdir()
        os.chown(inside, user or -1, user or -1)
        server.execute(f"CREATE TABLESPACE small LOCATION '{inside}'")
        yield disk
    finally:
        server.stop()
        subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=True)


async def test_a_full_server_keeps_no_half_of_a_write_and_goes_on_when_there_is_room(
    server: Server,
) -> None:
    with small_tablespace(server) as disk:
        server.execute("CREATE DATABASE small TABLESPACE small")
        url = server.url("small")
        migrating.up(url)
        # The new database is a copy of which the server has not yet written every page: a read may
        # have to write one to make room in memory.
        server.execute("CHECKPOINT")
        (disk / "ballast").write_bytes(bytes(8 * 1024 * 1024))
        # Incompressible, so that it takes the room that it seems to take.
        texts = random.Random(1)
        async with jobstore.connect(url) as store:
            stored: dict[str, bool] = {}
            while all(stored.values()):
                group = [str(len(stored) + number) for number in range(40)]
                postings = [posting(key, description=texts.randbytes(8000).hex()) for key in group]
                answers = await asyncio.gather(*map(store.upsert, postings), return_exceptions=True)
                refused = [each for each in answers if isinstance(each, BaseException)]
                assert all(type(each) is StorageFull for each in refused), refused
                for key, answer in zip(group, answers, strict=True):
                    stored[key] = not isinstance(answer, BaseException)

            kept = {key for key, there in stored.items() if there}
            for key, there in stored.items():
                assert (await store.find("board", key) is not None) == there
            assert await store.count() == (await store.statistics()).total == len(kept)
            assert (await store.search(SearchQuery(text="engineer"))).items

            (disk / "ballast").unlink()
            for key in stored.keys() - kept:
                assert (await store.upsert(posting(key))).version == 1
            assert await store.count() == (await store.statistics()).total == len(stored)
