"""The filters of a search as conditions on the columns of a posting, alike for engines with tables.

Which of them an index answers, and how, each engine says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pypika import Table
from pypika.terms import Criterion, Term

from jobstore.derived.micros import to_micros
from jobstore.search.criteria import Criteria

_DATES = ("posted_since", "posted_until")
_NUMBERS = ("salary_min", "salary_max", "applicants_min", "applicants_max")


def bound(criteria: Criteria) -> dict[str, Any]:
    """Return what is bound to each condition, by the name of the condition."""
    found: dict[str, Any] = {}
    for name in _DATES:
        if (moment := getattr(criteria, name)) is not None:
            found[name] = to_micros(moment)
    for name in _NUMBERS:
        if (number := getattr(criteria, name)) is not None:
            found[name] = number
    if criteria.as_of is not None and criteria.expired is not None:
        found["expired" if criteria.expired else "not_expired"] = to_micros(criteria.as_of)
    return found


def on_row(posting: Table, bind: Callable[[str], Term]) -> dict[str, Criterion]:
    """Return the conditions that are none on when a posting is listed; ``bind`` names a value."""
    return {
        "salary_min": posting.yearly_max >= bind("salary_min"),
        "salary_max": posting.yearly_min <= bind("salary_max"),
        "applicants_min": posting.applicant_count >= bind("applicants_min"),
        "applicants_max": posting.applicant_count <= bind("applicants_max"),
        "expired": posting.expires_at <= bind("expired"),
        "not_expired": posting.expires_at.isnull() | (posting.expires_at > bind("not_expired")),
    }
