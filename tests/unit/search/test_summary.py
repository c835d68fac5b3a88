"""The shape of a query tells its kind and never what it asks for."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jobstore import InvalidQuery, SearchQuery
from jobstore.search.criteria import check_query
from jobstore.search.summary import shape
from tests.fixtures.cases import each_case


@each_case(
    ("query", "told"),
    [
        (None, "sort=newest"),
        (SearchQuery(text="canary yellow"), "words=2 sort=newest"),
        (SearchQuery(text='"canary yellow" -red -"a b"'), "phrases=1 excluded=2 sort=newest"),
        (SearchQuery(text="canar* OR yellow x"), "or=1 words=1 sort=newest"),
        (
            SearchQuery(text="title:canary company:yel*", sort="relevance"),
            "words=1 in_title=1 prefixes=1 in_company=1 sort=relevance",
        ),
        (
            SearchQuery(
                company="Canary",
                workplace=("remote", "onsite"),
                salary_min=0,
                posted_since=datetime(2026, 1, 1, tzinfo=UTC),
                sort="salary",
            ),
            "filters=company,workplace,salary_min,posted_since sort=salary",
        ),
    ],
)
def test_shapes(query: SearchQuery | None, told: str) -> None:
    assert shape(check_query(query)) == told


@given(st.text(max_size=40), st.text("abcé日", min_size=1, max_size=20))
def test_no_shape_has_a_value_in_it(text: str, company: str) -> None:
    try:
        criteria = check_query(SearchQuery(text=f"zqx{text}", company=f"zqx{company}"))
    except InvalidQuery:
        return
    assert "zqx" not in shape(criteria)
