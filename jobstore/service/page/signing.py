"""Signing in: a browser keeps a token in a cookie that no script and no other site can use."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from jobstore.service.guarding.callers import COOKIE, caller_of
from jobstore.service.page.asking import form_of, to
from jobstore.service.page.asking import router as pages
from jobstore.service.page.rendering import forget, keep, rendered
from jobstore.service.paths import root_of

_TOKEN = re.compile(r"[\w-]{1,200}", re.ASCII)
# A path of ours: a second slash or a backslash would begin the name of another host.
_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


def routes() -> APIRouter:
    """Return the routes of signing in and out."""
    router = pages()

    @router.get("/login")
    async def show(request: Request, next: str = "") -> Response:
        """Ask for a token. The gate looked at the one that the browser has, if it has one."""
        if caller_of(request.scope).name is not None and "next" in request.query_params:
            return _onward(request, next)
        stale = getattr(request.state, "stale", False)
        fault = "This token is not known, or is not good any more." if stale else ""
        there = _ours(next or _before(request))
        return rendered(request, "login.html", 401 if stale else 200, next=there, fault=fault)

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        """Keep a token in the browser; the next request shows whether it is good."""
        given = await form_of(request)
        next, token = _ours(given.get("next", "/")), given.get("token", "")
        if not _TOKEN.fullmatch(token):
            fault = "A token is one word of letters and digits, as it was shown when it was made."
            return rendered(request, "login.html", 400, next=next, fault=fault)
        answer = to(request, "/login", next=next)
        keep(request, answer, COOKIE, token)
        return answer

    @router.post("/logout")
    async def sign_out(request: Request) -> Response:
        """Have the browser forget its token."""
        await form_of(request)
        answer = to(request, "/login")
        forget(request, answer, COOKIE)
        return answer

    return router


def _ours(path: str) -> str:
    return path if _PATH.fullmatch(path) else "/"


def _before(request: Request) -> str:
    """Return the page of ours that a link to sign in was followed on, as its address was then."""
    try:
        before = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    root = root_of(request.scope)
    if before.netloc != request.headers.get("host") or not before.path.startswith(f"{root}/"):
        return "/"
    path = before.path[len(root) :]
    if path in ("/login", "/logout"):
        return "/"
    return f"{path}?{before.query}" if before.query else path


def _onward(request: Request, next: str) -> Response:
    answer = to(request, "/")
    answer.headers["Location"] = root_of(request.scope) + _ours(next)
    return answer
