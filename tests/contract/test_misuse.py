"""Calls that cannot mean anything are refused at once, and the store stays usable."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from jobstore import InvalidPosting, InvalidQuery, JobStore, SearchQuery, StoreBusy
from tests.fixtures.cases import each_case
from tests.fixtures.postings import posting


@each_case("timeout", [None, "30", math.nan, 0, -1, True, 86_401])
async def test_a_transaction_without_a_sensible_timeout_never_begins(
    store: JobStore, timeout: Any
) -> None:
    with pytest.raises(InvalidQuery, match="timeout"):
        async with store.transaction(timeout):
            pytest.fail("the transaction began")
    assert (await store.upsert(posting(1))).version == 1


async def test_a_write_that_would_wait_for_its_own_transaction_is_refused(store: JobStore) -> None:
    id = (await store.upsert(posting(1))).id
    async with store.transaction() as tx:
        await tx.update(id, {"title": "Inside"})
        for attempt in (
            store.upsert(posting(2)),
            store.update(id, {"title": "Outside"}),
            store.delete(id),
            store.upsert_many([posting(3)]),
            asyncio.create_task(store.upsert(posting(4))),
        ):
            with pytest.raises(StoreBusy, match="transaction's own methods"):
                await attempt
        with pytest.raises(StoreBusy):
            async with store.transaction():
                pytest.fail("a transaction began inside of another one")
        assert (await store.get(id)).title != "Inside"

    assert (await store.get(id)).title == "Inside"
    assert await store.count() == 1
    assert (await store.upsert(posting(2))).version == 1


@each_case("postings", [None, 5, "text", posting(1), {"source": "board"}])
async def test_what_is_no_iterable_of_postings_is_refused(store: JobStore, postings: Any) -> None:
    with pytest.raises(InvalidPosting, match="iterable"):
        await store.upsert_many(postings)


@each_case("ids", [None, 5, "text"])
async def test_what_is_no_iterable_of_ids_is_refused(store: JobStore, ids: Any) -> None:
    with pytest.raises(InvalidQuery, match="ids"):
        await store.get_many(ids)


@each_case("facets", [5, "company", ["nonsense"], [None]])
async def test_facets_are_names(store: JobStore, facets: Any) -> None:
    with pytest.raises(InvalidQuery, match="facets"):
        await store.search(facets=facets)


async def test_facets_may_come_from_any_iterable(store: JobStore) -> None:
    await store.upsert(posting(1))
    names: Any = iter(["company"])
    assert [each.count for each in (await store.search(facets=names)).facets["company"]] == [1]


async def test_cursors_of_recent_and_of_search_are_not_interchangeable(store: JobStore) -> None:
    await store.upsert_many(posting(n) for n in range(6))
    recent = (await store.recent(days=7, limit=2)).next_cursor
    found = (await store.search(limit=2)).next_cursor

    assert (await store.recent(days=7, limit=2, cursor=recent)).items
    for attempt in (
        store.search(limit=2, cursor=recent),
        store.search(SearchQuery(), limit=2, cursor=recent),
        store.recent(days=7, limit=2, cursor=found),
        store.recent(days=8, limit=2, cursor=recent),
    ):
        with pytest.raises(InvalidQuery, match="cursor"):
            await attempt


async def test_attributes_do_not_grow_without_bound(store: JobStore) -> None:
    id = (await store.upsert(posting(1, attributes={"a": "x" * 150_000}))).id

    with pytest.raises(InvalidPosting, match="attributes"):
        await store.upsert(posting(1, attributes={"b": "x" * 150_000}))

    assert list((await store.get(id)).attributes) == ["a"]
    await store.update(id, {"attributes": None})
    assert (await store.upsert(posting(1, attributes={"b": 1}))).outcome == "updated"
