"""What is kept beside postings is not lost without a word when an earlier state comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import jobstore
from jobstore.engines import archive_of
from jobstore.engines.archive import Loss
from jobstore.engines.kept import EVENT
from jobstore.progress import silent
from jobstore.settings import parse_store_url
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.postings import posting


@pytest.mark.parametrize("engine", [SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
async def test_events_that_an_earlier_state_lacks_are_told(engine: Harness, tmp_path: Path) -> None:
    url = engine.new_url(tmp_path)
    address, copy = parse_store_url(url), tmp_path / "copy.db"
    archive = archive_of(address)
    try:
        async with jobstore.connect(url) as store:
            id = (await store.upsert(posting("1"))).id
            async with store.engine.transaction(60) as unit:
                await unit.put(EVENT, [(id.bytes, 1, "noticed", "{}", None, None)])
        await asyncio.to_thread(archive.dump, address, copy, silent)
        assert await asyncio.to_thread(archive.compare, address, copy) == Loss()
        async with (
            jobstore.connect(url) as store,
            store.engine.transaction(60) as unit,
        ):
            await unit.put(EVENT, [(id.bytes, n, "noticed", "{}", None, None) for n in (1, 2, 3)])
        found = await asyncio.to_thread(archive.compare, address, copy)
        assert found == Loss(beside=2)
        assert str(found) == "postings written since then: 2 events and the like"
    finally:
        engine.forget(url)
