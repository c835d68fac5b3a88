"""What is searched for, and the pages of what is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from jobstore.records.postings import JobSummary


class Sort(StrEnum):
    """The order of search results; see :meth:`jobstore.JobStore.search`."""

    NEWEST = "newest"
    RELEVANCE = "relevance"
    SALARY = "salary"
    APPLICANTS = "applicants"
    EXPIRES = "expires"


@dataclass(slots=True, frozen=True)
class SearchQuery:
    """What to search for; every field that is given must hold.

    A field that takes one value also takes a tuple of alternatives (``skills`` is different:
    all of them must be there). ``company``, ``location``, ``industry``, ``source`` and
    ``skills`` compare whole values without regard to case and accents; words of them go into
    ``text``. ``location`` is compared with the posting's own and with the text and the city of
    each of its places, ``country`` with that of each. The grammar of ``text`` is
    described at :meth:`jobstore.JobStore.search`.

    Salary bounds are amounts per year, in ``salary_currency`` when that is given: a posting
    matches when its own range, as a yearly equivalent (hour x 2,080, day x 260, week x 52,
    month x 12, no period: as it is), reaches into them. A posting that states only one end of
    its range counts with that one amount. ``posted_since`` and ``posted_until`` are aware
    datetimes, both inclusive, and compare the time that a posting is listed under: ``posted_at``,
    or ``first_seen_at`` where the source gave no date or one more than a day after that.

    ``expired=False`` finds postings whose ``expires_at`` is not stated or still to come at the
    time of the search, ``expired=True`` those for which it is past. All pages of one search
    compare with the time of its first page.

    ``collapse_duplicates``: of a group of postings that are one opening a page shows the first that
    matches, and where the others are; it may have a quarter fewer rows then. It changes no total
    and no facet, and neither counting nor streaming.
    ``application`` finds postings with an application in one of these states, whatever else was
    applied for; ``"none"``, which stands alone, those without any.
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
    expired: bool | None = None
    application: str | tuple[str, ...] | None = None
    sort: Sort | str = Sort.NEWEST
    collapse_duplicates: bool = True


@dataclass(slots=True, frozen=True)
class FacetCount:
    """How many postings have ``value``."""

    value: str
    count: int


@dataclass(slots=True, kw_only=True)
class Page:
    """One page of search results.

    ``next_cursor`` continues after the last item, ``None`` when there is nothing more.
    ``total`` is exact up to 1,000 as long as counting takes little work. Beyond either,
    ``total_capped`` is true, and there are at least ``total`` matches: 1,001, or as many as were
    counted until then, at least 21 and those on the page. It is the same for the same query, limit
    and store, on all its pages, whatever the machine. ``facets`` has an entry for each facet that
    was asked for, its most frequent values first, counted over the newest 1,001 matches, or over
    those that were counted for the total where they are fewer. ``notes`` are plain sentences that
    say how parts of the text were understood which may mean something else to whoever wrote them.
    """

    items: list[JobSummary]
    next_cursor: str | None = None
    total: int = 0
    total_capped: bool = False
    facets: dict[str, list[FacetCount]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
