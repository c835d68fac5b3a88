"""Whoever writes the log back without the lock keeps it first: no close is a gap."""

from __future__ import annotations

import asyncio

import jobstore
from jobstore.engines import log_of
from jobstore.settings import parse_store_url
from tests.fixtures.postings import posting


async def write(url: str, number: int) -> None:
    async with jobstore.connect(url) as store:
        await store.upsert(posting(number))


def test_a_store_that_is_opened_and_closed_again_and_again_stays_in_its_generation(
    migrated_url: str,
) -> None:
    url = parse_store_url(migrated_url)
    log = log_of(url)
    generation = log.start(url, limit=2**26, wait=False).generation
    for number in range(3):
        asyncio.run(write(migrated_url, number))
        assert log.capture(url).generation == generation
    kept = log.kept(url)
    assert kept is not None
    assert kept.broken is None
    assert len(kept.segments) == 3
