"""Running a service: a server on an address, until a signal ends it."""

from __future__ import annotations

from functools import partial

import uvicorn

from jobstore.connecting import connect
from jobstore.service.application import application
from jobstore.service.guarding.wire import patient
from jobstore.settings.sections import Settings


def serve(settings: Settings) -> None:
    """Serve the store until SIGINT or SIGTERM; what was accepted is answered first."""
    store = settings.store
    opening = partial(connect, store.url, options=store.options, sources=settings.rules)
    uvicorn.Server(configured(settings, application(settings, opening))).run()


def configured(settings: Settings, app: object) -> uvicorn.Config:
    """Return how a server runs ``app``: where it listens, and whom it believes."""
    served = settings.service
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # FastAPI's type of an application is another than uvicorn's
        host=served.host,
        port=served.port,
        root_path=served.root_path,
        http=patient(served.header_seconds),
        ws="none",
        # Nobody but the proxies that are named says where a request comes from.
        proxy_headers=bool(served.trusted_proxies),
        forwarded_allow_ips=[*served.trusted_proxies],
        ssl_certfile=served.certificate,
        ssl_keyfile=served.key,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
    )
