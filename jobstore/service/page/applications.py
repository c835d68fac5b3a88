"""The board of applications: what stands under each state, and what is due when."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from jobstore.records import ApplicationState
from jobstore.service.answers import lifecycle as answers
from jobstore.service.holding import Service
from jobstore.service.page.asking import reads
from jobstore.service.page.asking import router as pages
from jobstore.service.page.rendering import rendered
from jobstore.service.parameters import MOST_AT_ONCE


def routes(service: Service) -> APIRouter:
    """Return the route of the board."""
    router = pages(dependencies=[reads])

    @router.get("/applications")
    async def board(request: Request) -> Response:
        found = await answers.applications(service.store, None, None, MOST_AT_ONCE)
        columns = [
            (state, [each for each in found if each.state is state]) for state in ApplicationState
        ]
        return rendered(
            request,
            "applications.html",
            columns=[(state, listed) for state, listed in columns if listed],
            now=datetime.now(UTC),
            count=len(found),
            may_be_more=len(found) == MOST_AT_ONCE,
        )

    return router
