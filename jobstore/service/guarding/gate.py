"""The gate: what every request passes before it is answered, and every answer on its way out.

One ASGI middleware, in this order: the name that it was asked under, where it comes from, who
asks, how often, and how large and slow its body may be. Answers get headers that keep browsers
from mistaking them, and a line in the log, in which nothing of postings, queries or tokens is.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobstore.operations import logs
from jobstore.service.guarding.callers import COOKIE, Caller
from jobstore.service.guarding.callers import Scope as May
from jobstore.service.guarding.credentials import Credentials
from jobstore.service.guarding.names import Names
from jobstore.service.guarding.rates import Buckets
from jobstore.service.problems import problem
from jobstore.settings.sections import ServiceSection

_log = logs.get("service")

# Wrong tokens that one address may send at once, and the seconds until it may so again.
_WRONG = (10, 60.0)
# Tokens and addresses that are let in although others at the address sent wrong ones.
_MOST_TRUSTED = 10_000
_REQUEST_ID = re.compile(r"[\w-]{8,64}", re.ASCII)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "private, no-cache",
}


class Gate:
    """Lets requests in to ``app``, as the settings say.

    ``is_page`` tells of a path whether a browser may show who it is by a cookie there.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServiceSection,
        credentials: Credentials,
        is_page: Callable[[str], bool] = lambda path: False,
    ) -> None:
        self._app = app
        self._settings = settings
        self._credentials = credentials
        self._is_page = is_page
        self._names = Names(settings.hosts)
        self._wrong = Buckets(*_WRONG)
        self._rate = Buckets(max(1, settings.requests_per_minute), 60.0)
        self._trusted: dict[tuple[str, str], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            # There are no websockets here.
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        started = time.perf_counter()
        given = headers.get("x-request-id", "")
        id = given if _REQUEST_ID.fullmatch(given) else logs.new_id()
        sent = _Sent(send, id, self._settings.write_seconds)
        with logs.bound(request=id):
            try:
                refused = await self._let_in(scope, headers)
                if refused is None:
                    body = _Body(receive, self._settings)
                    await self._app(scope, body, sent)
                else:
                    await refused(scope, receive, sent)
            except _SlowReader:
                # Nothing more can be said to whoever does not listen.
                pass
            finally:
                if self._settings.access_log:
                    _tell(scope, sent.status, time.perf_counter() - started)

    async def _let_in(self, scope: Scope, headers: Headers) -> Response | None:
        """Set who asks; or return why the request is not answered."""
        host = headers.get("host", "")
        if not self._names.knows(host):
            return problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This service does not go by that name; its setting service.hosts lists its names.",
            )
        origin = headers.get("origin")
        if origin is not None and not self._names.same(origin, host):
            return problem(HTTPStatus.FORBIDDEN, "Pages of others may not ask this service.")
        address = scope["client"][0] if scope.get("client") else ""
        near = _is_near(address) and not any(name in headers for name in _FORWARDED)
        caller = self._anonymous(near=near)
        if (authorization := headers.get("authorization")) is not None:
            known = await self._known(authorization, address)
            if isinstance(known, Response):
                return known
            caller = known
        elif token := self._cookie(scope, headers):
            known = await self._known(f"Bearer {token}", address)
            if isinstance(known, Caller):
                caller = known
            elif known.status_code == HTTPStatus.UNAUTHORIZED:
                # Nobody can take a cookie back but the page that is asked for.
                scope.setdefault("state", {})["stale"] = True
            else:
                return known
        scope.setdefault("state", {})["caller"] = caller
        counted = self._settings.requests_per_minute and (caller.name or not near)
        if counted and (wait := self._rate.take(caller.name or address)):
            return _later("Too many requests", wait)
        return None

    def _cookie(self, scope: Scope, headers: Headers) -> str | None:
        """Return the token that a browser keeps, where it asks for a page.

        Programs send theirs in a header that no browser sends by itself, so nothing that others
        have a browser do reaches REST or MCP.
        """
        given = headers.get("cookie")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return cookie_parser(given).get(COOKIE) if given and self._is_page(path) else None

    async def _known(self, authorization: str, address: str) -> Caller | Response:
        """Return whose token it is, or what is answered to a wrong one."""
        kind, _, token = authorization.partition(" ")
        key = (address, token)
        if key not in self._trusted and (wait := self._wrong.wait(address)):
            return _later("Too many wrong tokens came from this address", wait)
        caller = await self._credentials.caller(token.strip()) if kind.lower() == "bearer" else None
        if caller is None:
            self._trusted.pop(key, None)
            self._wrong.take(address)
            return problem(
                HTTPStatus.UNAUTHORIZED,
                "The token is not known, or is not good any more; 'jobstore tokens' makes one.",
                headers={"WWW-Authenticate": 'Bearer realm="jobstore", error="invalid_token"'},
            )
        self._trusted[key] = None
        if len(self._trusted) > _MOST_TRUSTED:
            self._trusted.pop(next(iter(self._trusted)))
        return caller

    def _anonymous(self, *, near: bool) -> Caller:
        match self._settings.anonymous:
            case "write":
                return Caller(May.WRITE)
            case "read":
                return Caller(May.READ)
            case "loopback" if near:
                return Caller(May.READ)
        return Caller(May.NOTHING)


class _SlowReader(Exception):
    """The client does not take its answer."""


class _Sent:
    """Sends an answer with the headers that all have, and does not wait for ever."""

    def __init__(self, send: Send, id: str, seconds: float) -> None:
        self._send = send
        self._id = id
        self._seconds = seconds
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
        except TimeoutError:
            raise _SlowReader from None


class _Body:
    """Receives a body that may be neither too large nor too slow."""

    def __init__(self, receive: Receive, settings: ServiceSection) -> None:
        self._receive = receive
        self._left = settings.body_mib * 1024 * 1024
        self._limit = settings.body_mib
        self._until = time.monotonic() + settings.read_seconds
        self._ended = False

    async def __call__(self) -> Message:
        if self._ended:
            # This waits for the client to go.
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The body came too slowly.", {"Connection": "close"}) from None
        self._left -= len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._left < 0:
            detail = f"The body is larger than {self._limit} MiB; send it in pieces."
            raise HTTPException(413, detail, {"Connection": "close"})
        return message


def _tell(scope: Scope, status: int | None, seconds: float) -> None:
    caller = scope.get("state", {}).get("caller")
    _log.info(
        "answered",
        method=scope["method"] if scope["method"].isalpha() else "?",
        # Never the path itself: keys and ids of postings stand in it.
        route=getattr(scope.get("route"), "path", None),
        status=status,
        milliseconds=round(seconds * 1000, 1),
        caller=caller and caller.name,
    )


def _later(what: str, wait: float) -> Response:
    seconds = math.ceil(wait)
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{what}; try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )


def _is_near(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback
