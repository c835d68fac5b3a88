"""A service on a real socket of this machine, in a thread of the tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

import jobstore
from jobstore import migrating
from jobstore.service.application import application
from jobstore.service.working import configured
from jobstore.settings import sqlite_url
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


def settings_in(folder: Path, **service: Any) -> Settings:
    """Settings of a service over an empty store."""
    url = sqlite_url(folder / "jobs.db")
    migrating.up(url)
    return Settings.model_validate({"store": {"url": url}, "service": service})


def head(*lines: str, path: str = "/v1/statistics", method: str = "GET") -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def status_of(answer: bytes) -> int:
    """The status of the first answer."""
    return int(answer.split(b" ", 2)[1])


def send_on(connection: socket.socket, piece: bytes) -> None:
    """Send something again and again, slowly. Raises OSError when nobody takes it any more."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        connection.sendall(piece)
        time.sleep(0.05)


def still_answers(port: int) -> None:
    """The service answers others as before."""
    assert status_of(said(port, head("Connection: close"))) == 200


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """What comes on a connection until something is in it."""
    found = b""
    while end not in found:
        piece = connection.recv(65536)
        assert piece, found
        found += piece
    return found
