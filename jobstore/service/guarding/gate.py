"""The gate: what every request passes before it is answered, and every answer on its way out.

One ASGI middleware, in this order: the size of what is asked, the name that it was asked under,
where it comes from, who asks, how often, and how large and slow its body may be. Answers get
headers that keep browsers from mistaking them; that they were given is told by :mod:`.telling`.
What nobody expected ends here as well.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobstore.acting import acting_as
from jobstore.operations import logs
from jobstore.service.guarding.addresses import is_near, neighbourhood
from jobstore.service.guarding.asked import Asked, Refused, too_large
from jobstore.service.guarding.callers import COOKIE, Caller
from jobstore.service.guarding.callers import Scope as May
from jobstore.service.guarding.credentials import Credentials
from jobstore.service.guarding.names import Names
from jobstore.service.guarding.rates import Buckets
from jobstore.service.guarding.telling import Telling
from jobstore.service.paths import path_of
from jobstore.service.problems import problem, unexpected
from jobstore.settings.serving import ServiceSection

# Wrong tokens that one address may send at once, and the seconds until it may so again.
_WRONG = (10, 60.0)
# Pairs of addresses and tokens that are let in although others at the address sent wrong ones.
_MOST_TRUSTED = 10_000
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
# Bytes of a body that are read to the end although nobody wants them, so that the answer arrives.
_READ_OUT = 64 * 1024
# Bytes of a body of somebody who may not write, and so calls tools of agents or signs in at most.
_MOST_OF_READERS = 64 * 1024

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"private, no-cache"),
]


class Gate:
    """Lets requests in to ``app``, as the settings say.

    ``is_page`` tells of a path whether a browser may show who it is by a cookie there.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServiceSection,
        credentials: Credentials,
        telling: Telling | None = None,
        is_page: Callable[[str], bool] = lambda path: False,
    ) -> None:
        self._app = app
        self._telling = telling or Telling(log=settings.access_log)
        self._settings = settings
        self._credentials = credentials
        self._is_page = is_page
        self._names = Names(settings.hosts)
        self._wrong = Buckets(*_WRONG)
        self._rate = Buckets(max(1, settings.requests_per_minute), 60.0)
        self._policy = f'"minute";q={settings.requests_per_minute};w=60'.encode()
        self._trusted: dict[tuple[str, str], None] = {}
        # Behind a proxy all that is asked seems to come from this machine.
        self._has_proxy = bool(settings.trusted_proxies or settings.root_path)

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
        started = time.perf_counter()
        asked = Asked(scope["headers"], scope.get("query_string", b""))
        given = asked.headers.get(b"x-request-id", b"")
        id = given.decode() if _REQUEST_ID.fullmatch(given) else logs.new_id()
        caller: Caller | None = None
        sent = _Sent(send, id)
        with logs.bound(request=id):
            try:
                caller = await self._let_in(scope, asked, sent)
                with acting_as(caller.name):
                    most = self._most(caller)
                    await self._app(scope, _Body(receive, most, self._settings.read_seconds), sent)
            except Refused as refused:
                await self._refuse(refused.response, scope, receive, sent, asked)
            except ClientDisconnect:
                pass
            except Exception as error:
                await self._failed(error, scope, receive, sent)
            finally:
                seconds = time.perf_counter() - started
                self._telling(scope, id, caller, sent.status, seconds)

    async def _let_in(self, scope: Scope, asked: Asked, sent: _Sent) -> Caller:
        """Return who asks, which the scope has from now on. Raises Refused."""
        asked.check_form()
        host = asked.text(b"host")
        if not self._names.knows(host):
            raise Refused(
                problem(
                    HTTPStatus.MISDIRECTED_REQUEST,
                    "This service does not go by that name; its setting service.hosts lists its "
                    "names.",
                )
            )
        origin = asked.headers.get(b"origin")
        if asked.from_elsewhere() or (
            origin is not None and not self._names.same(origin.decode("latin-1"), host)
        ):
            detail = "Pages of others may not ask this service."
            raise Refused(problem(HTTPStatus.FORBIDDEN, detail))
        address = scope["client"][0] if scope.get("client") else ""
        near = not self._has_proxy and is_near(address) and not asked.is_forwarded()
        if b"authorization" in asked.headers:
            caller = await self._known(asked.text(b"authorization"), neighbourhood(address))
        elif token := self._cookie(scope, asked):
            caller = await self._kept(scope, token, address) or self._anonymous(near=near)
        else:
            caller = self._anonymous(near=near)
        scope.setdefault("state", {})["caller"] = caller
        asked.check_body(self._most(caller))
        if self._settings.requests_per_minute and (caller.name or not near):
            key = (caller.name, None if caller.name else neighbourhood(address))
            wait = self._rate.take(key)
            sent.more = self._limits(key)
            if wait:
                raise Refused(_later("Too many requests", wait))
        return caller

    def _most(self, caller: Caller) -> int:
        """Return how many bytes a body may have: who only reads has little to say."""
        most = self._settings.body_mib * 1024 * 1024
        return most if caller.scope >= May.WRITE else min(most, _MOST_OF_READERS)

    def _cookie(self, scope: Scope, asked: Asked) -> str | None:
        """Return the token that a browser keeps, where it asks for a page.

        Programs send theirs in a header that no browser sends by itself, so nothing that others
        have a browser do reaches REST or MCP.
        """
        given = asked.text(b"cookie")
        return cookie_parser(given).get(COOKIE) if given and self._is_page(path_of(scope)) else None

    async def _kept(self, scope: Scope, token: str, address: str) -> Caller | None:
        """Return whose token a browser kept, ``None`` for one that is good for nothing any more.

        That one is no reason to refuse a page, which alone can take the cookie back.
        """
        try:
            return await self._known(f"Bearer {token}", neighbourhood(address))
        except Refused as refused:
            if refused.response.status_code != HTTPStatus.UNAUTHORIZED:
                raise
            scope.setdefault("state", {})["stale"] = True
            return None

    async def _known(self, authorization: str, address: str) -> Caller:
        """Return whose token it is. Raises Refused for a wrong one."""
        kind, _, token = authorization.partition(" ")
        token = token.strip()
        key = (address, token)
        is_bearer = kind.lower() == "bearer"
        # While tokens are read, those of many may be waiting here; none of them is wrong yet.
        await self._credentials.refreshed()
        # Whoever has a token that was good here is not shut out by what others send.
        # Counted before it is looked at, so that many at once are no more than one after another.
        wait = self._wrong.take(address)
        if wait and key not in self._trusted:
            raise Refused(_later("Too many wrong tokens came from this address", wait))
        caller = self._credentials.known(token) if is_bearer else None
        if caller is None and is_bearer:
            caller = await self._credentials.made_since(token)
        if caller is not None and not wait:
            self._wrong.give_back(address)
        if caller is None:
            self._trusted.pop(key, None)
            raise Refused(
                problem(
                    HTTPStatus.UNAUTHORIZED,
                    "The token is not known, or is not good any more; 'jobstore tokens create' "
                    "makes one.",
                    headers={"WWW-Authenticate": 'Bearer realm="jobstore", error="invalid_token"'},
                )
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

    def _limits(self, key: tuple[str | None, str | None]) -> list[tuple[bytes, bytes]]:
        """Return what tells a caller of its limit (draft-ietf-httpapi-ratelimit-headers-10)."""
        left = int(self._rate.left(key))
        return [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", f'"minute";r={left};t={self._rate.full_in(key):.0f}'.encode()),
        ]

    async def _refuse(
        self, answer: Response, scope: Scope, receive: Receive, sent: _Sent, asked: Asked
    ) -> None:
        if asked.body_size() > _READ_OUT:
            answer.headers["Connection"] = "close"
        await answer(scope, receive, sent)

    async def _failed(self, error: Exception, scope: Scope, receive: Receive, sent: _Sent) -> None:
        answer = unexpected(error)
        # An answer that has begun is left unfinished, at which the server cuts the connection.
        if sent.status is None:
            await answer(scope, receive, sent)


class _Sent:
    """Sends an answer with the headers that all have.

    Who reads it too slowly is cut off by :mod:`.wire`.
    """

    def __init__(self, send: Send, id: str) -> None:
        self._send = send
        self._id = id
        self.status: int | None = None
        self.more: list[tuple[bytes, bytes]] = []
        """Headers of this answer besides those that all have."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"] = list(message.get("headers", ()))
            stated = {name for name, _ in headers}
            headers += [each for each in _HEADERS if each[0] not in stated]
            headers += self.more
            headers.append((b"x-request-id", self._id.encode()))
        await self._send(message)


class _Body:
    """Receives a body that may be neither too large nor too slow."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._left = self._most = most
        self._until = time.monotonic() + seconds
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
            raise HTTPException(413, too_large(self._most), {"Connection": "close"})
        return message


def _later(what: str, wait: float) -> Response:
    seconds = math.ceil(wait)
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"{what}; try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
