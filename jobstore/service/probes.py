"""What machines ask of the service itself: whether it lives, whether it can answer, its figures."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from jobstore.errors import StoreClosed
from jobstore.operations.figures import MEDIA_TYPE
from jobstore.service.answers.fresh import Fresh
from jobstore.service.answers.operating import exposition, unready
from jobstore.service.guarding.callers import Scope, caller_of
from jobstore.service.guarding.permits import Permit
from jobstore.service.holding import Service
from jobstore.service.problems import problem

# Seconds after which asking again may help.
_LATER = {"Retry-After": "5"}


def install(app: FastAPI, service: Service) -> None:
    """Have ``app`` answer /healthz and /readyz to everybody, and /metrics to those who may read.

    They are no part of what is described to those who ask for postings.
    """
    may_read = Permit(Scope.READ)

    async def look() -> str | None:
        try:
            return await unready(service.store)
        except StoreClosed as error:
            return str(error)

    fault = Fresh(look)
    figures = Fresh(lambda: exposition(service.settings))

    async def healthz(request: Request) -> Response:
        """The process lives, as long as anything is answered."""
        return Response("ok\n", media_type="text/plain")

    async def readyz(request: Request) -> Response:
        """The store answers and its schema fits this version; looked at once a second."""
        why = await fault.get()
        if why is None:
            return Response("ready\n", media_type="text/plain")
        # A reason may name the store's place, which strangers are not told.
        told = why if caller_of(request.scope).scope >= Scope.READ else "The store does not answer."
        return problem(503, told, kind="not-ready", headers=_LATER)

    async def metrics(request: Request) -> Response:
        """Figures in the text format of Prometheus, of all processes that use the store."""
        may_read(request)
        return Response(await figures.get(), headers={"Content-Type": MEDIA_TYPE})

    for each in (healthz, readyz, metrics):
        app.add_route(f"/{each.__name__}", each, methods=["GET"], include_in_schema=False)
