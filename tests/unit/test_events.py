"""What observers are told, and that they can do no harm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

import jobstore
from jobstore import Event, InvalidPosting, InvalidQuery, JobNotFound, JobStore, SearchQuery, job_id
from jobstore.events import Watch
from tests.fixtures.postings import posting


@pytest.fixture
def seen() -> list[Event]:
    return []


@pytest.fixture
async def watched(migrated_url: str, seen: list[Event]) -> AsyncIterator[JobStore]:
    async with jobstore.connect(migrated_url, observers=[seen.append]) as opened:
        yield opened


def told(seen: list[Event]) -> list[tuple[str, int, str | None]]:
    return [(event.operation, event.rows, event.error) for event in seen]


async def test_every_operation_is_told_with_its_rows(watched: JobStore, seen: list[Event]) -> None:
    id = job_id("board", "1")
    await watched.upsert(posting(1))
    await watched.upsert_many([posting(2), posting(2), posting(3, title="")])
    await watched.get(id)
    await watched.find("board", "none")
    await watched.get_many([id, job_id("board", "none")])
    await watched.update(id, {"title": "x"})
    await watched.revisions(id)
    await watched.search(limit=1)
    await watched.recent()
    await watched.count()
    await watched.statistics()
    assert [job async for job in watched.stream()] != []
    await watched.delete(id)
    await watched.delete(id)

    assert told(seen) == [
        ("upsert", 1, None),
        ("upsert_many", 2, None),
        ("get", 1, None),
        ("find", 0, None),
        ("get_many", 1, None),
        ("update", 1, None),
        ("revisions", 1, None),
        ("search", 1, None),
        ("recent", 2, None),
        ("count", 0, None),
        ("statistics", 0, None),
        ("stream", 2, None),
        ("delete", 1, None),
        ("delete", 0, None),
    ]
    assert all(0 < event.seconds < 60 for event in seen)


async def test_errors_are_told_by_name(watched: JobStore, seen: list[Event]) -> None:
    with pytest.raises(InvalidPosting):
        await watched.upsert(posting(1, title=""))
    with pytest.raises(JobNotFound):
        await watched.get(job_id("a", "b"))
    with pytest.raises(InvalidQuery):
        await watched.search(SearchQuery(text="***"))
    with pytest.raises(InvalidQuery):
        await watched.recent(days=0)

    assert told(seen) == [
        ("upsert", 0, "InvalidPosting"),
        ("get", 0, "JobNotFound"),
        ("search", 0, "InvalidQuery"),
        ("recent", 0, "InvalidQuery"),
    ]


async def test_a_transaction_is_told_with_what_happened_in_it(
    watched: JobStore, seen: list[Event]
) -> None:
    async def work(number: int, ratio: int) -> float:
        async with watched.transaction() as tx:
            await tx.upsert(posting(number))
            return 1 / ratio

    await work(1, ratio=1)
    with pytest.raises(ZeroDivisionError):
        await work(2, ratio=0)

    assert told(seen) == [
        ("upsert", 1, None),
        ("transaction", 0, None),
        ("upsert", 1, None),
        ("transaction", 0, "ZeroDivisionError"),
    ]


async def test_a_cancelled_call_is_told_as_cancelled(watched: JobStore, seen: list[Event]) -> None:
    task = asyncio.create_task(watched.upsert(posting(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert told(seen) == [("upsert", 0, "CancelledError")]


async def test_a_failing_observer_harms_neither_the_call_nor_the_others(
    migrated_url: str, seen: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    def failing(event: Event) -> None:
        raise ZeroDivisionError("the observer's own")

    observers: list[Any] = [failing, seen.append]
    with caplog.at_level(logging.ERROR, logger="jobstore"):
        async with jobstore.connect(migrated_url, observers=observers) as store:
            result = await store.upsert(posting(1))
            with pytest.raises(JobNotFound):
                await store.get(job_id("a", "b"))

    assert result.version == 1
    assert told(seen) == [("upsert", 1, None), ("get", 0, "JobNotFound")]
    assert [record.getMessage() for record in caplog.records] == [
        "an observer of upsert failed",
        "an observer of get failed",
    ]


def test_an_observer_may_not_swallow_an_interruption() -> None:
    def interrupted(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Watch("upsert", (interrupted,)):
        pass


def test_a_watch_lets_errors_through_when_nobody_observes() -> None:
    with pytest.raises(ZeroDivisionError), Watch("search", ()) as watch:
        watch.rows = 1 // 0
