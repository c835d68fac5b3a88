"""The migration that brings duplicates: up, down and up again on a store that holds data."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import jobstore
from jobstore import JobPosting, migrating
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.openings import TASKS

OWN = {"sqlite": "0015", "postgresql": "0004"}


def before(url: str, scheme: str) -> str:
    ids = [each.id for each in migrating.status(url)]
    return ids[[id[:4] for id in ids].index(OWN[scheme]) - 1]


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_duplicates_come_to_a_store_that_holds_data_and_go_again(
    engine: Harness, tmp_path: Path
) -> None:
    url = engine.new_url(tmp_path)
    try:
        ids = []
        async with jobstore.connect(url, actor="anna") as store:
            for source in ("indeed", "linkedin"):
                given = JobPosting(
                    source=source,
                    source_job_id="1",
                    title="Pump Engineer",
                    company="Northern Waterworks",
                    location="Lowell",
                    description=TASKS,
                )
                ids.append((await store.upsert(given)).id)
            await store.find_duplicates()
            await store.reject_duplicate(*ids)

        await asyncio.to_thread(lambda: migrating.down(url, before(url, engine.scheme)))
        await asyncio.to_thread(migrating.up, url)
        await asyncio.to_thread(migrating.verify, url)
        engine.check(url)
        async with jobstore.connect(url) as store:
            assert await store.duplicates(ids[0]) == []
            assert (await store.find_duplicates()).same == 1
            (found,) = await store.duplicates(ids[0])
            assert (found.id, found.verdict, found.together) == (ids[1], "same", True)
        engine.check(url)
    finally:
        engine.forget(url)
