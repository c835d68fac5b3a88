"""Searching over REST: what is asked, and what is wrong with it."""

from __future__ import annotations

from dataclasses import fields

from starlette.testclient import TestClient

from jobstore.records import SearchQuery
from jobstore.service.parameters import Filters


def test_every_field_of_a_query_is_a_parameter() -> None:
    assert [*Filters.model_fields] == [each.name for each in fields(SearchQuery)]


def test_every_fault_of_a_search_is_told_by_its_field(client: TestClient) -> None:
    answer = client.get("/v1/postings?txt=data&limit=900&posted_since=x&salary_min=abc")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    errors = {each["field"]: each["reason"] for each in answer.json()["errors"]}
    assert errors.keys() == {"txt", "limit", "posted_since", "salary_min"}
    assert errors["txt"] == "is not known; did you mean text?"
