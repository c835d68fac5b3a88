"""History: what it refuses, and that nobody waits for a long one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import jobstore
from jobstore import InvalidQuery, InvalidSettings, JobNotFound, JobStore
from jobstore.lifecycle import history
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting


async def test_what_makes_no_sense_is_refused(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting("1"))).id
    for wrong in (
        {"version": 0},
        {"version": True},
        {"version": 1, "at": clock()},
        {"at": clock().replace(tzinfo=None)},
    ):
        with pytest.raises(InvalidQuery):
            await store.get(id, **wrong)
    for age in (timedelta(0), 5):
        with pytest.raises(InvalidQuery, match="older_than"):
            await store.prune(age)
    assert await store.prune(timedelta.max) == jobstore.Pruned()
    with pytest.raises(InvalidQuery):
        await store.history("no id")


@pytest.mark.parametrize("actor", ["", " ", "a" * 201, "a\nb", 5])
async def test_an_actor_is_a_line_of_text(new_url: Callable[[], str], actor: object) -> None:
    with pytest.raises(InvalidSettings, match="actor"):
        await jobstore.connect(new_url(), actor=actor)


async def test_a_long_history_is_told_beside_whatever_else_is_done(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_ON_LOOP", 20)
    began, number = clock(), 21
    id = (await store.upsert(posting("1", title="Baker 0"))).id
    for version in range(1, number):
        clock.advance(minutes=1)
        await store.update(id, {"title": f"Baker {version}"})
    beside: list[str] = []
    inner = asyncio.to_thread

    async def noted(work: Callable[..., Any], *given: Any) -> Any:
        beside.append(work.__name__)
        return await inner(work, *given)

    monkeypatch.setattr(history.asyncio, "to_thread", noted)
    entries = await store.history(id)
    assert [each.version for each in entries] == [*range(number, 0, -1)]
    assert entries[0].changes == {"title": ("Baker 19", "Baker 20")}
    assert (await store.get(id, version=7)).title == "Baker 6"
    assert (await store.get(id, at=began + timedelta(seconds=150))).title == "Baker 2"
    assert await store.get(id, at=clock() + timedelta(days=900)) == await store.get(id)
    with pytest.raises(JobNotFound, match="was not stored at"):
        await store.get(id, at=began - timedelta(seconds=1))
    assert beside.count("entries") == 1
    assert beside.count("found") == 4
