"""Whatever is written between copies, a copy is what its source is."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import InvalidPosting, JobStore
from jobstore.engines import reconciling
from jobstore.engines.kept import EVENT
from jobstore.engines.sqlite.writing import list_order
from jobstore.operations.copying import copy
from tests.engines.copies import OPTIONS, PAIRS, named
from tests.engines.harness import Harness
from tests.fixtures.clock import Clock
from tests.property.strategies import KEYS, SOURCES, START, changes, postings

_IDS = KEYS.map(lambda key: jobstore.job_id(*key))
_WRITES = st.one_of(
    st.tuples(st.just("upsert"), postings()),
    st.tuples(st.just("update"), _IDS, changes()),
    st.tuples(st.just("delete"), _IDS),
    st.tuples(st.just("join"), _IDS, KEYS),
    st.tuples(st.just("apply"), _IDS),
    st.tuples(st.just("acknowledge")),
    st.tuples(st.just("event"), _IDS, st.sampled_from(["noticed", "liked"])),
)
_ROUNDS = st.lists(st.lists(_WRITES, max_size=8), min_size=1, max_size=3)


async def _write(store: JobStore, write: tuple[Any, ...]) -> None:
    """Do to the store what is drawn."""
    kind, *given = write
    with suppress(InvalidPosting, jobstore.InvalidQuery, jobstore.JobNotFound):
        if kind == "upsert":
            await store.upsert(given[0])
        elif kind == "update":
            await store.update(*given)
        elif kind == "join":
            await store.join(given[0], *given[1])
        elif kind == "event":
            await _tell(store, *given)
        elif kind == "apply":
            await store.apply(given[0], force=True)
        elif kind == "acknowledge":
            await store.save_search("all")
            await store.acknowledge("all", await store.new_matches("all"))
        else:
            await store.delete(given[0])


async def _tell(store: JobStore, id: UUID, kind: str) -> None:
    await store.get(id)
    async with store.engine.transaction(60) as unit:
        await unit.put(EVENT, [(id.bytes, 1, kind, "{}", None, "run")])


async def _lives(store: JobStore) -> list[Any]:
    """Return everything that a store tells, also of what is gone."""
    ids = [jobstore.job_id(source, str(number)) for source in SOURCES for number in range(1, 9)]
    jobs = [job async for job in store.stream()]
    beside = [await store.applications(), await store.saved_searches()]
    if beside[1]:
        beside.append([job.id for job in await store.new_matches("all")])
    return [jobs, beside, [(await store.history(id), await store.revisions(id)) for id in ids]]


async def _copied(pair: tuple[Harness, Harness], rounds: list[list[tuple[Any, ...]]]) -> None:
    clock = Clock(START)
    with tempfile.TemporaryDirectory() as folder:
        urls = [engine.new_url(Path(folder)) for engine in pair]
        for writes in rounds:
            async with jobstore.connect(urls[0], options=OPTIONS, clock=clock) as store:
                for write in writes:
                    clock.now += timedelta(seconds=1)
                    await _write(store, write)
                kept = await _lives(store)
            done = await asyncio.to_thread(copy, *urls)
            assert done.postings == len(kept[0])
            async with jobstore.connect(urls[1], options=OPTIONS, clock=clock) as store:
                assert await _lives(store) == kept
        assert (await asyncio.to_thread(copy, *urls)).carried == 0
        for engine, url in zip(pair, urls, strict=True):
            engine.check(url)
            engine.forget(url)


@pytest.mark.parametrize("pair", PAIRS, ids=named)
@settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rounds=_ROUNDS, crowded=st.booleans())
async def test_copies_are_what_their_source_is(
    pair: tuple[Harness, Harness], rounds: list[list[tuple[Any, ...]]], crowded: bool
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reconciling, "_BATCH", 3)
        if crowded:
            # Places are scarce, so that there is none where a posting is to be put.
            patched.setattr(list_order, "_natural", lambda listed_at: 1)
            patched.setattr(list_order, "_GAP", 1)
        await _copied(pair, rounds)
