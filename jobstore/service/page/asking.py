"""What pages are asked: who may see them, and forms that write, which no other site can send."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from jobstore.service.guarding.callers import Scope
from jobstore.service.guarding.permits import Permit
from jobstore.service.page.rendering import CSRF, address
from jobstore.service.paths import root_of

# Fields of a form.
_MOST = 100

_READS, _WRITES = Permit(Scope.READ), Permit(Scope.WRITE)


class _Route(APIRoute):
    """A route of a page, which answers HEAD as GET; the server leaves out the body."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        if self.methods == {"GET"}:
            self.methods = {"GET", "HEAD"}


def router(**more: Any) -> APIRouter:
    """Return a router of pages."""
    return APIRouter(route_class=_Route, include_in_schema=False, **more)


async def _shown(request: Request) -> None:
    request.state.started = time.perf_counter()
    _READS(request)


reads = Depends(_shown)
"""What every page but the one to sign in depends on: its caller may read."""


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that came from a page of ours; blank ones are left out."""
    try:
        body = (await request.body()).decode()
        given = dict(parse_qsl(body, max_num_fields=_MOST))
    except ValueError:
        raise HTTPException(400, "This is no form of a page.") from None
    kept = request.cookies.get(CSRF, "")
    if not kept or not hmac.compare_digest(kept.encode(), given.pop("csrf", "").encode()):
        raise HTTPException(
            403,
            "The form was not sent from a page of this service, or the page is old: load it "
            "again, and allow its cookies.",
        )
    return {name: value.strip() for name, value in given.items() if value.strip()}


async def written(request: Request) -> dict[str, str]:
    """Return the fields of a form that writes, of a caller who may."""
    _WRITES(request)
    return await form_of(request)


def to(request: Request, path: str, fragment: str = "", /, **query: Any) -> Response:
    """Return the way to another page, once a form is dealt with."""
    return RedirectResponse(root_of(request.scope) + address(path, query) + fragment, 303)
