"""Saved searches: what is kept of a query, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobstore import InvalidQuery, JobStore, SearchQuery
from tests.fixtures.clock import Clock


async def test_a_query_by_application_is_not_saved(store: JobStore) -> None:
    with pytest.raises(InvalidQuery, match=r"application.* use search") as raised:
        await store.save_search("mine", SearchQuery(application="none"))
    assert [fault.field for fault in raised.value.faults] == ["application"]
    assert await store.saved_searches() == []


async def test_a_query_is_saved_whole(store: JobStore, clock: Clock) -> None:
    query = SearchQuery(
        text='"a b" -c',
        company=("A", "B"),
        salary_min=Decimal("50000.50"),
        posted_since=clock(),
        expired=False,
        sort="salary",
    )
    await store.save_search("all of it", query)
    assert [each.query for each in await store.saved_searches()] == [query]
    for name in ("", " a", "a\nb", "x" * 101, 5):
        with pytest.raises(InvalidQuery, match="name"):
            await store.save_search(name)
    with pytest.raises(InvalidQuery, match="workplace"):
        await store.save_search("wrong", SearchQuery(workplace="moon"))
    with pytest.raises(InvalidQuery, match="since"):
        await store.save_search("wrong", since=clock().replace(tzinfo=None))
    with pytest.raises(InvalidQuery, match="limit"):
        await store.new_matches("all of it", limit=0)
    found = await store.new_matches("all of it")
    with pytest.raises(InvalidQuery, match="matches"):
        await store.acknowledge("other", found)
