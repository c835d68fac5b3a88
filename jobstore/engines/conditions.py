"""The filters of a search as conditions on the columns of a posting, alike for engines with tables.

Which of them an index answers, and how, each engine says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from pypika import Field, Query, Table, Tuple
from pypika.terms import Criterion, Term

from jobstore.derived.micros import to_micros
from jobstore.search.criteria import UNTRACKED, Criteria

_DATES = ("posted_since", "posted_until")
_CHANGED = ("changed_at", "changed_id", "until_at", "until_id")
_NUMBERS = ("salary_min", "salary_max", "applicants_min", "applicants_max")

FEW = frozenset(("application", "changed"))
"""Conditions that few postings satisfy, and that indexes of the tables answer: these go first."""

# An alias makes PyPika qualify every column.
_APPLICATION = Table("application", alias="a")


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
    if criteria.application == UNTRACKED:
        found["untracked"] = None
    elif criteria.application:
        found["application"] = json.dumps(criteria.application)
    if criteria.changed is not None:
        found |= zip(_CHANGED, criteria.changed, strict=True)
    return found


def named(bound: Iterable[str]) -> frozenset[str]:
    """Return the names of the conditions whose values are bound."""
    return frozenset("changed" if name in _CHANGED else name for name in bound)


def on_row(
    posting: Table, bind: Callable[[str], Term], is_listed: Callable[[Field], Criterion]
) -> dict[str, Criterion]:
    """Return the conditions that are none on when a posting is listed; ``bind`` names a value, and
    ``is_listed`` says that a column is one of the texts in the JSON array ``application``."""
    tracked = Query.from_(_APPLICATION).select(_APPLICATION.id)
    changed: Any = Tuple(posting.updated_at, posting.id)
    after, until = Tuple(*map(bind, _CHANGED[:2])), Tuple(*map(bind, _CHANGED[2:]))
    return {
        "application": posting.id.isin(tracked.where(is_listed(_APPLICATION.state))),
        "changed": (changed > after) & (changed <= until),
        "untracked": posting.id.notin(tracked),
        "salary_min": posting.yearly_max >= bind("salary_min"),
        "salary_max": posting.yearly_min <= bind("salary_max"),
        "applicants_min": posting.applicant_count >= bind("applicants_min"),
        "applicants_max": posting.applicant_count <= bind("applicants_max"),
        "expired": posting.expires_at <= bind("expired"),
        "not_expired": posting.expires_at.isnull() | (posting.expires_at > bind("not_expired")),
    }
