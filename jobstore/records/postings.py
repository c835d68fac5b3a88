"""Postings: as a scraper hands one in, as it is stored, and as a list shows it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from jobstore.records.kinds import EmploymentType, ExperienceLevel, SalaryPeriod, Status, Workplace

MAX_ATTRIBUTES = 200_000
"""The most characters that a posting's attributes may have as JSON."""

COMPANY_NOT_STATED = "(not stated)"
"""The company of a posting whose source names none. In brackets, so that it cannot be taken
for a company's name; an upsert keeps a name that is known."""


@dataclass(slots=True, frozen=True)
class Location:
    """One place of a posting: as the source writes it, and its parts where they are stated.

    ``country`` is ISO 3166-1 alpha-2. Of a remote job, a place that states a country and neither
    city nor region is where people may live who do it.
    """

    text: str
    city: str | None = None
    region: str | None = None
    country: str | None = None


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

    ``locations`` are all places, each as a :class:`Location`, a text or a mapping with the names
    of its fields. Where only they are stated, ``location`` becomes their texts joined by ``; ``,
    and ``country`` the one that all of them have; where only ``location`` is, it is the one place.

    ``status``, ``first_seen_at``, ``last_seen_at`` and ``closed_at`` are for importers that
    know when a posting was seen; a scraper leaves them out, and a posting that is handed in
    without them was seen now and is open.
    """

    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None = None
    locations: list[Location | str | Mapping[str, Any]] = field(default_factory=list)
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

    A posting's own fields, and what the store knows about it: ``description_text`` (the
    description without markup and invisible characters: what is searched and shown), ``id``,
    ``version`` (1 when inserted, one more with each change of content), ``status``, when it was
    first and last seen, when its content last changed (``updated_at``) and when it was closed.
    All times are aware and in UTC, to the microsecond.
    """

    id: uuid.UUID
    version: int
    status: Status
    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None = None
    locations: list[Location] = field(default_factory=list)
    country: str | None = None
    workplace: Workplace | None = None
    employment_type: EmploymentType | None = None
    experience_level: ExperienceLevel | None = None
    industry: str | None = None
    description: str | None = None
    description_text: str | None = None
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

    def __post_init__(self) -> None:
        """State the location as the one place, where no places are given."""
        if self.location is not None and not self.locations:
            self.locations = [Location(self.location, country=self.country)]


@dataclass(slots=True, frozen=True, kw_only=True)
class AlsoOn:
    """Where else an opening is found: another posting of it, its board and its address."""

    id: uuid.UUID
    source: str
    url: str | None = None


@dataclass(slots=True, kw_only=True)
class JobSummary:
    """One line of a result list: a stored posting without its description and attributes.

    ``snippet`` is an excerpt of the description (or else of the title) around the words that
    were searched for, each of them between ``**`` marks; ``None`` where no words were given.
    ``also_on`` are the other postings of a group of duplicates that this one stands for.
    """

    id: uuid.UUID
    version: int
    status: Status
    source: str
    source_job_id: str
    title: str
    company: str
    location: str | None = None
    locations: list[Location] = field(default_factory=list)
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
    expires_at: datetime | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    snippet: str | None = None
    also_on: tuple[AlsoOn, ...] = ()


@dataclass(slots=True, frozen=True)
class Revision:
    """One earlier state of a posting: the fields that ``version`` replaced, when, and the
    values they had before."""

    version: int
    changed_at: datetime
    previous: dict[str, Any]
