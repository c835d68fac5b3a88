"""The server's side of a connection, which reads no more of a request's head than it may have.

uvicorn's own takes headers without end and waits for them for ever, and adds the trailers of a
body to the headers that have been looked at already.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jobstore.service.guarding.asked import MOST_HEADERS, MOST_OF_HEADERS, MOST_OF_QUERY

# The path beside the query; the gate answers what is a little too much with a problem.
_MOST_OF_ADDRESS = MOST_OF_QUERY + 8 * 1024
_MOST_OF_HEAD = 2 * MOST_OF_HEADERS
_MOST_HEADERS = 2 * MOST_HEADERS


class Wire(HttpToolsProtocol):
    """One connection.

    ``seconds``: how long a request's head may take, and how long a body is read on that was
    answered before its end. ``unread_seconds``: how long the other side may
    leave unread what waits for it.
    """

    seconds = 20.0
    unread_seconds = 60.0

    _size = 0
    _in_head = False
    _waiting: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _unwanted: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin a connection."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End it."""
        self._wait_no_more()
        self._is_read()
        self._is_over()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Much waits to be read by the other side.

        A transport that is closed keeps that, and the connection, until it is read.
        """
        super().pause_writing()
        self._unread = self.loop.call_later(self.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It was read."""
        self._is_read()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that asks nothing more; what was not read until now never will be."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._size, self._in_head = 0, True
        self._wait()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address. What this raises is answered with 400."""
        self._size += len(url)
        if self._size > _MOST_OF_ADDRESS:
            raise ValueError("the address is too long")
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. What this raises is answered with 400."""
        if not self._in_head:
            # A trailer, which nobody here reads.
            return
        self._size += len(name) + len(value)
        if self._size > _MOST_OF_HEAD or len(self.headers) >= _MOST_HEADERS:
            raise ValueError("there are too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have the request answered."""
        self._in_head = False
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        self._is_over()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Take the end of an answer; a body that nobody wants may have none."""
        super().on_response_complete()
        cycle = self.cycle
        if cycle.response_complete and cycle.more_body and not self.transport.is_closing():
            self._is_over()
            self._unwanted = self.loop.call_later(self.seconds, self._give_up)

    def _unsupported_upgrade_warning(self) -> None:
        """Answer as if nobody had asked for another protocol, and fill no log with that."""

    def _wait(self) -> None:
        self._wait_no_more()
        self._waiting = self.loop.call_later(self.seconds, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _is_over(self) -> None:
        if self._unwanted is not None:
            self._unwanted.cancel()
            self._unwanted = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
