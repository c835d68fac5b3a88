"""``/v1/postings``: searching them, and one of them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from jobstore.json_text import escaped, to_json
from jobstore.records import Job
from jobstore.service import answers
from jobstore.service.holding import Service
from jobstore.service.parameters import Search


def routes(service: Service) -> APIRouter:
    """Return the routes of postings."""
    router = APIRouter(prefix="/postings", tags=["postings"])

    @router.get("", summary="Search postings")
    async def search(request: Request, asked: Annotated[Search, Query()]) -> Response:
        """One page of the postings that match all filters."""
        found = await answers.search(
            service.store,
            asked.query(),
            limit=asked.limit,
            cursor=asked.cursor,
            facets=asked.facets,
            only=asked.fields,
        )
        answer = answered(found)
        if following := found["next_cursor"]:
            given = request.query_params.multi_items()
            again = [pair for pair in given if pair[0] != "cursor"]
            target = f"{request.url.path}?{urlencode([*again, ('cursor', following)])}"
            answer.headers["Link"] = f'<{target}>; rel="next"'
        return answer

    @router.get("/{id}", summary="Get a posting", response_model=Job)
    async def get(id: UUID) -> Response:
        """The posting with this id."""
        job = await answers.posting(service.store, id)
        return answered(job)

    return router


def answered(value: object, status: int = 200) -> Response:
    """Return ``value`` as JSON."""
    return Response(escaped(to_json(value)), status, media_type="application/json")
