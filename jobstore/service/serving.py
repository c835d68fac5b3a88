"""Running a service: a server on an address, until a signal ends it."""

from __future__ import annotations

from functools import partial

import uvicorn

from jobstore.connecting import connect
from jobstore.service.application import application
from jobstore.settings.sections import Settings


def serve(settings: Settings) -> None:
    """Serve the store until SIGINT or SIGTERM; what was accepted is answered first."""
    store, served = settings.store, settings.service
    opening = partial(connect, store.url, options=store.options, sources=settings.rules)
    uvicorn.run(
        application(settings, opening),
        host=served.host,
        port=served.port,
        root_path=served.root_path,
        log_config=None,
        access_log=False,
        server_header=False,
    )
