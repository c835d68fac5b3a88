"""What machines ask of the service itself: whether it lives, whether it can answer, its figures."""

from __future__ import annotations

from fastapi import APIRouter, Response

from jobstore.errors import StoreClosed
from jobstore.operations.figures import MEDIA_TYPE
from jobstore.service.answers.standing import Fresh, exposition, unready
from jobstore.service.guarding.callers import Scope
from jobstore.service.guarding.permits import allowed
from jobstore.service.holding import Service
from jobstore.service.problems import problem

# Seconds after which asking again may help.
_LATER = {"Retry-After": "5"}


def routes(service: Service) -> APIRouter:
    """Return the routes; /metrics needs a token that reads, the others none."""
    router = APIRouter(tags=["operation"])

    async def look() -> str | None:
        try:
            return await unready(service.store)
        except StoreClosed as error:
            return str(error)

    fault = Fresh(look)
    figures = Fresh(lambda: exposition(service.settings))

    @router.get("/healthz", summary="Whether the process lives")
    async def healthz() -> Response:
        """200 as long as anything is answered."""
        return Response("ok\n", media_type="text/plain")

    @router.get(
        "/readyz", summary="Whether the store answers", responses={503: {"description": "Not now"}}
    )
    async def readyz() -> Response:
        """200 where the store answers and its schema fits this version; looked at once a second."""
        why = await fault.get()
        if why is None:
            return Response("ready\n", media_type="text/plain")
        return problem(503, why, kind="not-ready", headers=_LATER)

    @router.get("/metrics", summary="Figures for Prometheus", dependencies=[allowed(Scope.READ)])
    async def metrics() -> Response:
        """The text format of Prometheus, of all processes that use the store."""
        return Response(await figures.get(), headers={"Content-Type": MEDIA_TYPE})

    return router
