"""``/v1/postings:batch`` and ``/v1/postings:export``: many postings, in and out."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import fields
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from jobstore.errors import StoreBusy
from jobstore.exchange.jsonl import JsonLinesWriter
from jobstore.records import Rejection, UpsertReport
from jobstore.service.answers import postings as answers
from jobstore.service.guarding.callers import Scope
from jobstore.service.guarding.permits import allowed
from jobstore.service.holding import Service
from jobstore.service.parameters import Filters
from jobstore.service.rest.querying import queried
from jobstore.service.rest.routing import is_head
from jobstore.service.rest.routing import router as grouped
from jobstore.service.rest.writing import answered
from jobstore.store import JobStore

JSON_LINES = "application/jsonl"
# Characters that are sent at once.
_PIECE = 64 * 1024
# Exports at a time. Their pieces take turns with all other answers, which wait for each of them.
MOST_EXPORTS = 4
_CONTENT = {JSON_LINES: {"schema": {"type": "string"}}}
_ARRAY = {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Posting"}}}
_BODY = {"content": {**_CONTENT, "application/json": _ARRAY}, "required": True}
_LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": _CONTENT, "description": "A posting on each line."}
}


def routes(service: Service) -> APIRouter:
    """Return the routes of many postings."""
    router = grouped(tags=["postings"])
    running: set[object] = set()

    @router.post(
        "/postings:batch",
        summary="Store many postings",
        response_model=UpsertReport,
        dependencies=[allowed(Scope.WRITE)],
        openapi_extra={"requestBody": _BODY},
    )
    async def batch(request: Request) -> Response:
        """Store a posting of each line, or of each item of a JSON array.

        Those with faults are listed by their position, from 0, and the others are stored.
        """
        report = await answers.upsert_many(service.store, await request.body())
        told = {each.name: getattr(report, each.name) for each in fields(report)}
        return answered(told | {"rejected": [*map(_rejected, report.rejected)]})

    @router.get("/postings:export", summary="Export postings", responses=_LINES)
    async def export(request: Request, asked: Annotated[Filters, queried(Filters)]) -> Response:
        """Every posting that matches, whole, newest first, a line each, as files have it."""
        if len(running) >= MOST_EXPORTS:
            raise StoreBusy("Other exports are being read; ask again.")
        pieces = _lines(service.store, asked)
        running.add(pieces)
        try:
            # What is wrong with the query is told before the first line.
            first = await anext(pieces, "")
        except BaseException:
            running.discard(pieces)
            raise
        if is_head(request):
            # The server would throw all of it away.
            running.discard(pieces)
            await pieces.aclose()
            return StreamingResponse(iter(()), media_type=JSON_LINES)
        return _Export(_after(first, pieces), lambda: running.discard(pieces))

    return router


def _rejected(given: Rejection) -> dict[str, Any]:
    """Return what was not stored, with its faults as problems have them."""
    reasons = [each._asdict() for each in given.reasons]
    return {"index": given.index, "source_job_id": given.source_job_id, "reasons": reasons}


class _Export(StreamingResponse):
    """Lines, after which, or when the client has gone, ``done`` is called."""

    def __init__(self, lines: AsyncIterator[str], done: Callable[[], None]) -> None:
        super().__init__(lines, media_type=JSON_LINES)
        self._done = done

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._done()


async def _lines(store: JobStore, asked: Filters) -> AsyncGenerator[str, None]:
    held = io.StringIO()
    writer = JsonLinesWriter(held)
    async for job in store.stream(asked.query()):
        writer.write(job)
        if held.tell() >= _PIECE:
            yield held.getvalue()
            held.seek(0)
            held.truncate()
            # Neither a posting that was read with others nor a piece that is sent lets others in.
            await asyncio.sleep(0)
    if held.tell():
        yield held.getvalue()


async def _after(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece
