"""Postings as the Open Job Context Protocol (OJCP, 0.1) has them.

What a store cannot say (a distance, how well somebody fits) is left out. Our own fields stand
beside: ``source``, ``source_job_id``, ``status``, ``version``, ``snippet``, ``also_on``,
``salary_text``, ``skills`` and others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from jobstore.moments import iso
from jobstore.records import Job, JobSummary, Location, SalaryPeriod, Workplace
from jobstore.service.mcp.sizes import line, plain, within

VERSION = "0.1"
TOOLS = ("search_jobs", "get_job_detail", "get_employer_context")

POLICIES = {"on_site": Workplace.ONSITE, "hybrid": Workplace.HYBRID, "remote": Workplace.REMOTE}
"""Where work is done, by its name there. ``flexible`` is kept by no store."""

_POLICIES = {workplace: name for name, workplace in POLICIES.items()}
# There is no DAY.
_UNITS = frozenset((SalaryPeriod.HOUR, SalaryPeriod.WEEK, SalaryPeriod.MONTH, SalaryPeriod.YEAR))

FEW, MANY = 900, 6000
"""Bytes of each list in a page's posting, and in one that is asked for alone."""


def summary(job: JobSummary | Job) -> dict[str, Any]:
    """Return a posting of a list."""
    snippet = job.snippet if isinstance(job, JobSummary) else None
    also_on = plain(job.also_on) if isinstance(job, JobSummary) else []
    listed = within(also_on, FEW)
    more = {
        "url": job.url,
        "snippet": line(snippet, 400),
        "also_on": listed,
        "more_also_on": len(also_on) - len(listed) or None,
        "apply_paths": _ways(job.url),
    }
    return stated(_common(job, FEW) | more)


def posting(job: Job, most: int = MANY) -> dict[str, Any]:
    """Return a posting that was asked for alone, without its description.

    Its lists have at most ``most`` bytes each.
    """
    more = {
        "@type": "JobPosting",
        "url": job.url,
        "apply_paths": _ways(job.apply_url or job.url, with_url=True),
        "company_url": job.company_url,
        "company_size": job.company_size,
        "first_seen_at": iso(job.first_seen_at),
        "last_seen_at": iso(job.last_seen_at),
        "updated_at": iso(job.updated_at),
        "closed_at": job.closed_at,
    }
    return stated(_common(job, most) | more)


def stated(members: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what is not stated."""
    found: dict[str, Any] = plain(members)
    return found


def posted(job: JobSummary | Job) -> date:
    """Return the day that a posting counts from: where its source gave none, first seen."""
    return (job.posted_at or job.first_seen_at).date()


def _common(job: JobSummary | Job, most: int) -> dict[str, Any]:
    places = [_place(each) for each in job.locations]
    shown, skills = within(places, most), within(job.skills, most)
    return {
        "ojcp_id": str(job.id),
        "title": line(job.title),
        "employer": {"@type": "Organization", "name": line(job.company)},
        "datePosted": posted(job),
        "date_is_first_seen": True if job.posted_at is None else None,
        "validThrough": job.expires_at and job.expires_at.date(),
        "jobLocation": shown[0] if len(shown) == 1 == len(places) else shown,
        "more_locations": len(places) - len(shown) or None,
        "remote_policy": job.workplace and _POLICIES[job.workplace],
        "employmentType": job.employment_type,
        "experienceLevel": job.experience_level,
        "baseSalary": _salary(job),
        "salary_period": job.salary_period if job.salary_period not in _UNITS else None,
        "salary_text": job.salary_text,
        "industry": job.industry,
        "skills": skills,
        "more_skills": len(job.skills) - len(skills) or None,
        "applicant_count": job.applicant_count,
        "source": job.source,
        "source_job_id": job.source_job_id,
        "status": job.status,
        "version": job.version,
    }


def _place(place: Location) -> dict[str, Any]:
    address = {
        "addressLocality": place.city,
        "addressRegion": place.region,
        "addressCountry": place.country,
    }
    # What the source wrote, where it is more than the parts joined.
    written = {each.strip() for each in place.text.split(",")}
    is_more = place.city is None or not written <= {*address.values()}
    name = line(place.text) if is_more else None
    return stated({"@type": "Place", "name": name, "address": address})


def _salary(job: JobSummary | Job) -> dict[str, Any] | None:
    if job.salary_min is None and job.salary_max is None:
        return None
    period = job.salary_period
    return {
        "currency": job.salary_currency,
        "minValue": job.salary_min,
        "maxValue": job.salary_max,
        "unitText": period.upper() if period in _UNITS and period else None,
    }


def _ways(url: str | None, *, with_url: bool = False) -> list[dict[str, Any]]:
    if url is None:
        return []
    way = {"type": "external_redirect", "supports_agent_submission": False}
    return [way | {"url": url}] if with_url else [way]


def spread(amounts: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """Return the least, the middle and the most of amounts by currency, the frequent one first."""
    by_currency: dict[str, list[float]] = {}
    for currency, amount in amounts:
        by_currency.setdefault(currency, []).append(amount)
    found = []
    for currency, each in sorted(by_currency.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        each.sort()
        middle = each[(len(each) - 1) // 2]
        figures = {"lowest": each[0], "median": middle, "highest": each[-1]}
        found.append({"currency": currency, "unitText": "YEAR", "roles": len(each), **figures})
    return found
