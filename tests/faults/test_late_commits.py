"""A saved search misses nothing that a transaction stores long after others have read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import jobstore
from jobstore import SearchQuery
from tests.engines.harness import POSTGRES
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting


async def test_what_an_open_transaction_wrote_is_found_once_it_is_stored(tmp_path: Path) -> None:
    url, clock = POSTGRES.new_url(tmp_path), Clock(datetime.now(UTC))
    try:
        async with (
            jobstore.connect(url, clock=clock) as slow,
            jobstore.connect(url, clock=clock) as store,
        ):
            await store.save_search("bakers", SearchQuery(text="baker"))
            async with slow.transaction(600) as transaction:
                await transaction.upsert(posting("late", title="Baker"))
                # Others go on for hours.
                clock.advance(hours=5)
                await store.upsert(posting("early", title="Baker"))
                clock.advance(hours=5)
                found = await store.new_matches("bakers")
                assert [job.source_job_id for job in found] == ["early"]
                await store.acknowledge("bakers", found)
                assert len(await store.new_matches("bakers")) == 0
            late = await store.new_matches("bakers")
            assert [job.source_job_id for job in late] == ["late"]
            await store.acknowledge("bakers", late)
            assert len(await store.new_matches("bakers")) == 0
        POSTGRES.check(url)
    finally:
        POSTGRES.forget(url)


async def test_what_is_deleted_while_it_is_acknowledged_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    url = POSTGRES.new_url(tmp_path)
    try:
        async with jobstore.connect(url) as slow, jobstore.connect(url) as store:
            await store.save_search("bakers", SearchQuery(text="baker"))
            for number in range(3):
                await store.upsert(posting(number, title="Baker"))
            found = await store.new_matches("bakers")
            async with slow.transaction(600) as transaction:
                for job in found:
                    await transaction.delete(job.id)
                acknowledging = asyncio.create_task(store.acknowledge("bakers", found))
                # It waits for the postings that are being deleted.
                await asyncio.wait({acknowledging}, timeout=0.5)
                assert not acknowledging.done()
            await acknowledging
            await store.upsert(posting(1, title="Baker"))
            again = await store.new_matches("bakers")
            assert [job.source_job_id for job in again] == ["1"]
        POSTGRES.check(url)
    finally:
        POSTGRES.forget(url)
