"""Facets on PostgreSQL: over which matches they are counted where these are many."""

from __future__ import annotations

import psycopg
import pytest

import jobstore
from jobstore import SearchQuery
from jobstore.engines.postgres.search import lookup
from jobstore.search import counting
from tests.fixtures.postings import posting


@pytest.mark.parametrize("text", ["engineer", "-nurse"])
async def test_they_are_counted_over_one_more_match_than_is_counted_at_most(
    database: str, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for where, name, value in (
        (lookup, "WALKED", 5),
        (lookup, "GATHERED", 5),
        (lookup, "TRIED", 5),
    ):
        monkeypatch.setattr(where, name, value)
    monkeypatch.setattr(counting, "MAX_COUNTED", 4)
    async with jobstore.connect(database) as store:
        await store.upsert_many(posting(number) for number in range(30))
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("ANALYZE posting")
        page = await store.search(SearchQuery(text=text), limit=2, facets=("company",))
        assert (page.total, page.total_capped) == (5, True)
        assert [each.count for each in page.facets["company"]] == [5]
