"""What a store holds, in figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from jobstore.records.applications import ApplicationStatistics
from jobstore.records.searching import FacetCount


@dataclass(slots=True, frozen=True)
class SalaryQuartiles:
    """Quartiles of the yearly salary in one currency.

    Each posting counts with the middle of its range as a yearly equivalent; a quartile is the
    value at rank ``ceil(q * count)`` (the nearest-rank method), so it is always a salary that
    was really offered.
    """

    count: int
    lower: Decimal
    median: Decimal
    upper: Decimal


@dataclass(slots=True, frozen=True)
class ApplicantStatistics:
    """Applicant counts over the postings that state one.

    ``low`` counts postings with up to 10 applicants, ``medium`` 11 to 50, ``high`` more.
    ``average``, ``minimum`` and ``maximum`` are ``None`` when no posting states a count.
    """

    count: int = 0
    average: float | None = None
    minimum: int | None = None
    maximum: int | None = None
    low: int = 0
    medium: int = 0
    high: int = 0


@dataclass(slots=True, kw_only=True)
class Statistics:
    """What the store holds, counted exactly.

    The ``by_`` breakdowns leave out postings that do not state the field. ``by_source`` has the 50
    sources with the most postings; ``other_sources`` counts the postings of all others.
    ``top_companies`` and ``top_locations`` have at most 10 entries, most frequent first.
    ``per_day`` has an entry for each of the last 30 days (UTC), oldest first, counting postings
    by ``posted_at`` or else ``first_seen_at``. ``salaries`` has an entry per currency.
    ``applications`` are those that were tracked.
    """

    total: int
    by_status: dict[str, int]
    by_source: dict[str, int]
    by_employment_type: dict[str, int]
    by_experience_level: dict[str, int]
    by_workplace: dict[str, int]
    top_companies: list[FacetCount]
    top_locations: list[FacetCount]
    per_day: dict[date, int]
    salaries: dict[str, SalaryQuartiles]
    applicants: ApplicantStatistics
    other_sources: int = 0
    applications: ApplicationStatistics = field(default_factory=ApplicationStatistics)
