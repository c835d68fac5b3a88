"""The statistics of a store, of the counts that an engine keeps.

Pure: an engine reads the counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal

from jobstore.derived.counters import MOST_SOURCES, TOP, applicant_statistics
from jobstore.derived.funnel import applications_counted
from jobstore.records import FacetCount, SalaryQuartiles, Statistics

# Value as it is compared, label as it is shown, amount.
_Counted = tuple[str, str, int]


def assembled(
    counters: Iterable[tuple[str, str, str, int]],
    days: Sequence[tuple[date, str]],
    bounds: Callable[[], tuple[int, int]],
    applications: Iterable[tuple[str, int, int]],
) -> Statistics:
    """Return the statistics of counters: kind, value, label and amount, each kind and value once.

    Of companies, locations and sources at least those that are shown are given, of ``days``
    (:func:`~.counters.last_days`) those with postings, and of kind ``quartiles`` one for each
    currency. ``bounds()`` reads the smallest and the largest count of applicants;
    ``applications`` are those of :func:`~.funnel.applications_counted`.
    """
    kinds: defaultdict[str, list[_Counted]] = defaultdict(list)
    for kind, value, label, amount in counters:
        kinds[kind].append((value, label, amount))
    total, sources = sum(_amounts(kinds["total"]).values()), _by_amount(kinds["source"])
    sources = dict([*sources.items()][:MOST_SOURCES])
    listed = _amounts(kinds["day"])
    return Statistics(
        total=total,
        by_status=_by_amount(kinds["status"]),
        by_source=sources,
        by_employment_type=_by_amount(kinds["employment_type"]),
        by_experience_level=_by_amount(kinds["experience_level"]),
        by_workplace=_by_amount(kinds["workplace"]),
        top_companies=_labelled(kinds["company"]),
        top_locations=_labelled(kinds["location"]),
        per_day={day: listed.get(name, 0) for day, name in days},
        salaries={
            currency: SalaryQuartiles(count, *map(Decimal, label.split()))
            for currency, label, count in sorted(kinds["quartiles"])
        },
        applicants=applicant_statistics(_amounts(kinds["applicants"]), bounds),
        # Every posting has a source. To read what the others have would grow with their number.
        other_sources=total - sum(sources.values()),
        applications=applications_counted(applications),
    )


def _amounts(counted: Iterable[_Counted]) -> dict[str, int]:
    return {value: amount for value, _, amount in counted}


def _by_amount(counted: Iterable[_Counted]) -> dict[str, int]:
    return _amounts(sorted(counted, key=_largest_first))


def _labelled(counted: Iterable[_Counted]) -> list[FacetCount]:
    shown = sorted(counted, key=_largest_first)[:TOP]
    return [FacetCount(label, amount) for _, label, amount in shown]


def _largest_first(counted: _Counted) -> tuple[int, str]:
    value, _, amount = counted
    return -amount, value
