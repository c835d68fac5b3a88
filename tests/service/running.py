"""A service on a real socket of this machine, in a thread of the tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn

import jobstore
from jobstore.service.application import application
from jobstore.service.working import configured
from jobstore.settings.sections import Settings


@contextmanager
def running(settings: Settings, most: int = 1000) -> Iterator[int]:
    """Serve as ``jobstore serve`` does, with ``most`` connections, and give the port."""
    with server(settings, most) as (_, port):
        yield port


@contextmanager
def server(settings: Settings, most: int = 1000) -> Iterator[tuple[uvicorn.Server, int]]:
    """Do as :func:`running`, and give the server as well."""
    app = application(settings, partial(jobstore.connect, settings.store.url))
    served = uvicorn.Server(configured(settings, app, most))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield served, listening.getsockname()[1]
        finally:
            served.should_exit = True
            thread.join()


def said(port: int, sent: bytes, *, more: bytes = b"") -> bytes:
    """Return all that comes back on a connection, until the other side ends it.

    ``more`` is sent again and again, for as long as the other side takes it.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        try:
            while more:
                connection.sendall(more)
        except OSError:
            pass
        found = b""
        try:
            while piece := connection.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found
