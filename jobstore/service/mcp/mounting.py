"""MCP over streamable HTTP at ``/mcp``, and what tells agents about it.

Each request stands alone and is answered as JSON: there are no sessions, and no streams that stay
open. The gate has looked at Host and Origin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from jobstore.json_text import to_json
from jobstore.service.guarding.callers import Scope, caller_of, require
from jobstore.service.holding import Service
from jobstore.service.mcp import messages, ojcp
from jobstore.service.mcp.server import Context, server
from jobstore.service.mcp.tool import Rights
from jobstore.service.problems import problem

_MIB = 1024 * 1024
_DESCRIPTION = files(__package__).joinpath("llms.txt").read_text(encoding="utf-8")


class Mcp:
    """The protocol's place in an application, which answers while it is :meth:`running`."""

    def __init__(self, service: Service) -> None:
        self._settings = service.settings.service
        self._server = server(lambda: service.store, self._rights)
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer requests during the block."""
        # A manager runs once only, an application may be started again.
        manager = StreamableHTTPSessionManager(
            self._server,
            stateless=True,
            json_response=True,
            max_request_body_size=int(self._settings.body_mib * _MIB),
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/mcp", self, name="mcp"),
            Route("/.well-known/ojcp.json", self._manifest),
            Route("/llms.txt", _described),
        ]

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Answer a request of the protocol."""
        if scope["method"] != "POST":
            # No stream of the server's own, and no session to end.
            answer = problem(405, "MCP is asked by POST.", headers={"Allow": "POST"})
            await answer(scope, receive, send)
            return
        require(scope, Scope.READ)
        if self._manager is None:
            raise RuntimeError("the manager of MCP is not running")
        again, refused = await messages.read(Request(scope, receive))
        if refused is not None:
            await refused(scope, receive, send)
            return
        await self._manager.handle_request(scope, again, send)

    def _rights(self, context: Context) -> Rights:
        request: Request | None = context.request
        if request is None:
            # There is nobody who was let in.
            return Rights(Scope.NOTHING, writes=False)
        scope = caller_of(request.scope).scope
        return Rights(scope, self._settings.mcp_writes, request.query_params.get("as") == "text")

    async def _manifest(self, request: Request) -> Response:
        """Answer with OJCP's manifest: what is here, and how one gets in."""
        free = caller_of(request.scope).scope >= Scope.READ
        rate = self._settings.requests_per_minute / 60
        manifest: dict[str, Any] = {
            "ojcp_version": ojcp.VERSION,
            "provider": {"name": "jobstore", "description": "Job postings of many boards."},
            "mcp_endpoint": str(request.url_for("mcp")),
            "tools": list(ojcp.TOOLS),
            "apply_paths": ["external_redirect"],
            "auth": {"type": "none" if free else "bearer"},
        }
        if rate:
            manifest["rate_limits"] = {"authenticated_rps": rate, "anonymous_rps": rate}
        return Response(to_json(manifest), media_type="application/json")


async def _described(request: Request) -> Response:
    """Answer with what a model should know before it asks."""
    return PlainTextResponse(_DESCRIPTION.replace("{base}", str(request.base_url)))
