"""One worker: a process with the store open that answers on sockets which it was given."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from jobstore.connecting import connect
from jobstore.errors import Fault, InvalidSettings
from jobstore.operations.figures import requests_db
from jobstore.operations.logs import Logs
from jobstore.operations.monitoring import Recorder
from jobstore.operations.observing import observed
from jobstore.service.application import application
from jobstore.service.connections import Connections
from jobstore.settings.sections import Settings
from jobstore.settings.serving import ServiceSection
from jobstore.store import JobStore

_LABEL = "jobstore serve"


def work(
    settings: Settings,
    sockets: list[socket.socket],
    most: int,
    ready: Callable[[], None],
    parent: int,
) -> None:
    """Answer until SIGTERM, or until whoever holds the other end of ``parent`` is gone.

    ``most`` is the number of connections; ``ready`` is called when the store is open. What was
    accepted is answered first, for as long as the settings say.
    """
    with Logs(settings) as logs, _told(logs):
        requests = None
        if settings.monitoring.enabled:
            keep_days = settings.monitoring.keep_days
            requests = Recorder(requests_db(settings), None, keep_days=keep_days, label=_LABEL)

        @asynccontextmanager
        async def opening() -> AsyncIterator[JobStore]:
            store = settings.store
            async with (
                connect(store.url, options=store.options, sources=settings.rules) as opened,
                observed(opened, settings, logs, label=_LABEL),
            ):
                if requests is not None:
                    requests.start()
                try:
                    yield opened
                finally:
                    if requests is not None:
                        await asyncio.to_thread(requests.stop)

        app = application(settings, opening, requests)
        _Server(configured(settings, app, most), ready, parent).run(sockets)


def configured(settings: Settings, app: object, most: int = 1000) -> uvicorn.Config:
    """Return how a server runs ``app``, with ``most`` connections. Raises InvalidSettings."""
    served = settings.service
    context = tls(served)
    connections = Connections(most, served.header_seconds, served.write_seconds)
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # FastAPI's type of an application is another than uvicorn's
        http=connections.protocol,  # type: ignore[arg-type] # a maker
        ws="none",
        lifespan="on",
        root_path=served.root_path,
        # Nobody but the proxies that are named says where a request comes from.
        proxy_headers=bool(served.trusted_proxies),
        forwarded_allow_ips=[*served.trusted_proxies],
        timeout_keep_alive=math.ceil(served.idle_seconds),
        timeout_graceful_shutdown=math.ceil(served.stop_seconds),
        ssl_context_factory=None if context is None else lambda *_: context,
        log_config=None,
        access_log=False,
        server_header=False,
    )


def tls(service: ServiceSection) -> ssl.SSLContext | None:
    """Return what is needed for TLS; ``None`` without it. Raises InvalidSettings."""
    if service.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without an answer of ours, a password would be asked for on the terminal.
        context.load_cert_chain(service.certificate, service.key, password=lambda: "")
    except OSError as error:
        # Errors of TLS are such, too.
        of_tls = isinstance(error, ssl.SSLError)
        why = "no certificate with its key, as PEM without a password" if of_tls else error.strerror
        reason = f"{service.certificate} and {service.key}: {why}"
        raise InvalidSettings([Fault("service.certificate", reason)]) from None
    return context


class _Server(uvicorn.Server):
    """A server that its parent ends."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], parent: int) -> None:
        super().__init__(config)
        self._ready = ready
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._parent, self._end)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End at SIGTERM; the parent sees to Ctrl-C, which all processes of a terminal get."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        yield

    def _end(self) -> None:
        self.should_exit = True
        if self.started:
            asyncio.get_running_loop().remove_reader(self._parent)


@contextmanager
def _told(logs: Logs) -> Iterator[None]:
    """Have what uvicorn warns of in the logs."""
    logger = logging.getLogger("uvicorn")
    logger.setLevel(logging.WARNING)
    logger.addHandler(logs)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(logs)
