"""Composing text: as unicodedata does it, and never in the square of what strangers hand in."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobstore
from jobstore import InvalidQuery, JobPosting, SearchQuery, composition
from jobstore.composition import composed
from jobstore.intake.fields import MAX_DESCRIPTION
from jobstore.intake.validation import check_posting
from jobstore.search.criteria import check_query

MARKS = ["\u0301", "\u0327", "\u0344", "\u0f71", "\u0f73", "\u0345", "\u093c", "\u3099", "\u05b0"]
LETTERS = ["a", "e", "é", "ß", "\u1100", "\u1161", "\u11a8", "각", "カ", "工", "\u1fb4", "\u0915"]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(LETTERS),
            st.lists(st.sampled_from(MARKS), min_size=1, max_size=200).map("".join),
            st.characters(),
        ),
        max_size=12,
    ).map("".join)
)
def test_it_is_what_unicodedata_does(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


def disorder(text: str) -> int:
    """Return how many marks stand in front of one that belongs before them, side by side."""
    classes = [unicodedata.combining(char) for char in text]
    return sum(one > other > 0 for one, other in pairwise(classes))


@pytest.fixture
def sorted_by_unicodedata(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much was out of order in what was handed to unicodedata to compose."""
    seen: list[int] = []

    def recorded(form: Any, text: str) -> str:
        seen.append(disorder(text) if len(text) > 1 else 0)
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(composition, "normalize", recorded)
    return seen


@pytest.mark.parametrize("marks", ["\u0301\u0327", "\u0f73\u0f71", "\u0301\u0301\u0327\u05b0"])
def test_many_marks_are_in_order_before_they_are_composed(
    marks: str, sorted_by_unicodedata: list[int]
) -> None:
    text = ("a" + marks * MAX_DESCRIPTION)[:MAX_DESCRIPTION]
    composed(text)
    assert max(sorted_by_unicodedata) == 0


def test_postings_of_marks_only_are_taken(sorted_by_unicodedata: list[int]) -> None:
    marks = ("a" + "\u0301\u0327" * MAX_DESCRIPTION)[:MAX_DESCRIPTION]
    posting = check_posting(
        {"source": "s", "source_job_id": "1", "title": "t", "company": "c", "description": marks}
    )
    assert isinstance(posting, JobPosting)
    assert (posting.description or "").startswith("\u00e1\u0327")
    jobstore.job_id("s", marks)
    assert max(sorted_by_unicodedata) == 0


@pytest.mark.parametrize("name", ["text", "company", "source", "skills", "country", "status"])
def test_what_is_searched_for_is_measured_first(
    name: str, sorted_by_unicodedata: list[int]
) -> None:
    with pytest.raises(InvalidQuery, match="at most"):
        check_query(SearchQuery(**{name: "a" + "\u0301\u0327" * 500_000}))
    assert sorted_by_unicodedata == []
