"""The short way for what is asked most: a search, and one posting.

Solving what a route depends on costs FastAPI more than the store takes to answer. What is plainly
right goes past it here, by the same functions; all else, and every fault, takes the usual way, so
that answers are the same and the description is made from the routes alone.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import get_args, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from jobstore.errors import JobStoreError
from jobstore.service.answers import postings as answers
from jobstore.service.guarding.callers import Scope as May
from jobstore.service.guarding.callers import caller_of
from jobstore.service.holding import Service
from jobstore.service.parameters import Search
from jobstore.service.problems import of_error
from jobstore.service.rest.postings import one, searched

_SEARCH = "/v1/postings"
_ONE = re.compile(r"/v1/postings/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
# What the log and the figures call the routes.
_ROUTES = {path: SimpleNamespace(path=path) for path in (_SEARCH, f"{_SEARCH}/{{id:uuid}}")}
# Parameters that may come several times.
_LISTS = frozenset(
    name
    for name, field in Search.model_fields.items()
    if list in (get_origin(field.annotation), *map(get_origin, get_args(field.annotation)))
)


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
        root: str = scope.get("root_path", "")
        path: str = scope["path"]
        path = path.removeprefix(root) if path.startswith(f"{root}/") else path
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
    """Return what a query asks for; ``None`` where somebody has to look closer."""
    given: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if not value or (name in given and name not in _LISTS):
            return None
        if name in _LISTS:
            listed = given.setdefault(name, [])
            assert isinstance(listed, list)
            listed.append(value)
        else:
            given[name] = value
    try:
        return Search.model_validate(given)
    except ValidationError:
        return None
