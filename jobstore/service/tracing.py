"""A span for each request, which those of its operations are below, where spans are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobstore.operations.monitoring.tracing import provider
from jobstore.version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider


def route_of(scope: Scope) -> str | None:
    """Return the template of the address that answered; ``None`` where none did.

    Never the address itself: keys and ids of postings stand in it.
    """
    # FastAPI knows what stands before a route of a group; versions before 0.130 tell the route.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    if route is None and (endpoint := scope.get("endpoint")) is not None:
        # Of a route that is not FastAPI's own, its router tells only what answers there.
        known = scope["app"].routes
        route = next((each for each in known if getattr(each, "endpoint", None) is endpoint), None)
    found = getattr(route, "path", None)
    return found if isinstance(found, str) else None


def install(app: FastAPI) -> None:
    """Have requests of ``app`` traced, if anybody wants that; else they cost nothing more."""
    if (found := provider()) is not None:
        app.add_middleware(Traced, provider=found)


class Traced:
    """Makes the span of a request, below that of whoever sent it (W3C Trace Context)."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        # Imported here: the extra otel brings it.
        from opentelemetry import propagate, trace

        self._app = app
        self._tracer = provider.get_tracer("jobstore", __version__)
        self._server, self._extract = trace.SpanKind.SERVER, propagate.extract
        self._failed = trace.Status(trace.StatusCode.ERROR)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        with self._tracer.start_as_current_span(
            method,
            self._extract(headers),
            self._server,
            {"http.request.method": method, "url.scheme": scope["scheme"]},
            # What an error says may hold anything.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await self._app(scope, receive, sent)
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(self._failed)
                raise
            finally:
                # What the address is made of is known now; never the address itself.
                if route := route_of(scope):
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                if status:
                    span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(self._failed)
