"""``/v1/postings``: searching them, and reading and writing one of them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote, urlencode
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from jobstore.records import FacetCount, Job, JobSummary, UpsertResult
from jobstore.service.answers import postings as answers
from jobstore.service.answers.searching import search as found_by
from jobstore.service.guarding.callers import Scope
from jobstore.service.guarding.permits import allowed
from jobstore.service.holding import Service
from jobstore.service.parameters import Past, Search
from jobstore.service.paths import place_of, root_of
from jobstore.service.problems import problem
from jobstore.service.rest.querying import queried
from jobstore.service.rest.routing import router as grouped
from jobstore.service.rest.writing import BODY, Object, answered, etag, tags, with_key
from jobstore.store import JobStore

_IfMatch = Annotated[
    str | None, Header(alias="If-Match", description='Versions, such as "3"; * is any.')
]
_IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description='Versions that are known, such as "3".')
]
_LINK = {"description": "The next page: rel=next (RFC 8288).", "schema": {"type": "string"}}
_LINKED: dict[int | str, dict[str, Any]] = {200: {"headers": {"Link": _LINK}}}


class PostingPage(BaseModel):
    """A page of postings."""

    items: list[JobSummary]
    next_cursor: str | None
    total: int
    total_is_exact: bool
    facets: dict[str, list[FacetCount]]
    notes: list[str]


def routes(service: Service) -> APIRouter:
    """Return the routes of postings."""
    router = grouped(prefix="/postings", tags=["postings"])
    writes = [allowed(Scope.WRITE)]

    @router.get("", summary="Search postings", response_model=PostingPage, responses=_LINKED)
    async def search(request: Request, asked: Annotated[Search, queried(Search)]) -> Response:
        """One page of the postings that match all filters."""
        return await searched(service.store, asked, request)

    @router.get("/{id:uuid}", summary="Get a posting", response_model=Job)
    async def get(
        id: UUID, past: Annotated[Past, queried(Past)], if_none_match: _IfNoneMatch = None
    ) -> Response:
        """The posting with this id, as it is or as it was."""
        return one(await answers.posting(service.store, id, past), if_none_match)

    @router.patch(
        "/{id:uuid}",
        summary="Change a posting",
        response_model=Job,
        dependencies=writes,
        openapi_extra=BODY,
    )
    async def update(id: UUID, changes: Object, if_match: _IfMatch = None) -> Response:
        """Set the fields that the body states; ``null`` clears one (RFC 7396).

        With ``If-Match`` only where that version is the one that is stored.
        """
        job = await answers.update(service.store, id, changes, tags(if_match))
        return answered(job, ETag=etag(job.version))

    @router.delete(
        "/{id:uuid}",
        summary="Delete a posting",
        status_code=204,
        dependencies=[allowed(Scope.ADMIN)],
    )
    async def delete(id: UUID, if_match: _IfMatch = None) -> Response:
        """Remove the posting and its history."""
        await answers.delete(service.store, id, tags(if_match))
        return Response(status_code=204)

    @router.get("/{source}/{source_job_id:path}", summary="Get by key", response_model=Job)
    async def find(
        request: Request, source: str, source_job_id: str, if_none_match: _IfNoneMatch = None
    ) -> Response:
        """The posting that a source knows by this id. Write a slash in either as ``%2F``."""
        job = await answers.posting_of(service.store, *_key(request))
        return one(job, if_none_match)

    @router.put(
        "/{source}/{source_job_id:path}",
        summary="Store a posting",
        response_model=UpsertResult,
        responses={201: {"model": UpsertResult, "description": "It was not there before."}},
        dependencies=writes,
        openapi_extra=BODY,
    )
    async def upsert(
        request: Request,
        source: str,
        source_job_id: str,
        posting: Object,
    ) -> Response:
        """Store it, or merge it into what is stored: what it does not state stays as it is."""
        if {"if-match", "if-none-match"} & {*request.headers}:
            detail = "PUT merges into whatever is stored; PATCH takes If-Match."
            return problem(400, detail, kind="condition-not-supported")
        result = await answers.upsert(service.store, with_key(posting, *_key(request)))
        status = 201 if result.outcome == "inserted" else 200
        stored = f"{root_of(request.scope)}/v1/postings/{result.id}"
        return answered(result, status, ETag=etag(result.version), Location=stored)

    return router


async def searched(store: JobStore, asked: Search, request: Request) -> Response:
    """Return a page as it is answered to ``request``. Raises InvalidQuery."""
    found = await found_by(
        store,
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
        target = f"{place_of(request.scope)}?{urlencode([*again, ('cursor', following)])}"
        answer.headers["Link"] = f'<{target}>; rel="next"'
    return answer


def one(job: Job, if_none_match: str | None) -> Response:
    """Return a posting as it is answered, or 304 where its version is known."""
    tag = etag(job.version)
    known = tags(if_none_match, weak=True) or ()
    if "*" in known or str(job.version) in known:
        return Response(status_code=304, headers={"ETag": tag})
    return answered(job, ETag=tag)


def _key(request: Request) -> tuple[str, str]:
    """Return the key in an address, where a slash of a source or an id is ``%2F``."""
    given = request.scope["raw_path"].decode("ascii", "replace")
    source, _, id = given.partition("/v1/postings/")[2].partition("/")
    if "/" in id:
        # A proxy decoded one, or somebody forgot to encode it: another posting would be meant.
        raise HTTPException(400, "An address has a source and an id; write a slash in one as %2F.")
    try:
        return unquote(source, errors="strict"), unquote(id, errors="strict")
    except UnicodeDecodeError:
        raise HTTPException(400, "A key in an address is UTF-8, percent-encoded.") from None
