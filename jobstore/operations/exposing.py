"""Serving the figures of a store to Prometheus, where nothing else is served.

A server of the standard library, with one address and no data of postings behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socket import AF_INET6
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from jobstore.errors import Fault, InvalidQuery, StoreUnavailable
from jobstore.operations.figures import MEDIA_TYPE, figures

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

_PLACE = re.compile(r"(?:(\[[0-9a-fA-F:.]+\]|[^:\[\]]+):)?([0-9]{1,5})")
# Seconds that a client may take for what it asks.
_PATIENCE = 10.0


def place_of(text: str) -> tuple[str, int]:
    """Return the host and the port of ``[HOST:]PORT``. Raises InvalidQuery."""
    found = _PLACE.fullmatch(text)
    if found is None or int(found[2]) > 65_535:
        raise InvalidQuery([Fault("metrics", "must be a port, or a host and a port, as HOST:9464")])
    return (found[1] or "127.0.0.1").strip("[]"), int(found[2])


@contextmanager
def exposing(settings: Settings, host: str, port: int) -> Iterator[str]:
    """Serve ``/metrics`` while the block lasts; gives its address.

    Raises StoreUnavailable where nothing can listen there.
    """
    # However many ask, the databases are read for one of them.
    one_at_a_time = Lock()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/metrics" or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"Figures are at /metrics.\n"]
        with one_at_a_time:
            body = figures(settings).encode()
        start("200 OK", [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))])
        return [body] if environ["REQUEST_METHOD"] == "GET" else []

    kind = _Server6 if ":" in host else _Server
    try:
        server = make_server(host, port, app, kind, _Handler)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreUnavailable(f"No figures can be served at {host}:{port}: {reason}.") from None
    thread = Thread(target=server.serve_forever, name="jobstore-metrics", daemon=True)
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: who asks is no news."""
