"""Figures: what is stored, as charts that are tables, and how well and how fast the store is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from jobstore.records import FacetCount, Statistics
from jobstore.service.answers import operating
from jobstore.service.answers import searching as answers
from jobstore.service.answers.fresh import Fresh
from jobstore.service.holding import Service
from jobstore.service.page.asking import reads
from jobstore.service.page.asking import router as pages
from jobstore.service.page.rendering import rendered

Rows = list[tuple[str, int]]

# Seconds that a look at the store's health is good for: it writes, and anybody may ask.
_FRESH = 5.0


def routes(service: Service) -> APIRouter:
    """Return the routes of figures."""
    router = pages(dependencies=[reads])
    health = Fresh(lambda: operating.health(service.store), _FRESH)

    @router.get("/statistics")
    async def statistics(request: Request) -> Response:
        found = await answers.statistics(service.store)
        days = [*found.per_day.items()]
        return rendered(
            request,
            "statistics.html",
            figures=found,
            days=days,
            busiest=max((count for _, count in days), default=0),
            salaries=sorted(found.salaries.items(), key=lambda pair: -pair[1].count),
            groups=_groups(found),
        )

    @router.get("/health")
    async def how_well(request: Request) -> Response:
        report = await health.get()
        frame = await operating.latencies(service.settings)
        return rendered(request, "health.html", report=report, frame=frame)

    return router


def _groups(found: Statistics) -> list[tuple[str, str | None, Rows]]:
    """Return breakdowns: a heading, the filter that a value of it is, and the counts."""
    others = [("all others", found.other_sources)] if found.other_sources else []
    groups = [
        ("Sources", "source", [*_most(found.by_source), *others]),
        ("Workplace", "workplace", _most(found.by_workplace)),
        ("Employment", "employment_type", _most(found.by_employment_type)),
        ("Experience", "experience_level", _most(found.by_experience_level)),
        ("Status", "status", _most(found.by_status)),
        ("Companies with the most postings", "company", _pairs(found.top_companies)),
        ("Locations with the most postings", "location", _pairs(found.top_locations)),
        ("Applications that came this far", None, [*found.applications.reached.items()]),
    ]
    return [(head, name, rows) for head, name, rows in groups if any(count for _, count in rows)]


def _most(counts: Mapping[str, int]) -> Rows:
    return sorted(counts.items(), key=lambda pair: -pair[1])


def _pairs(counts: Sequence[FacetCount]) -> Rows:
    return [(each.value, each.count) for each in counts]
