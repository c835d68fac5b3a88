"""The migration that brings history: up, down and up again on a store that holds data."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

import jobstore
from jobstore import migrating
from jobstore.engines.kept import EVENT
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

BEFORE = {"sqlite": "0012.index-settings", "postgresql": "0001.postings"}


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_history_comes_to_a_store_that_holds_data_and_goes_again(
    engine: Harness, tmp_path: Path
) -> None:
    url, clock = engine.new_url(tmp_path), Clock()
    try:
        async with jobstore.connect(url, clock=clock, actor="anna") as store:
            ids = [(await store.upsert(posting(str(n), location="Rome"))).id for n in range(4)]
            clock.advance(hours=1)
            await store.update(ids[0], {"title": "Baker"})
            await store.join(ids[1], "board", "x")
            await store.delete(ids[2])
            async with store.engine.transaction(30) as unit:
                await unit.put(EVENT, [(ids[0].bytes, 1, "noticed", "{}", None, None)])
            jobs = [job async for job in store.stream()]
            lives = [await store.history(job.id) for job in jobs]

        # What a program of the version before leaves.
        await asyncio.to_thread(migrating.down, url, BEFORE[engine.scheme])
        await asyncio.to_thread(migrating.up, url)
        await asyncio.to_thread(migrating.verify, url)
        engine.check(url)

        clock.advance(hours=1)
        async with jobstore.connect(url, clock=clock, actor="bert") as store:
            assert [job async for job in store.stream()] == jobs
            for job, life in zip(jobs, lives, strict=True):
                found = await store.history(job.id)
                # Nobody knows any more who stored a posting; of one that was joined, its parts do.
                expected = [each for each in life if each.kind != "noticed"]
                if job.source_job_id != "x":
                    expected[-1] = replace(expected[-1], actor=None)
                assert found == expected
                assert (await store.get(job.id, version=1)).title
            assert await store.history(ids[2]) == []
            await store.update(ids[0], {"title": "Cook"})
            assert (await store.history(ids[0]))[0].actor == "bert"
            new = (await store.upsert(posting("new"))).id
            assert [each.actor for each in await store.history(new)] == ["bert"]
        engine.check(url)
    finally:
        engine.forget(url)
