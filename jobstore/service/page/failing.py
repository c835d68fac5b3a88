"""What goes wrong, as a page that says what to do."""

from __future__ import annotations

from fastapi import Request, Response

from jobstore.service.page.asking import to
from jobstore.service.page.rendering import path_of, rendered
from jobstore.service.problems import Problem

_PAGES = frozenset(
    ("", "applications", "health", "login", "logout", "postings", "searches", "statistics")
)
# Whoever asks for something below these is a program, whatever it says that it takes.
_PROGRAMS = ("v1", "mcp")

_ADVICE = {
    400: "Go back, and change what is named above.",
    403: "Sign in with a token that may do it; 'jobstore tokens create' makes one.",
    404: "It may have been deleted, or the address is not complete.",
    409: "Go back, and tick the box that allows it if you mean it.",
    422: "Go back, and change what is named above.",
    503: "Load the page again in a moment.",
    507: "The disk of the store is full; whoever runs it has to make room.",
}


def is_page(path: str) -> bool:
    """Tell whether a path below the root is that of a page, rather than of REST or MCP."""
    return path.split("/", 2)[1] in _PAGES if path.startswith("/") else False


def dressed(request: Request, found: Problem) -> Response:
    """Return a problem as a page where a browser asked for one."""
    path = path_of(request)
    if not is_page(path):
        wanted = "text/html" in request.headers.get("accept", "")
        if not wanted or path.split("/", 2)[1:2] in [[each] for each in _PROGRAMS]:
            return found
    if found.status_code == 401:
        # A form is not sent again by signing in; its page is a better place to go on.
        following = request.url.query if request.method == "GET" else ""
        there = path if request.method == "GET" else "/"
        return to(request, "/login", next=f"{there}?{following}" if following else there)
    answer = rendered(
        request,
        "error.html",
        found.status_code,
        problem=found.document,
        advice=_ADVICE.get(found.status_code, ""),
    )
    if after := found.headers.get("retry-after"):
        answer.headers["Retry-After"] = after
    return answer
