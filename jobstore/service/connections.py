"""How many connections there may be, and who goes when there is no room.

Whoever says nothing goes first, so that no number of silent clients keeps others out.
"""

from __future__ import annotations

from asyncio import Transport
from typing import Any

from jobstore.service.guarding.wire import Wire

_BODY = (
    b'{"type": "about:blank", "title": "Service Unavailable", "status": 503, '
    b'"detail": "There are too many connections."}'
)
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)


# Seconds that a client who asked before has to ask once more when a worker ends. Who sends a
# request just then would never know whether it was taken.
_ONCE_MORE = 1.0


class Connections:
    """The connections of a server: at most ``most``, whose heads take ``seconds`` at most.

    An answer that is not read for ``unread_seconds`` ends its connection.
    """

    def __init__(self, most: int, seconds: float, unread_seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self.unread_seconds = unread_seconds
        # Those that wait for a request, or for its head: who has waited longest is the first.
        self.silent: dict[Connection, None] = {}

    def protocol(self, **given: Any) -> Connection:
        """Return what uvicorn makes for each connection."""
        return Connection(self, **given)


class Connection(Wire):
    """One connection."""

    _ends = False

    def __init__(self, those: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._those = those
        self.seconds = those.seconds
        self.unread_seconds = those.unread_seconds

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take a connection in, in the place of a silent one if need be."""
        those = self._those
        if len(self.connections) >= those.most:
            silent = next(iter(those.silent), None)
            if silent is None:
                self.transport = transport
                transport.write(_REFUSAL)
                transport.close()
                return
            silent.leave()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read on; what comes after a refusal is not read."""
        if not self.transport.is_closing():
            super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is here already and is being answered."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._those.silent[self] = None

    def shutdown(self) -> None:
        """End it with its answer; one that waits, with the next one, which tells the client."""
        if self.cycle is None or not self.cycle.response_complete:
            super().shutdown()
        else:
            self._ends = True
            self.loop.call_later(_ONCE_MORE, super().shutdown)

    def on_headers_complete(self) -> None:
        """Have the request answered, as the last one where the connection ends."""
        super().on_headers_complete()
        if self._ends:
            self.cycle.keep_alive = False

    def leave(self) -> None:
        """End it at once: what is not read by the other side would keep it."""
        self._wait_no_more()
        self.connections.discard(self)
        self.transport.abort()

    def _wait(self) -> None:
        super()._wait()
        self._those.silent[self] = None

    def _wait_no_more(self) -> None:
        super()._wait_no_more()
        self._those.silent.pop(self, None)
