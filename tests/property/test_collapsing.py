"""Pages with one row for each opening, beside a plain model."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import JobPosting, JobStore, SearchQuery
from tests.engines.harness import ENGINES, Harness
from tests.fixtures.clock import Clock

SOURCES = ("indeed", "linkedin", "dice")
openings = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(SOURCES),
            "title": st.sampled_from(["Baker", "Baker of bread"]),
            "day": st.integers(1, 5),
            "applicant_count": st.sampled_from([None, 1, 5]),
        }
    ),
    min_size=4,
    max_size=14,
)
queries = st.builds(
    SearchQuery,
    text=st.sampled_from([None, "baker", "bread", "baker -bread"]),
    source=st.sampled_from([None, "indeed", ("linkedin", "dice")]),
    applicants_min=st.sampled_from([None, 2]),
    sort=st.sampled_from(["newest", "applicants", "relevance"]),
)


async def pages(store: JobStore, query: SearchQuery, limit: int) -> list[Any]:
    page = await store.search(query, limit=limit)
    found, total = page.items, page.total
    while page.next_cursor is not None:
        page = await store.search(query, limit=limit, cursor=page.next_cursor)
        assert page.total == total
        found += page.items
    return found


async def judged(
    url: str, made: list[dict[str, Any]], groups: list[int], query: SearchQuery, limit: int
) -> None:
    async with jobstore.connect(url, clock=Clock()) as store:
        ids: list[UUID] = []
        for number, each in enumerate(made):
            fields = {name: value for name, value in each.items() if name != "day"}
            result = await store.upsert(
                JobPosting(
                    source_job_id=str(number),
                    company="Acme",
                    **fields,
                    posted_at=february(each["day"]),
                )
            )
            ids.append(result.id)
        together: dict[int, set[UUID]] = {}
        for number, group in enumerate(groups[: len(ids)]):
            together.setdefault(group, set()).add(ids[number])
            if len(together[group]) > 1:
                first = next(n for n, other in enumerate(groups) if other == group)
                await store.confirm_duplicate(ids[first], ids[number])
        group_of = {id: group for group in together.values() for id in group}

        every = await pages(store, each_one(query), limit)
        shown = await pages(store, query, limit)
        # Each opening that matches is shown once, at the place that it has by itself.
        assert [item.id for item in every if item.id in {each.id for each in shown}] == [
            item.id for item in shown
        ]
        assert len({item.id for item in shown}) == len(shown)
        matching = {id: group_of.get(id, {id}) for id in (item.id for item in every)}
        assert {frozenset(group_of.get(item.id, {item.id})) for item in shown} == {
            *map(frozenset, matching.values())
        }
        assert len(shown) == len({*map(frozenset, matching.values())})
        for item in shown:
            others = group_of.get(item.id, {item.id}) - {item.id}
            assert {each.id for each in item.also_on} == others
        assert all(item.also_on == () for item in every)
        # The whole does not depend on the size of its pages, and totals are those of postings.
        assert [item.id for item in await pages(store, query, 100)] == [item.id for item in shown]
        assert (await store.search(query, limit=limit)).total == len(every)


def each_one(query: SearchQuery) -> SearchQuery:
    return replace(query, collapse_duplicates=False)


def february(day: int) -> datetime:
    return datetime(2026, 2, day, tzinfo=UTC)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.scheme)
@settings(max_examples=10)
@given(
    openings,
    st.lists(st.integers(0, 5), min_size=14, max_size=14),
    queries,
    st.integers(1, 5),
)
async def test_an_opening_is_shown_once(
    engine: Harness, made: list[dict[str, Any]], groups: list[int], query: SearchQuery, limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = engine.new_url(Path(folder))
        try:
            await judged(url, made, groups, query, limit)
        finally:
            engine.forget(url)
