"""The short way for what is asked most: a search, and one posting.

Solving what a route depends on costs FastAPI more than the store takes to answer. What is plainly
right goes past it here, by the same functions; all else, and every fault, takes the usual way, so
that answers are the same and the description is made from the routes alone.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from jobstore.errors import JobStoreError
from jobstore.service.answers import postings as answers
from jobstore.service.guarding.callers import Scope as May
from jobstore.service.guarding.callers import caller_of
from jobstore.service.holding import Service
from jobstore.service.parameters import Search
from jobstore.service.paths import path_of
from jobstore.service.problems import of_error
from jobstore.service.rest.postings import one, searched
from jobstore.service.rest.querying import Queried

_SEARCH = "/v1/postings"
_ONE = re.compile(r"/v1/postings/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
# What the log and the figures call the routes.
_ROUTES = {path: SimpleNamespace(path=path) for path in (_SEARCH, f"{_SEARCH}/{{id:uuid}}")}
_SEARCHES = Queried(Search)


class Direct:
    """Answers what is plainly a search or one posting, and hands all else to ``app``."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        answer = None
        if scope["type"] == "http" and scope["method"] == "GET":
            try:
                answer = await self._answer(scope)
            except JobStoreError as error:
                answer = of_error(error)
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        path = path_of(scope)
        if not path.startswith(_SEARCH) or caller_of(scope).scope < May.READ:
            return None
        if path == _SEARCH:
            asked = _asked(scope["query_string"])
            if asked is None:
                return None
            scope["route"] = _ROUTES[_SEARCH]
            return await searched(self._service.store, asked, Request(scope))
        found = _ONE.fullmatch(path)
        if found is None or scope["query_string"]:
            return None
        known = [value for name, value in scope["headers"] if name == b"if-none-match"]
        if len(known) > 1:
            return None
        scope["route"] = _ROUTES[f"{_SEARCH}/{{id:uuid}}"]
        job = await answers.posting(self._service.store, UUID(found[1]))
        return one(job, known[0].decode("latin-1") if known else None)


def _asked(query: bytes) -> Search | None:
    """Return what a query asks for; ``None`` where something is wrong with it."""
    try:
        return _SEARCHES.read(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    except RequestValidationError:
        return None
