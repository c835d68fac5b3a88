"""The ways to matches on PostgreSQL: whichever is taken, the same pages come of it."""

from __future__ import annotations

import psycopg
import pytest

import jobstore
from jobstore import SearchQuery, Sort
from jobstore.engines.postgres.search import lookup
from jobstore.search import counting
from tests.fixtures.postings import posting


@pytest.mark.parametrize("walking", [0, 10**9])
@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.APPLICANTS])
async def test_they_give_the_same(
    database: str, monkeypatch: pytest.MonkeyPatch, walking: int, sort: Sort
) -> None:
    # Many of them are equal in what orders them, or have no number.
    numbers = {f"{number}": (None, 7, 7, 9)[number % 4] for number in range(60)}
    query = SearchQuery(text="engineer -manager", sort=sort)
    async with jobstore.connect(database) as store:
        await store.upsert_many(
            posting(int(key), source_job_id=key, applicant_count=number)
            for key, number in numbers.items()
        )
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("ANALYZE posting")
        whole = (await store.search(query, limit=60)).items
        for name, value in (("WALKED", 3), ("GATHERED", 3), ("TRIED", 3), ("WALKING", walking)):
            monkeypatch.setattr(lookup, name, value)
        found, cursor = [], None
        while True:
            page = await store.search(query, limit=4, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                break
    assert len(whole) == 60
    assert [each.id for each in found] == [each.id for each in whole]


@pytest.mark.parametrize(("every", "told"), [(2, (counting.LEAST_COUNTED, True)), (10, (6, False))])
async def test_a_lower_bound_is_no_less_than_an_ordinary_page_has(
    database: str, monkeypatch: pytest.MonkeyPatch, every: int, told: tuple[int, bool]
) -> None:
    async with jobstore.connect(database) as store:
        await store.upsert_many(
            posting(number, location=None if number % every else "Oslo") for number in range(60)
        )
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("ANALYZE posting")
        for where, name in (
            (lookup, "WALKED"),
            (lookup, "GATHERED"),
            (lookup, "TRIED"),
            (counting, "BUDGET"),
        ):
            monkeypatch.setattr(where, name, 3)
        page = await store.search(SearchQuery(text="oslo"), limit=2)
    assert (page.total, page.total_capped) == told
