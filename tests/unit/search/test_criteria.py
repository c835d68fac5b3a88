"""Queries, checked and normalised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from jobstore.errors import InvalidQuery
from jobstore.records import EmploymentType, SearchQuery, Sort
from jobstore.search.criteria import FACETS, Criteria, check_facets, check_query
from tests.fixtures.cases import each_case

DAY = datetime(2024, 5, 1, tzinfo=UTC)


def test_nothing_asked_is_everything() -> None:
    assert check_query(None) == check_query(SearchQuery()) == Criteria()
    assert Criteria().is_empty
    assert check_query(SearchQuery(text="  ", sort="salary")).is_empty
    assert not check_query(SearchQuery(text="a")).is_empty
    assert not check_query(SearchQuery(salary_min=0)).is_empty


def test_values_become_comparable() -> None:
    criteria = check_query(
        SearchQuery(
            company=("ACME  Inc", "Société", "acme inc"),
            country=("us", "DE"),
            workplace="REMOTE",
            employment_type=("Full-time", EmploymentType.CONTRACT),
            salary_currency="eur",
            skills=["Python", "C++"],
            salary_min=Decimal("10.5"),
            salary_max=2**70,
            posted_since=datetime(2024, 5, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            applicants_min=0,
            sort="Salary",
        )
    )
    assert criteria.company == ("acme inc", "societe")
    assert criteria.country == ("DE", "US")
    assert criteria.workplace == ("remote",)
    assert criteria.employment_type == ("contract", "full_time")
    assert criteria.salary_currency == ("EUR",)
    assert criteria.skills == ("c++", "python")
    assert (criteria.salary_min, criteria.salary_max) == (10.5, float(2**70))
    assert criteria.posted_since == DAY
    assert criteria.applicants_min == 0
    assert criteria.sort is Sort.SALARY
    assert hash(criteria) == hash(criteria)


@each_case(
    ("field", "value", "reason"),
    [
        ("text", 5, "must be text, not int"),
        ("text", b"x", "must be text, not bytes"),
        ("text", "a\0", "NUL"),
        ("text", "\ud800", "surrogates"),
        ("text", "***", "no word"),
        ("company", "", "blank"),
        ("company", (), "at least one"),
        ("company", ("a", None), "not NoneType"),
        ("company", "x" * 2001, "2,000"),
        ("company", tuple(f"c{n}" for n in range(101)), "100 alternatives"),
        ("company", {"a": 1}, "not dict"),
        ("source", "\ud800", "surrogates"),
        ("country", "USA", "two letters"),
        ("country", "ÜS", "two letters"),
        ("salary_currency", "EU", "three letters"),
        ("workplace", "moon", "onsite, hybrid, remote"),
        ("workplace", "unknown", "onsite, hybrid, remote"),
        ("status", True, "not bool"),
        ("experience_level", "guru", "must be one of"),
        ("salary_min", float("nan"), "finite"),
        ("salary_min", Decimal("sNaN"), "finite"),
        ("salary_min", float("inf"), "finite"),
        ("salary_max", 10**400, "finite"),
        ("salary_min", -1, "negative"),
        ("salary_min", "5", "must be a number, not str"),
        ("salary_min", True, "not bool"),
        ("applicants_min", -1, "negative"),
        ("applicants_max", 2**63, "2^63"),
        ("applicants_max", 1.5, "whole number"),
        ("applicants_max", True, "not bool"),
        ("posted_since", datetime(2024, 5, 1), "time zone"),
        ("posted_since", "2024-05-01", "must be a datetime, not str"),
        (
            "posted_until",
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
            "years 1 and 9999",
        ),
        ("sort", "best", "newest, relevance, salary, applicants"),
        ("sort", None, "newest"),
    ],
)
def test_faults_name_their_field(field: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        check_query(SearchQuery(**{field: value}))
    (fault,) = caught.value.faults
    assert fault.field == field
    assert reason in fault.reason


def test_all_faults_come_at_once() -> None:
    with pytest.raises(InvalidQuery) as caught:
        check_query(
            SearchQuery(
                text="***",
                company=(),
                salary_min=2,
                salary_max=1,
                posted_since=DAY,
                posted_until=DAY - timedelta(seconds=1),
                applicants_min=5,
                applicants_max=4,
                sort="x",
            )
        )
    assert [fault.field for fault in caught.value.faults] == [
        "text",
        "company",
        "sort",
        "salary_min",
        "posted_since",
        "applicants_min",
    ]


def test_a_query_is_a_search_query() -> None:
    with pytest.raises(InvalidQuery, match="not str"):
        check_query("data engineer")


def test_equal_bounds_are_a_range() -> None:
    criteria = check_query(SearchQuery(salary_min=-0.0, salary_max=0, applicants_min=3))
    assert str(criteria.salary_min) == "0.0"


def test_the_fingerprint_is_that_of_the_meaning() -> None:
    def fingerprint(**fields: Any) -> bytes:
        return check_query(SearchQuery(**fields)).fingerprint

    assert fingerprint(text="data  ENGINEER", company=("b", "A")) == fingerprint(
        text="Data engineer", company=("a", "B", "b")
    )
    different = [
        fingerprint(),
        fingerprint(sort="salary"),
        fingerprint(text="a"),
        fingerprint(text="-a"),
        fingerprint(text="a*"),
        fingerprint(text="title:a"),
        fingerprint(text='"a b"'),
        fingerprint(text="a b"),
        fingerprint(text="a OR b"),
        fingerprint(company="a"),
        fingerprint(location="a"),
        fingerprint(salary_min=1),
        fingerprint(salary_max=1),
        fingerprint(posted_since=DAY),
    ]
    assert len(set(different)) == len(different)
    # Handed out in cursors, so it has to stay as it is.
    assert fingerprint().hex() == "b5ef1506ad389cec64919d7d6f6116eb"


def test_facets_are_checked() -> None:
    assert check_facets(("company", "skills", "company")) == ("company", "skills")
    assert check_facets(FACETS) == FACETS
    for wrong in (("title",), ("company", 5), ([],), "company"):
        with pytest.raises(InvalidQuery) as caught:
            check_facets(wrong)
        assert caught.value.faults[0].field == "facets"
