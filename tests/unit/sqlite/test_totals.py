"""Totals of searches on SQLite: exact within a budget of work, and else a bound from below."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.engines.sqlite.search import budget
from jobstore.engines.sqlite.search.lookup import Lookup
from jobstore.engines.sqlite.search.pages import count
from jobstore.records import JobPosting, SearchQuery, Sort
from jobstore.search import counting
from jobstore.search.criteria import Criteria, check_query
from tests.unit.sqlite.library import NOW, library, pages, posting, search, store

SIZE = 400


def asked(**fields: Any) -> Criteria:
    return check_query(SearchQuery(**fields))


def crowd(size: int, days: int = 40) -> list[JobPosting]:
    """Postings whose values are drawn evenly, so that no filter of a search is rare."""
    chance = random.Random(size)
    return [
        posting(
            chance.choice(["data engineer", "web nurse", "data nurse"]),
            company=f"C{chance.randrange(40)}",
            location=chance.choice(["Berlin", "Rome", None]),
            source=chance.choice(["one", "two"]),
            country=chance.choice(["DE", "IT"]),
            description=" ".join(chance.choices("abcdef", k=3)),
            applicant_count=chance.choice([None, chance.randint(0, 30)]),
            salary_max=chance.choice([None, Decimal(chance.randint(1, 40) * 5000)]),
            posted_at=NOW - timedelta(hours=chance.randrange(days * 24)),
        )
        for _ in range(size)
    ]


@pytest.fixture(scope="module")
def conn() -> Iterator[sqlite3.Connection]:
    conn = library()
    store(conn, crowd(SIZE))
    yield conn
    conn.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a small store reaches."""
    monkeypatch.setattr(budget, "_SAMPLED", 16)
    monkeypatch.setattr(budget, "_RARELY", 2)
    monkeypatch.setattr(counting, "BUDGET", 60)
    monkeypatch.setattr(counting, "LEAST_COUNTED", 3)
    monkeypatch.setattr(counting, "MAX_COUNTED", 100)


words = st.sampled_from(
    (
        "data",
        "engineer",
        "data nurse",
        "title:data",
        '"web nurse"',
        "a b",
        "a -b",
        "-c",
        "n*",
        "zzz",
    )
)
queries = st.fixed_dictionaries(
    {},
    optional={
        "text": words,
        "source": st.sampled_from(["one", "two", "three"]),
        "country": st.sampled_from(["DE", "IT", ("DE", "IT")]),
        "location": st.sampled_from(["Berlin", "Rome"]),
        "company": st.sampled_from(["C1", "C2", "C99"]),
        "applicants_max": st.integers(0, 40),
        "salary_min": st.integers(0, 200_000),
        "posted_since": st.integers(480, 960).map(lambda hours: NOW - timedelta(hours=hours)),
        "posted_until": st.integers(0, 480).map(lambda hours: NOW - timedelta(hours=hours)),
        "sort": st.sampled_from(list(Sort)),
    },
)


@given(queries)
def test_a_total_is_never_too_high_and_exact_where_it_says_so(
    conn: sqlite3.Connection, fields: dict[str, Any]
) -> None:
    criteria = asked(**fields)
    true = count(conn, criteria)
    everything, found = pages(conn, criteria, 2)
    assert len(everything) == true
    totals = {(page.total, page.total_capped) for page in found}
    assert len(totals) == 1
    ((total, capped),) = totals
    assert total <= true
    assert total == true or capped
    assert total >= min(true, counting.LEAST_COUNTED)
    for limit in (1, 2, 7, counting.MAX_COUNTED):
        for facets in ((), ("source",)):
            page = search(conn, criteria, limit=limit, facets=facets)
            assert len(page.items) <= page.total <= true
            assert page.total == true or page.total_capped
            if len(page.items) < counting.LEAST_COUNTED < true:
                assert (page.total, page.total_capped) == (total, capped)
            if facets:
                amounts = sum(each.count for each in page.facets["source"])
                assert amounts <= page.total or sort_is_by_number(fields)


def sort_is_by_number(fields: dict[str, Any]) -> bool:
    # All matches are found to be sorted, and facets count only the newest as ever.
    return fields.get("sort") in (Sort.SALARY, Sort.APPLICANTS, Sort.EXPIRES)


COMMON = {"text": "data", "source": "one", "country": "DE"}


def test_common_filters_are_counted_as_far_as_the_budget_goes(conn: sqlite3.Connection) -> None:
    page = search(conn, asked(**COMMON), limit=2)
    true = count(conn, asked(**COMMON))
    assert counting.LEAST_COUNTED < page.total < true < counting.MAX_COUNTED
    assert page.total_capped


def test_a_larger_budget_counts_further(
    monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection
) -> None:
    totals = []
    for size in (20, 60, 120, 240, 10_000):
        monkeypatch.setattr(counting, "BUDGET", size)
        page = search(conn, asked(**COMMON), limit=2)
        totals.append(page.total)
    assert totals == sorted(set(totals))
    assert (page.total, page.total_capped) == (count(conn, asked(**COMMON)), False)


def test_what_is_rare_is_counted_to_its_end(
    monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection
) -> None:
    monkeypatch.setattr(budget, "_RARELY", 5)
    for company in range(40):
        query = asked(company=f"C{company}", source="one", country=("DE", "IT"))
        page = search(conn, query, limit=2)
        assert (page.total, page.total_capped) == (count(conn, query), False)


def test_the_bound_is_what_stands_above_a_place(conn: sqlite3.Connection) -> None:
    found = Lookup(conn, asked(**COMMON))
    every = found.places(-1)
    floor = found._floor()
    assert floor is not None
    assert found.counted.places == [place for place in every if place >= floor]


def test_counting_begins_at_the_latest_time_that_is_asked_for(conn: sqlite3.Connection) -> None:
    query = asked(**COMMON, posted_until=NOW - timedelta(days=20))
    page = search(conn, query, limit=2)
    assert counting.LEAST_COUNTED < page.total < count(conn, query)


def test_a_search_that_ends_above_the_budget_is_counted_whole(conn: sqlite3.Connection) -> None:
    query = asked(**COMMON, posted_since=NOW - timedelta(days=2))
    page = search(conn, query, limit=2)
    assert (page.total, page.total_capped) == (count(conn, query), False)
    assert page.total >= counting.LEAST_COUNTED


def test_a_page_that_shows_more_raises_the_bound(conn: sqlite3.Connection) -> None:
    bound = search(conn, asked(**COMMON), limit=2).total
    page = search(conn, asked(**COMMON), limit=bound + 5)
    assert (page.total, page.total_capped) == (bound + 6, True)
    true = count(conn, asked(**COMMON))
    page = search(conn, asked(**COMMON), limit=true)
    assert (page.total, page.total_capped) == (true, False)


def test_facets_count_the_matches_that_the_total_counts(conn: sqlite3.Connection) -> None:
    page = search(conn, asked(**COMMON), limit=2, facets=("country",))
    assert [each.count for each in page.facets["country"]] == [page.total]
    true = count(conn, asked(**COMMON))
    page = search(conn, asked(**COMMON), limit=true, facets=("country",))
    assert [each.count for each in page.facets["country"]] == [true]


def test_postings_of_one_day_are_told_apart() -> None:
    conn = library()
    store(conn, crowd(SIZE, days=1))
    page = search(conn, asked(**COMMON), limit=2)
    assert counting.LEAST_COUNTED < page.total < count(conn, asked(**COMMON))
    conn.close()


def test_counting_common_filters_costs_the_same_in_a_larger_store() -> None:
    costs = []
    for size in (SIZE, 4 * SIZE):
        conn = library()
        store(conn, crowd(size, days=size // 10))
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        conn.set_progress_handler(step, 1)
        page = search(conn, asked(**COMMON), limit=2)
        conn.set_progress_handler(None, 1)
        assert page.total_capped
        costs.append(steps)
        conn.close()
    assert max(costs) < 1.3 * min(costs)
