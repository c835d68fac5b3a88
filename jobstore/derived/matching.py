"""Whether one posting satisfies the criteria of a search, told from the posting alone.

Pure. What an engine finds with its indexes is what this says of each posting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobstore.derived.places import compared_values, counted_values, spoken
from jobstore.derived.record import Derived
from jobstore.derived.salaries import yearly_range
from jobstore.records import Job
from jobstore.search import ranking
from jobstore.search.criteria import FACETS, FOLDED, Criteria
from jobstore.search.grammar import Expression, Term
from jobstore.search.words import fold


def satisfies(job: Job, criteria: Criteria) -> bool:
    """Tell whether a posting satisfies all criteria."""
    return (
        all(_is_among(job, name, getattr(criteria, name)) for name in FACETS)
        and _pays(job, criteria)
        and _lies(job.applicant_count, criteria.applicants_min, criteria.applicants_max)
        and _is_expired(job, criteria) in (None, criteria.expired)
        and _lies(Derived(job).listed_at, criteria.posted_since, criteria.posted_until)
        and (criteria.text is None or _says(job, criteria.text))
    )


def values(job: Job, name: str) -> list[str]:
    """Return the values of a field that are counted."""
    return counted_values(name, getattr(job, name), job.locations)


def said(job: Job, names: Iterable[str]) -> dict[str, str]:
    """Return the words of fields, as they are searched for."""
    return {
        name: ranking.spoken(
            spoken(job.location, job.locations) if name == "location" else values(job, name)
        )
        for name in names
    }


def _is_among(job: Job, name: str, wanted: tuple[str, ...]) -> bool:
    if not wanted:
        return True
    values = compared_values(job, name)
    stated = {fold(value) if name in FOLDED else str(value) for value in values}
    # Of skills all are wanted, of anything else one.
    return stated.issuperset(wanted) if name == "skills" else not stated.isdisjoint(wanted)


def _pays(job: Job, criteria: Criteria) -> bool:
    yearly = yearly_range(job.salary_min, job.salary_max, job.salary_period)
    low, high = yearly or (None, None)
    return _lies(high, criteria.salary_min, None) and _lies(low, None, criteria.salary_max)


def _lies(value: Any, low: Any, high: Any) -> bool:
    """Tell whether a value is within bounds, which an absent one is only where there are none."""
    if value is None:
        return low is None and high is None
    return (low is None or value >= low) and (high is None or value <= high)


def _is_expired(job: Job, criteria: Criteria) -> bool | None:
    """Tell whether a posting has expired; ``None`` where nobody asked."""
    if criteria.expired is None:
        return None
    assert criteria.as_of is not None
    return job.expires_at is not None and job.expires_at <= criteria.as_of


def _says(job: Job, text: Expression) -> bool:
    words_of = said(job, (*ranking.RANKED, "description_text"))

    def occurs(term: Term) -> bool:
        return any(
            ranking.stands_in(term, words)
            for name, words in words_of.items()
            if term.field in (None, name)
        )

    return all(any(map(occurs, group)) for group in text.required) and not any(
        map(occurs, text.excluded)
    )
