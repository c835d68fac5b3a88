"""The application: REST, MCP and the page over one open store, behind one guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from jobstore.events import Observer
from jobstore.service import page, probes, problems, tracing
from jobstore.service.guarding.credentials import Credentials
from jobstore.service.guarding.gate import Gate
from jobstore.service.guarding.telling import Telling
from jobstore.service.holding import Opening, Service
from jobstore.service.mcp.mounting import Mcp
from jobstore.service.rest import bulk, figures, lifecycle, postings
from jobstore.service.rest.describing import describe
from jobstore.service.rest.direct import Direct
from jobstore.settings.sections import Settings
from jobstore.version import __version__


def application(settings: Settings, opening: Opening, observer: Observer | None = None) -> FastAPI:
    """Return the ASGI application of a service.

    ``opening`` opens the store when the application starts. ``observer`` is told of each request.
    """
    service = Service(settings, opening)
    telling = Telling(log=settings.service.access_log, observer=observer)
    mcp = Mcp(service)
    credentials = Credentials(settings.operations_db)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # Ended from the last to the first, whatever goes wrong in between.
            stack.push_async_callback(credentials.close)
            await stack.enter_async_context(service.running())
            await stack.enter_async_context(mcp.running())
            stack.push_async_callback(telling.close)
            yield

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
    probes.install(app, service)
    app.router.routes += [*mcp.routes(), *page.routes(service)]
    describe(app)
    app.add_middleware(Direct, service=service)
    app.add_middleware(
        Gate,
        settings=settings.service,
        credentials=credentials,
        telling=telling,
        is_page=page.is_page,
    )
    app.add_middleware(page.Dressing)
    tracing.install(app)
    return app
