"""Receivers of notices for tests: a webhook and a mail server, both real, on this machine."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from aiosmtpd.controller import Controller


class Webhook:
    """A web server that keeps what it is sent and answers as it is told."""

    def __init__(self) -> None:
        self.status = 204
        self.hangs = False
        self.late = False
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.let_go = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.bodies.append(self.rfile.read(length))
                receiver.headers.append(dict(self.headers))
                receiver.paths.append(self.path)
                if receiver.hangs:
                    receiver.let_go.wait(300)
                    if not receiver.late:
                        return
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer_late(self) -> None:
        """Answer those that were kept waiting, after all."""
        self.late = True
        self.let_go.set()

    @property
    def notices(self) -> list[dict[str, Any]]:
        """What was received, read as JSON."""
        return [json.loads(each) for each in self.bodies]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Run a webhook while the block lasts."""
    receiver = Webhook()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


class Dripping(NamedTuple):
    """A server that drips: its port, whether somebody came, and whether they have gone again."""

    port: int
    reached: threading.Event
    cut: threading.Event


@contextmanager
def dripping(said: bytes, drip: bytes) -> Iterator[Dripping]:
    """Run a server that says something and then a byte now and then, and never comes to an end."""
    reached, cut, over = threading.Event(), threading.Event(), threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                reached.set()
                with connection:
                    try:
                        connection.sendall(said)
                        while not over.wait(0.01):
                            connection.sendall(drip)
                    except OSError:
                        cut.set()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Dripping(listening.getsockname()[1], reached, cut)
        finally:
            over.set()
            # Where nobody came, it still waits for somebody.
            with suppress(OSError):
                socket.create_connection(listening.getsockname()).close()
            thread.join()


class Mailbox:
    """What a mail server keeps; it refuses a recipient that begins with ``refused``."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks for that name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        """Take a recipient or not."""
        if address.startswith("refused"):
            return "550 not here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd looks for that name
        """Keep a message."""
        self.messages.append(envelope)
        return "250 OK"


@contextmanager
def mail_server(box: Mailbox, *, tls: ssl.SSLContext | None, **options: Any) -> Iterator[int]:
    """Run a mail server that offers STARTTLS with ``tls``, while the block lasts; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]

        class Listening(Controller):
            def _create_server(self) -> Any:
                return self.loop.create_server(self._factory_invoker, sock=listening)

        controller = Listening(
            box,
            hostname="127.0.0.1",
            port=port,
            tls_context=tls,
            require_starttls=tls is not None,
            **options,
        )
        controller.start()
        try:
            yield port
        finally:
            controller.stop()


def certificates(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's side of TLS for 127.0.0.1, and the file of who vouches for it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return context, path
