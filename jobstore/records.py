"""The records that go in and come out: plain, slotted dataclasses and enums.

No validation, no I/O and no SQL live here: what comes from outside is checked in
:mod:`jobstore.intake`, so a record can be made in half a microsecond.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from jobstore.composition import composed
from jobstore.errors import Fault

# A namespace of our own (RFC 9562, section 6.6): uuid5(NAMESPACE_DNS, "jobstore"), written out
# because ids that were handed out must never change.
JOB_NAMESPACE = uuid.UUID("8e59a39f-25a9-54f1-9752-aba00f8723ac")


class Workplace(StrEnum):
    """Where the work is done; ``None`` on a record means that it was not stated."""

    ONSITE = "onsite"
    HYBRID = "hybrid"
    REMOTE = "remote"


class EmploymentType(StrEnum):
    """The kind of contract."""

    FULL_TIME = "full_time"
    PART_TIME = "part_time"
    CONTRACT = "contract"
    TEMPORARY = "temporary"
    INTERNSHIP = "internship"
    VOLUNTEER = "volunteer"
    PER_DIEM = "per_diem"
    OTHER = "other"


class ExperienceLevel(StrEnum):
    """The seniority asked for, as LinkedIn grades it."""

    INTERNSHIP = "internship"
    ENTRY = "entry"
    ASSOCIATE = "associate"
    MID_SENIOR = "mid_senior"
    DIRECTOR = "director"
    EXECUTIVE = "executive"


class SalaryPeriod(StrEnum):
    """What a salary amount is paid for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Status(StrEnum):
    """Whether the opening is still advertised."""

    OPEN = "open"
    CLOSED = "closed"


class Sort(StrEnum):
    """The order of search results; see :meth:`jobstore.JobStore.search`."""

    NEWEST = "newest"
    RELEVANCE = "relevance"
    SALARY = "salary"
    APPLICANTS = "applicants"


class Outcome(StrEnum):
    """What an upsert did."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


MAX_ATTRIBUTES = 200_000
"""The most characters that a posting's attributes may have as JSON."""

COMPANY_NOT_STATED = "(not stated)"
"""The company of a posting whose source names none. In brackets, so that it cannot be taken
for a company's name; an upsert keeps a name that is known."""

# Amounts paid per period are compared as yearly equivalents: 40 hours x 52 weeks, 260 working
# days, 52 weeks, 12 months. An amount without a period is taken as yearly.
PERIODS_PER_YEAR: Mapping[str | None, int] = {
    SalaryPeriod.HOUR: 2080,
    SalaryPeriod.DAY: 260,
    SalaryPeriod.WEEK: 52,
    SalaryPeriod.MONTH: 12,
    SalaryPeriod.YEAR: 1,
    None: 1,
}


# Unicode white space, and the invisible marks that cling to copied text: zero-width space, word
# joiner, byte order mark. Written out so that ids do not depend on the version of Python.
WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
)


def job_id(source: str, source_job_id: str) -> uuid.UUID:
    """Return the id that every store gives to the posting ``source_job_id`` of ``source``.

    A UUIDv5 (RFC 9562, section 5.5) over both keys as the store normalises them: white space
    (:data:`WHITE_SPACE`) around them trimmed, Unicode NFC.
    """
    # The length keeps ("a", "b:c") and ("a:b", "c") apart.
    source = composed(source.strip(WHITE_SPACE))
    source_job_id = composed(source_job_id.strip(WHITE_SPACE))
    return uuid.uuid5(JOB_NAMESPACE, f"{len(source)}:{source}:{source_job_id}")


@dataclass(slots=True, kw_only=True)
class JobPosting:
    """One posting as a scraper hands it in.

    ``source``, ``source_job_id``, ``title`` and ``company`` are required. Everything else is
    optional: ``None``, a blank text, an empty list or an empty object mean "not stated", and
    an upsert then keeps what the store already knows. Nothing is checked here; the store
    checks and normalises a posting when it takes it in, and names every fault at once
    (:class:`~jobstore.InvalidPosting`).

    Salaries are amounts of ``salary_currency`` (ISO 4217) per ``salary_period``; ``Decimal``,
    ``int``, ``float`` and numeric text are taken. ``country`` is ISO 3166-1 alpha-2. Times are
    aware datetimes or ISO 8601 text with an offset. ``attributes`` is a JSON object that keeps
    whatever else the source gave; an upsert merges it key by key.

    ``status``, ``first_seen_at``, ``last_seen_at`` and ``closed_at`` are for importers that
    know when a posting was seen; a scraper leaves them out, and a posting that is handed in
    without them was seen now and is open.
    """

    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None = None
    country: str | None = None
    workplace: Workplace | str | None = None
    employment_type: EmploymentType | str | None = None
    experience_level: ExperienceLevel | str | None = None
    industry: str | None = None
    description: str | None = None
    skills: list[str] = field(default_factory=list)
    salary_min: Decimal | int | float | str | None = None
    salary_max: Decimal | int | float | str | None = None
    salary_currency: str | None = None
    salary_period: SalaryPeriod | str | None = None
    salary_text: str | None = None
    url: str | None = None
    apply_url: str | None = None
    company_url: str | None = None
    company_size: str | None = None
    applicant_count: int | None = None
    posted_at: datetime | str | None = None
    expires_at: datetime | str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    status: Status | str | None = None
    first_seen_at: datetime | str | None = None
    last_seen_at: datetime | str | None = None
    closed_at: datetime | str | None = None


@dataclass(slots=True, kw_only=True)
class Job:
    """One posting as it is stored.

    A posting's own fields, and what the store knows about it: ``id``, ``version`` (1 when
    inserted, one more with each change of content), ``status``, when it was first and last
    seen, when its content last changed (``updated_at``) and when it was closed. All times are
    aware and in UTC, to the microsecond.
    """

    id: uuid.UUID
    version: int
    status: Status
    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None = None
    country: str | None = None
    workplace: Workplace | None = None
    employment_type: EmploymentType | None = None
    experience_level: ExperienceLevel | None = None
    industry: str | None = None
    description: str | None = None
    skills: list[str] = field(default_factory=list)
    salary_min: Decimal | None = None
    salary_max: Decimal | None = None
    salary_currency: str | None = None
    salary_period: SalaryPeriod | None = None
    salary_text: str | None = None
    url: str | None = None
    apply_url: str | None = None
    company_url: str | None = None
    company_size: str | None = None
    applicant_count: int | None = None
    posted_at: datetime | None = None
    expires_at: datetime | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    first_seen_at: datetime
    last_seen_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class JobSummary:
    """One line of a result list: a stored posting without its description and attributes.

    ``snippet`` is an excerpt of the description (or else of the title) around the words that
    were searched for, each of them between ``**`` marks; ``None`` where no words were given.
    """

    id: uuid.UUID
    version: int
    status: Status
    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None = None
    country: str | None = None
    workplace: Workplace | None = None
    employment_type: EmploymentType | None = None
    experience_level: ExperienceLevel | None = None
    industry: str | None = None
    skills: list[str] = field(default_factory=list)
    salary_min: Decimal | None = None
    salary_max: Decimal | None = None
    salary_currency: str | None = None
    salary_period: SalaryPeriod | None = None
    salary_text: str | None = None
    url: str | None = None
    applicant_count: int | None = None
    posted_at: datetime | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    snippet: str | None = None


@dataclass(slots=True, frozen=True)
class SearchQuery:
    """What to search for; every field that is given must hold.

    A field that takes one value also takes a tuple of alternatives (``skills`` is different:
    all of them must be there). ``company``, ``location``, ``industry``, ``source`` and
    ``skills`` compare whole values without regard to case and accents; words of them go into
    ``text``. The grammar of ``text`` is described at :meth:`jobstore.JobStore.search`.

    Salary bounds are amounts per year, in ``salary_currency`` when that is given: a posting
    matches when its own range, as a yearly equivalent (hour x 2,080, day x 260, week x 52,
    month x 12, no period: as it is), reaches into them. A posting that states only one end of
    its range counts with that one amount. ``posted_since`` and ``posted_until`` are aware
    datetimes, both inclusive, and compare ``posted_at``, or ``first_seen_at`` where the source
    gave no date.
    """

    text: str | None = None
    source: str | tuple[str, ...] | None = None
    company: str | tuple[str, ...] | None = None
    location: str | tuple[str, ...] | None = None
    country: str | tuple[str, ...] | None = None
    workplace: str | tuple[str, ...] | None = None
    employment_type: str | tuple[str, ...] | None = None
    experience_level: str | tuple[str, ...] | None = None
    industry: str | tuple[str, ...] | None = None
    status: str | tuple[str, ...] | None = None
    skills: str | tuple[str, ...] | None = None
    salary_min: Decimal | int | float | None = None
    salary_max: Decimal | int | float | None = None
    salary_currency: str | tuple[str, ...] | None = None
    posted_since: datetime | None = None
    posted_until: datetime | None = None
    applicants_min: int | None = None
    applicants_max: int | None = None
    sort: Sort | str = Sort.NEWEST


@dataclass(slots=True, frozen=True)
class FacetCount:
    """How many postings have ``value``."""

    value: str
    count: int


@dataclass(slots=True, kw_only=True)
class Page:
    """One page of search results.

    ``next_cursor`` continues after the last item, ``None`` when there is nothing more.
    ``total`` is exact up to 1,000; beyond that it stays 1,001 and ``total_capped`` is true.
    ``facets`` has an entry for each facet that was asked for, its most frequent values first,
    counted over the newest 1,001 matches.
    """

    items: list[JobSummary]
    next_cursor: str | None = None
    total: int = 0
    total_capped: bool = False
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class UpsertResult:
    """What an upsert did with one posting; ``version`` is the one that is stored now."""

    id: uuid.UUID
    outcome: Outcome
    version: int


@dataclass(slots=True, frozen=True)
class Rejection:
    """A posting that was not stored: its position in the input (from 0), its id at the source
    if it had one, and everything that was wrong with it."""

    index: int
    source_job_id: str | None
    reasons: tuple[Fault, ...]


@dataclass(slots=True, kw_only=True)
class UpsertReport:
    """How many postings of a batch were stored, and which were not."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejection] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Revision:
    """One earlier state of a posting: the fields that ``version`` replaced, when, and the
    values they had before."""

    version: int
    changed_at: datetime
    previous: dict[str, Any]


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

    The ``by_`` breakdowns leave out postings that do not state the field. ``top_companies``
    and ``top_locations`` have at most 10 entries, most frequent first. ``per_day`` has an
    entry for each of the last 30 days (UTC), oldest first, counting postings by ``posted_at``
    or else ``first_seen_at``. ``salaries`` has an entry per currency.
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
