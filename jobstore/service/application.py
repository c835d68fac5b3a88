"""The application: REST, MCP and the page over one open store, behind one guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from jobstore.service import page, problems
from jobstore.service.guarding.credentials import Credentials
from jobstore.service.guarding.gate import Gate
from jobstore.service.holding import Opening, Service
from jobstore.service.rest import bulk, figures, lifecycle, postings
from jobstore.service.rest.describing import describe
from jobstore.settings.sections import Settings
from jobstore.version import __version__


def application(settings: Settings, opening: Opening) -> FastAPI:
    """Return the ASGI application of a service.

    ``opening`` opens the store when the application starts.
    """
    service = Service(settings, opening)
    credentials = Credentials(settings.operations_db)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield
        await credentials.close()

    app = FastAPI(
        title="jobstore",
        version=__version__,
        summary="Job postings: search them, read them, write them.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    for group in (lifecycle, bulk, figures, postings):
        # Not included, which has every request matched again at each level.
        app.router.routes += group.routes(service).routes
    app.router.routes += page.routes(service)
    describe(app)
    app.add_middleware(
        Gate, settings=settings.service, credentials=credentials, is_page=page.is_page
    )
    app.add_middleware(page.Dressing)
    return app
