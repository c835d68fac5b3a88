"""Connections: how many there may be, how long they may say nothing, how long a head may be.

uvicorn waits for ever for a first request and for the end of a head, and takes a head of any
length. Whoever says nothing here goes first when there is no room, so that no number of silent
clients keeps others out.
"""

from __future__ import annotations

import asyncio
from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Bytes of a request before its body: what servers usually take.
_LONGEST_HEAD = 64 * 1024


class Connections:
    """The connections of a server: at most ``most``, silent for ``seconds`` at most."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        # Those that wait for a request, or its head, the one that has waited longest first.
        self.silent: dict[Connection, None] = {}

    def protocol(self, **given: Any) -> Connection:
        """Return what uvicorn makes for each connection."""
        return Connection(self, **given)


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, those: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._those = those
        self._timer: asyncio.TimerHandle | None = None
        self._head = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection in, in the place of a silent one if need be."""
        super().connection_made(transport)
        those = self._those
        if len(self.connections) > those.most:
            silent = next(iter(those.silent), None)
            if silent is None:
                self._refuse(503, "There are too many connections.", "Retry-After: 1\r\n")
                return
            silent.leave()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that does not end is refused."""
        if self.transport.is_closing():
            return
        # A head that came whole is over here, so the size of a body counts for nothing.
        self._head += len(data)
        super().data_received(data)
        if self.parser is None or self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._head = 0
        elif self._head > _LONGEST_HEAD:
            self._refuse(431, "The head of the request is too long.")
        elif self._timer is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._head = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if not self.pipeline and not self.transport.is_closing():
            self._wait()

    def leave(self) -> None:
        """End it, whatever was said."""
        self._stop_waiting()
        self.connections.discard(self)
        # What does not read would keep it open.
        self.transport.abort()

    def _wait(self) -> None:
        self._stop_waiting()
        self._those.silent[self] = None
        self._timer = self.loop.call_later(self._those.seconds, self.leave)

    def _stop_waiting(self) -> None:
        self._those.silent.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, why: str, header: str = "") -> None:
        title = {431: "Request Header Fields Too Large", 503: "Service Unavailable"}[status]
        body = (
            f'{{"type": "about:blank", "title": "{title}", "status": {status}, "detail": "{why}"}}'
        )
        head = (
            f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\n{header}Connection: close\r\n\r\n"
        )
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.write((head + body).encode("ascii"))
        self.transport.close()
