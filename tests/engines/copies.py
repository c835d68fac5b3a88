"""What tests of copies share: the pairs of engines, and whether two stores are the same."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from typing import Any

import jobstore
from jobstore import EngineOptions, Job, JobStore, SearchQuery
from jobstore.operations.copying import Copied, copy
from tests.engines.harness import POSTGRES, SQLITE, Harness

PAIRS: tuple[tuple[Harness, Harness], ...] = (*itertools.product((SQLITE, POSTGRES), repeat=2),)

OPTIONS = EngineOptions(synchronous="normal", busy_timeout=10, read_timeout=60)

QUERIES = (
    SearchQuery(),
    SearchQuery(text="engineer"),
    SearchQuery(text='"engineer 7" OR acme', sort="relevance"),
    SearchQuery(text="title:engineer -nobody*", sort="salary"),
    SearchQuery(company="acme", sort="applicants"),
    SearchQuery(status="open", salary_min=1),
)


def named(pair: tuple[Harness, Harness]) -> str:
    """Return what a test for a pair is called."""
    return "-to-".join(each.scheme for each in pair)


def opened(url: str, **options: Any) -> JobStore:
    """Return a store to be opened with ``async with``."""
    store: JobStore = jobstore.connect(url, options=OPTIONS, **options)
    return store


async def copied(*urls: str, **how: Any) -> Copied:
    """Copy in a thread: it blocks."""
    return await asyncio.to_thread(partial(copy, *urls, **how))


async def everything(store: JobStore) -> list[tuple[Job, list[Any]]]:
    """Return all postings in the order of listing, with what is kept of earlier versions."""
    jobs = [job async for job in store.stream()]
    return [(job, await store.revisions(job.id)) for job in jobs]


async def assert_same(*urls: str) -> None:
    """Assert that two stores hold the same, and answer alike."""
    async with opened(urls[0]) as one, opened(urls[1]) as other:
        assert await everything(one) == await everything(other)
        assert await one.statistics() == await other.statistics()
        for query in QUERIES:
            found, again = [await each.search(query, limit=30) for each in (one, other)]
            assert found.items == again.items, query
            assert found.total == again.total
