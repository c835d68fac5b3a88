"""What the store holds, in figures: statistics, and the values of fields."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from jobstore.records import FacetCount, Statistics
from jobstore.search.criteria import FACETS
from jobstore.service.answers import searching as answers
from jobstore.service.holding import Service
from jobstore.service.parameters import Filters
from jobstore.service.rest.querying import queried
from jobstore.service.rest.routing import router as grouped
from jobstore.service.rest.writing import answered

_Field = Annotated[str, Path(json_schema_extra={"enum": [*FACETS]})]


def routes(service: Service) -> APIRouter:
    """Return the routes."""
    router = grouped(tags=["figures"])

    @router.get("/statistics", response_model=Statistics)
    async def statistics() -> Response:
        """Totals and breakdowns of all that is stored."""
        return answered(await answers.statistics(service.store))

    @router.get("/values/{field}", response_model=dict[str, list[FacetCount]])
    async def values(field: _Field, asked: Annotated[Filters, queried(Filters)]) -> Response:
        """The most frequent values of a field among the newest postings that match."""
        return answered({"items": await answers.values(service.store, field, asked.query())})

    return router
