"""Pages as answers: templates with every value escaped, under a policy that runs no foreign script.

No template has a script or a style in it, so that the policy needs no exception, and a text of a
posting that got through as markup would still do nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from jobstore.service.guarding.callers import COOKIE, Scope, caller_of
from jobstore.service.page import files, texts
from jobstore.service.paths import path_of, root_of

CSRF = "jobstore_csrf"
"""The cookie whose text a form repeats: pages of others can do neither."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_environment = Environment(
    loader=PackageLoader("jobstore.service.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.filters |= texts.FILTERS


def address(path: str, query: Mapping[str, Any] | None = None) -> str:
    """Return the address of a page below the root, with the parameters that have a value."""
    given = {name: value for name, value in (query or {}).items() if value not in (None, "", [])}
    return quote(path) + (f"?{urlencode(given, doseq=True)}" if given else "")


def rendered(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page. ``values`` are what its template shows."""
    root = root_of(request.scope)
    caller = caller_of(request.scope)
    fresh = request.cookies.get(CSRF, "")
    token = fresh if len(fresh) == 43 and fresh.isascii() else secrets.token_urlsafe(32)
    started = getattr(request.state, "started", None)
    text = _environment.get_template(template).render(
        root=root,
        path=path_of(request.scope),
        caller=caller,
        may_write=caller.scope >= Scope.WRITE,
        csrf=token,
        link=lambda path, **query: root + address(path, query),
        file=lambda name: root + files.place(name),
        page_took=None if started is None else time.perf_counter() - started,
        **values,
    )
    answer = Response(text, status, media_type="text/html")
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Vary"] = "Cookie, HX-Request"
    if token != fresh and 'name="csrf"' in text:
        keep(request, answer, CSRF, token)
    if getattr(request.state, "stale", False):
        forget(request, answer, COOKIE)
    return answer


def keep(request: Request, answer: Response, name: str, value: str) -> None:
    """Have the browser keep a cookie until it ends; no script and no other site sees it."""
    answer.set_cookie(
        name,
        value,
        path=root_of(request.scope) or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def forget(request: Request, answer: Response, name: str) -> None:
    """Have the browser forget a cookie."""
    answer.delete_cookie(
        name,
        path=root_of(request.scope) or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
