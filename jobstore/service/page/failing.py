"""What goes wrong, as a page that says what to do."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobstore.operations import logs
from jobstore.service.page.asking import to
from jobstore.service.page.rendering import rendered
from jobstore.service.paths import path_of
from jobstore.service.problems import MEDIA_TYPE

_log = logs.get("service")

_PAGES = frozenset(
    ("", "applications", "health", "login", "logout", "postings", "searches", "statistics")
)
# Whoever asks for something below these is a program, whatever it says that it takes.
_PROGRAMS = ("v1", "mcp")
# What a problem document says of itself.
_ITS_OWN = ("content-length", "content-type", "www-authenticate")

_ADVICE = {
    400: "Go back, and change what is named above.",
    403: "If a token is missing, sign in with one that may do it. If you came from a page of this "
    "service through a proxy, the proxy has to pass on Host as it came, with its port.",
    404: "It may have been deleted, or the address is not complete.",
    409: "Go back, and tick the box that allows it if you mean it.",
    422: "Go back, and change what is named above.",
    503: "Load the page again in a moment.",
    507: "The disk of the store is full; whoever runs it has to make room.",
}


def is_page(path: str) -> bool:
    """Tell whether a path below the root is that of a page, rather than of REST or MCP."""
    return _first(path) in _PAGES


def _first(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]


class Dressing:
    """Makes pages of the problem documents that ``app`` answers to browsers.

    It stands before all others, so it does not matter who found that something went wrong.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not _is_asked_for(scope):
            await self._app(scope, receive, send)
            return
        begun: Message | None = None
        body = b""

        async def dressed(message: Message) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start" and _is_problem(message):
                begun = message
            elif begun is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    try:
                        answer = _page(Request(scope), json.loads(body), Headers(scope=begun))
                    except Exception as error:
                        # Nothing behind this would answer as the gate does, and name the request.
                        _log.exception("a page of a problem failed", exc_info=error)
                        await send(begun)
                        await send({"type": "http.response.body", "body": body})
                    else:
                        await answer(scope, receive, send)

        await self._app(scope, receive, dressed)


def _is_asked_for(scope: Scope) -> bool:
    first = _first(path_of(scope))
    if first in _PROGRAMS:
        return False
    return first in _PAGES or "text/html" in Headers(scope=scope).get("accept", "")


def _is_problem(message: Message) -> bool:
    return Headers(scope=message).get("content-type", "").startswith(MEDIA_TYPE)


def _page(request: Request, document: dict[str, Any], headers: Headers) -> Response:
    path, status = path_of(request.scope), int(document["status"])
    if status == HTTPStatus.UNAUTHORIZED:
        # A form is not sent again by signing in; its page is a better place to go on.
        there = path if request.method == "GET" else "/"
        asked = request.url.query if request.method == "GET" else ""
        answer = to(request, "/login", next=f"{there}?{asked}" if asked else there)
        if "hx-request" in request.headers:
            # What is put into a page as one types is no place to sign in.
            answer = Response(
                status_code=status, headers={"HX-Redirect": answer.headers["location"]}
            )
    else:
        answer = rendered(
            request, "error.html", status, problem=document, advice=_ADVICE.get(status, "")
        )
    for name, value in headers.items():
        if name not in _ITS_OWN:
            answer.headers.setdefault(name, value)
    return answer
