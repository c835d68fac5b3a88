"""Searching over REST: what is asked, and what is wrong with it."""

from __future__ import annotations

from dataclasses import fields

from fastapi.exceptions import RequestValidationError
from starlette.testclient import TestClient

from jobstore.errors import Fault
from jobstore.records import SearchQuery
from jobstore.service.parameters import Filters
from jobstore.service.problems import faults_of, unknown_parameter


def test_every_field_of_a_query_is_a_parameter() -> None:
    assert [*Filters.model_fields] == [each.name for each in fields(SearchQuery)]


def test_every_fault_of_a_search_is_told_by_its_field(client: TestClient) -> None:
    answer = client.get("/v1/postings?txt=data&limit=900&posted_since=x&salary_min=abc")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    errors = {each["field"]: each["reason"] for each in answer.json()["errors"]}
    assert errors.keys() == {"txt", "limit", "posted_since", "salary_min"}
    assert errors["txt"] == "is not known; did you mean text?"
    # In our words, and not in pydantic's.
    assert errors["limit"] == "must be at most 100"
    assert errors["salary_min"] == "must be a number"


def test_of_very_many_faults_the_first_are_told_and_how_many_more() -> None:
    error = RequestValidationError([unknown_parameter(f"limt{n}") for n in range(1_101)])
    faults = faults_of(error, Filters.model_fields | {"limit": None})
    assert len(faults) == 101
    assert [each.reason for each in faults[:20]] == ["is not known; did you mean limit?"] * 20
    assert faults[-1] == Fault("", "1,001 more are wrong")
