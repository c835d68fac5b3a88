"""An employer, as far as its postings tell."""

from __future__ import annotations

from dataclasses import dataclass

from jobstore.derived.salaries import yearly_range
from jobstore.errors import JobNotFound
from jobstore.records import FacetCount, JobSummary, SearchQuery
from jobstore.store import JobStore

LOOKED_AT = 100
"""The newest openings, of which salaries are told."""

_FACETS = ("location", "source", "industry", "workplace", "employment_type")


@dataclass(slots=True, kw_only=True)
class Employer:
    """What is open at an employer.

    ``open_roles`` counts postings, at least so many where ``is_exact`` is false. ``newest`` are
    the newest :data:`LOOKED_AT`, one of each group of duplicates; ``salaries`` are theirs, each a
    currency and the middle of a range as an amount per year. ``facets`` as of a search.
    """

    name: str
    open_roles: int
    is_exact: bool
    newest: list[JobSummary]
    salaries: list[tuple[str, float]]
    facets: dict[str, list[FacetCount]]


async def employer(store: JobStore, name: str) -> Employer:
    """Return what is open at the employer of that name. Raises JobNotFound where none is known."""
    page = await store.search(
        SearchQuery(company=name, status="open"), limit=LOOKED_AT, facets=_FACETS, snippets=False
    )
    known = page.items
    if not known:
        known = (await store.search(SearchQuery(company=name), limit=1, snippets=False)).items
    if not known:
        raise JobNotFound("No posting is of an employer of that name.")
    salaries = []
    for job in page.items:
        pay = yearly_range(job.salary_min, job.salary_max, job.salary_period)
        if pay is not None and job.salary_currency is not None:
            salaries.append((job.salary_currency, sum(pay) / 2))
    return Employer(
        name=known[0].company,
        open_roles=page.total,
        is_exact=not page.total_capped,
        newest=page.items,
        salaries=salaries,
        facets=page.facets,
    )
