"""The migrations of applications and saved searches: up, down and up again on stores with data."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import jobstore
from jobstore import migrating
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

BEFORE = {"sqlite": "0015", "postgresql": "0004"}


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_applications_come_to_a_store_that_holds_data_and_go_again(
    engine: Harness, tmp_path: Path
) -> None:
    url, clock = engine.new_url(tmp_path), Clock()
    try:
        async with jobstore.connect(url, clock=clock) as store:
            ids = [(await store.upsert(posting(n, description="bread"))).id for n in range(3)]
            await store.apply(ids[0])
            jobs = [job async for job in store.stream()]
        (before,) = [
            each.id for each in migrating.status(url) if each.id[:4] == BEFORE[engine.scheme]
        ]
        await asyncio.to_thread(migrating.down, url, before)
        await asyncio.to_thread(migrating.up, url)
        await asyncio.to_thread(migrating.verify, url)
        async with jobstore.connect(url, clock=clock) as store:
            assert [job async for job in store.stream()] == jobs
            assert await store.applications() == []
            # That somebody applied is known still.
            kinds = {each.kind for each in await store.history(ids[0])}
            assert kinds == {"application", "opened"}
            assert (await store.apply(ids[0])).state == "applied"
        engine.check(url)
    finally:
        engine.forget(url)


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_saved_searches_come_to_a_store_that_holds_data_and_go_again(
    engine: Harness, tmp_path: Path
) -> None:
    url, clock = engine.new_url(tmp_path), Clock()
    try:
        async with jobstore.connect(url, clock=clock) as store:
            for number in range(3):
                await store.upsert(posting(number))
            await store.save_search("all")
            await store.acknowledge("all", await store.new_matches("all"))
            jobs = [job async for job in store.stream()]
        before = [each.id for each in migrating.status(url) if "applications" in each.id]
        await asyncio.to_thread(migrating.down, url, *before)
        await asyncio.to_thread(migrating.up, url)
        await asyncio.to_thread(migrating.verify, url)
        async with jobstore.connect(url, clock=clock) as store:
            assert [job async for job in store.stream()] == jobs
            assert await store.saved_searches() == []
            await store.save_search("all")
            assert len(await store.new_matches("all")) == 3
        engine.check(url)
    finally:
        engine.forget(url)
