"""A search for duplicates that is interrupted or killed goes on, and comes to the same."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import jobstore
from jobstore import Compared, JobPosting, JobStore
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.openings import OTHER_TASKS, TASKS
from tests.fixtures.writers import until_somebody_waits

NUMBER = 60
_FIND = """
import asyncio, sys
import jobstore

def told(done):
    print(done.compared, flush=True)
    if done.compared:
        sys.stdin.readline()

async def main():
    async with jobstore.connect(sys.argv[1]) as store:
        await store.find_duplicates(progress=told)

asyncio.run(main())
"""


def given() -> list[JobPosting]:
    return [
        JobPosting(
            source=source,
            source_job_id=str(number),
            title=f"Pump Engineer in hall {number % 20}",
            company=f"Northern Waterworks {'abcdefghijklmnopqrst'[number % 20]}",
            location="Lowell, MA",
            description=f"{TASKS if number % 2 else OTHER_TASKS} {number % 20}",
        )
        for number in range(NUMBER // 2)
        for source in ("indeed", "linkedin")
    ]


async def told(store: JobStore) -> dict[str, set[tuple[str, str, bool]]]:
    return {
        str(job.id): {
            (str(each.id), each.verdict, each.together) for each in await store.duplicates(job.id)
        }
        async for job in store.stream()
    }


async def straight(url: str) -> dict[str, set[tuple[str, str, bool]]]:
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert_many(given())
        assert (await store.find_duplicates()).compared == NUMBER
        return await told(store)


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
def test_who_is_killed_in_a_search_begins_where_it_was(engine: Harness, tmp_path: Path) -> None:
    urls = []
    for name in ("straight", "killed"):
        (tmp_path / name).mkdir()
        urls.append(engine.new_url(tmp_path / name))
    try:
        expected = asyncio.run(straight(urls[0]))
        assert any(together for found in expected.values() for *_, together in found)

        async def fill() -> None:
            async with jobstore.connect(urls[1], migrate=True) as store:
                await store.upsert_many(given())

        asyncio.run(fill())
        child = subprocess.Popen(
            [sys.executable, "-c", _FIND, urls[1]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "0\n"
        # The first piece is kept, and the process waits in the middle.
        assert 0 < int(child.stdout.readline()) < NUMBER
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        child.stdin.close()

        async def go_on() -> dict[str, set[tuple[str, str, bool]]]:
            async with jobstore.connect(urls[1]) as store:
                assert 0 < (await store.find_duplicates()).compared < NUMBER
                assert (await store.find_duplicates()).compared == 0
                assert await store.check_duplicates() == []
                return await told(store)

        assert asyncio.run(go_on()) == expected
    finally:
        for url in urls:
            engine.check(url)
            engine.forget(url)


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
def test_two_searches_at_once_come_to_the_same(engine: Harness, tmp_path: Path) -> None:
    urls = []
    for name in ("straight", "twice"):
        (tmp_path / name).mkdir()
        urls.append(engine.new_url(tmp_path / name))

    async def twice() -> dict[str, set[tuple[str, str, bool]]]:
        async with (
            jobstore.connect(urls[1], migrate=True) as one,
            jobstore.connect(urls[1]) as other,
        ):
            await one.upsert_many(given())
            found: tuple[Compared, Compared] = await asyncio.gather(
                one.find_duplicates(), other.find_duplicates()
            )
            assert sum(each.compared for each in found) >= NUMBER
            return await told(one)

    try:
        assert asyncio.run(twice()) == asyncio.run(straight(urls[0]))
    finally:
        for url in urls:
            engine.check(url)
            engine.forget(url)


async def test_a_group_has_nobody_who_is_deleted_meanwhile(tmp_path: Path) -> None:
    url = POSTGRES.new_url(tmp_path)
    try:
        async with jobstore.connect(url) as store, jobstore.connect(url) as other:
            # Whom the third is not like, and who is in its group.
            shown = {"title": "Pump Engineer", "company": "Acme", "location": "Lowell, MA"}
            ids = [
                (
                    await store.upsert(
                        JobPosting(source=source, source_job_id="1", description=text, **shown)
                    )
                ).id
                for source, text in (("indeed", TASKS), ("linkedin", TASKS), ("dice", OTHER_TASKS))
            ]
            await store.find_duplicates()
            async with other.transaction() as deleting:
                await deleting.delete(ids[0])
                joining = asyncio.create_task(store.confirm_duplicate(ids[1], ids[2]))
                await until_somebody_waits(url)
            await joining
            assert await store.check_duplicates() == []
            assert [each.id for each in await store.duplicates(ids[1])] == [ids[2]]
        with psycopg.connect(url) as conn:
            for table in ("member", "link", "verdict", "feature"):
                text = f"SELECT id FROM {table} WHERE id NOT IN (SELECT id FROM posting)"
                assert conn.execute(text).fetchall() == []
        POSTGRES.check(url)
    finally:
        POSTGRES.forget(url)
