"""A primary that is gone, one that hangs, and reads from a standby that is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import jobstore
from jobstore import EngineOptions
from tests.fixtures.cluster import Cluster, cluster
from tests.fixtures.writers import Writers

_PATIENT = EngineOptions(busy_timeout=120, read_timeout=60)
_FROM_STANDBYS = EngineOptions(busy_timeout=120, read_timeout=60, read_from="replica")


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """A primary and its standby, with a database ``jobs``."""
    with cluster("jobs") as both:
        yield both


async def test_writers_go_on_by_themselves_when_a_killed_primary_has_a_successor(
    pair: Cluster,
) -> None:
    url = pair.url("jobs")
    await jobstore.connect(url, migrate=True).__aenter__()
    async with Writers(url, 20, options=_PATIENT) as writers:
        await writers.more(100)
        await asyncio.to_thread(pair.fail_over)
        await writers.more(100)
    await writers.check()
    assert not writers.errors
