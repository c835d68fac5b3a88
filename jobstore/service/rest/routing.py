"""Routes of REST: what each of them does before its own work, and which methods it has.

A route knows the least that its callers must be allowed, and cannot be made without. It looks at
that before it reads anything else, so that strangers neither send bodies nor learn of faults.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from operator import attrgetter
from typing import Any

from fastapi import APIRouter, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from jobstore.service.guarding.callers import Scope as May
from jobstore.service.guarding.permits import Permit
from jobstore.service.problems import parameters_of, unknown_parameter
from jobstore.service.rest.querying import Queried
from jobstore.service.rest.writing import body_of_one

# What a form of any page can send without asking first (Fetch, CORS-safelisted request-header).
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")

# What the body of a model may have: more than those of all lists of a search.
_MOST_VALUES = 5_000

# What the scope of a request has where only the head of the answer is asked for.
_HEAD = "jobstore.head"

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """A route with a least scope, which knows all its parameters and answers HEAD as GET.

    What only reads needs :attr:`Scope.READ`; all others say what they need by ``allowed``.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: set[str] | list[str] | None = None,
        dependencies: Sequence[params.Depends] | None = None,
        openapi_extra: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = dependencies or ()
        permits = [each.dependency for each in given if isinstance(each.dependency, Permit)]
        if not permits:
            if {*(methods or ["GET"])} != {"GET"}:
                raise TypeError(f"{path} does not say who may; give it allowed(...)")
            permits = [Permit(May.READ)]
        self.permit = max(permits, key=lambda each: each.least)
        super().__init__(
            path,
            endpoint,
            methods=methods,
            # Checked by the handler, before the body is read.
            dependencies=[each for each in given if not isinstance(each.dependency, Permit)],
            openapi_extra={"x-scope": self.permit.least.name.lower(), **(openapi_extra or {})},
            **more,
        )
        if (found := _queried(self)) is not None:
            self.openapi_extra = {**(self.openapi_extra or {}), "parameters": found.described()}

    def get_route_handler(self) -> _Handler:
        """Return what answers a request."""
        handle = super().get_route_handler()
        reads = self.methods == {"GET"}
        # A model of the query looks for unknown names itself, together with all other faults.
        known = parameters_of(self)
        has_model = _queried(self) is not None

        async def handled(request: Request) -> Response:
            self.permit(request)
            if not reads:
                _check_type(request)
            if not has_model and request.scope["query_string"]:
                unknown = [name for name in request.query_params if name not in known]
                if unknown:
                    raise RequestValidationError([unknown_parameter(name) for name in unknown])
            if self.body_field is not None:
                # FastAPI reads it after this.
                await body_of_one(request, _MOST_VALUES)
            return await handle(request)

        return handled

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether this answers a request."""
        return super().matches(_as_get(scope, self.methods))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Of an answer to HEAD the server sends no body (RFC 9110, 9.3.2)."""
        await super().handle(_as_get(scope, self.methods), receive, send)


def is_head(request: Request) -> bool:
    """Tell whether nothing but the head of an answer is asked for."""
    return _HEAD in request.scope


def router(prefix: str = "", **more: Any) -> APIRouter:
    """Return a router below ``/v1`` whose routes are :class:`Route`."""
    return APIRouter(
        route_class=Route,
        prefix=f"/v1{prefix}",
        # Clients that are generated from the description call their functions so.
        generate_unique_id_function=attrgetter("name"),
        **more,
    )


def _queried(route: APIRoute) -> Queried[Any] | None:
    calls = (each.call for each in route.dependant.dependencies)
    return next((each for each in calls if isinstance(each, Queried)), None)


def _as_get(scope: Scope, methods: set[str] | None) -> Scope:
    # A copy: the server reads the method of its own.
    is_head = scope.get("method") == "HEAD" and "GET" in (methods or ())
    return {**scope, "method": "GET", _HEAD: True} if is_head else scope


def _check_type(request: Request) -> None:
    """Refuse bodies that forms of other pages could send, beside all else that keeps them off."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _FORMS:
        raise HTTPException(
            415, "A body is JSON: send 'Content-Type: application/json' (application/jsonl: lines)."
        )
