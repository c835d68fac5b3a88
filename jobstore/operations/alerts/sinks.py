"""Where notifications go: the log, a webhook, e-mail, a command. One attempt at a time.

Everything here blocks, for a sink's ``timeout`` at most, however slowly the other side goes on:
what is not over by then is cut off, or killed. What went wrong is said without addresses,
credentials or anything that the other side answered.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import signal
import smtplib
import socket
import ssl
import subprocess  # nosec B404
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from jobstore.operations.alerts.notifications import Notification, Origin, body, lines, subject
from jobstore.threads import within

if TYPE_CHECKING:
    from jobstore.settings.alerting import (
        CommandSink,
        EmailSink,
        HeartbeatSink,
        Sink,
        WebhookSink,
    )

_log = logging.getLogger("jobstore.alerts")

_LEVELS = {"warning": logging.WARNING, "critical": logging.CRITICAL}
_CONNECTIONS: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}
# What a command gets of the environment: none of the secrets that may be in it.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "USER")


class Undelivered(Exception):
    """A notification did not arrive; the message says why and quotes nothing secret."""


def send(sink: Sink, notification: Notification, origin: Origin, now: float) -> None:
    """Deliver a notification to a sink, at Unix time ``now``. Raises Undelivered."""
    if sink.type == "log":
        level = (
            _LEVELS[notification.severity]
            if notification.kind in ("firing", "repeated")
            else logging.INFO
        )
        _log.log(level, "alert %s %s: %s", notification.rule, notification.kind, notification.text)
    elif sink.type == "webhook" or sink.type == "heartbeat":
        _post(sink, notification, origin, now)
    elif sink.type == "email":
        _mail(sink, notification, origin)
    else:
        _run(sink, notification, origin)


def sign(secret: str, timestamp: str, content: bytes) -> str:
    """Return the signature of a webhook's body: HMAC-SHA-256 (RFC 2104) in hexadecimal.

    What is signed is the timestamp, a full stop and the body, so that neither can be changed
    and an old notification cannot be sent again as a new one.
    """
    signed = timestamp.encode() + b"." + content
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _post(
    sink: WebhookSink | HeartbeatSink, notification: Notification, origin: Origin, now: float
) -> None:
    parts = urlsplit(sink.url.get_secret_value())
    content = body(notification, origin)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "jobstore",
        "X-Jobstore-Delivery": notification.id,
        "X-Jobstore-Timestamp": str(int(now)),
    }
    if sink.secret is not None:
        secret = sink.secret.get_secret_value()
        signature = sign(secret, headers["X-Jobstore-Timestamp"], content)
        headers["X-Jobstore-Signature"] = f"sha256={signature}"
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    try:
        host, kind = parts.hostname or "", _CONNECTIONS[parts.scheme]
        # Without a port of its own the last part of an IPv6 address would be taken for one.
        connection = kind(host, parts.port or kind.default_port)
        with _line(host, connection.port, sink.timeout) as line:
            connection.sock = _secured(line, host) if parts.scheme == "https" else line
            try:
                connection.request("POST", target, content, headers)
                # A redirection is not followed: the notification was for this address.
                status = connection.getresponse().status
            finally:
                connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise Undelivered(_reason(error)) from None
    if not 200 <= status < 300:
        raise Undelivered(f"the webhook answered {status}")


@contextmanager
def _line(host: str, port: int, timeout: float) -> Iterator[socket.socket]:
    """Connect, and cut the line when ``timeout`` seconds are over, counted from the call.

    A timeout of a socket is for one operation: who sends a byte now and then has it begin anew.
    Raises TimeoutError for whatever was going on when the line was cut.
    """
    deadline = time.monotonic() + timeout
    late = threading.Event()
    line = within(
        timeout, ("connect", host), lambda: socket.create_connection((host, port), timeout)
    )
    # The line may become one by TLS meanwhile, under the same number in the system.
    with line, line.dup() as other:

        def cut() -> None:
            late.set()
            with suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
        timer.daemon = True
        timer.start()
        try:
            yield line
        finally:
            timer.cancel()
            timer.join()
            if late.is_set():
                # What was read until then may look like a whole answer.
                raise TimeoutError from None


def _secured(line: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(line, server_hostname=host)


def _mail(sink: EmailSink, notification: Notification, origin: Origin) -> None:
    refused = None
    try:
        message = EmailMessage()
        message["Subject"] = subject(notification, origin)
        message["From"] = sink.sender
        message["To"] = ", ".join(sink.recipients)
        # When it happened: a mail may be sent much later.
        message["Date"] = datetime.fromtimestamp(notification.at, UTC)
        message["Message-ID"] = f"<{notification.id}@{origin.host}>"
        message.set_content(lines(notification, origin))
        with _line(sink.host, sink.port, sink.timeout) as line, _Mail(line, sink) as server:
            if sink.tls == "starttls":
                # Raises when the server does not offer it; nothing is sent in the clear then.
                server.starttls(context=ssl.create_default_context())
            if sink.username is not None and sink.password is not None:
                server.login(sink.username, sink.password.get_secret_value())
            refused = server.send_message(message)
    except smtplib.SMTPResponseException as error:
        failure = f"the mail server answered {error.smtp_code}"
    except (OSError, smtplib.SMTPException, ValueError) as error:
        failure = _reason(error)
    if refused is None:
        raise Undelivered(failure)
    # It was taken, however the goodbye went.
    if refused:
        # To send it again would send it twice to the others.
        _log.warning("%d of %d recipients were refused", len(refused), len(sink.recipients))


class _Mail(smtplib.SMTP):
    """A mail server at the other end of a line."""

    def __init__(self, line: socket.socket, sink: EmailSink) -> None:
        self._line = _secured(line, sink.host) if sink.tls == "tls" else line
        super().__init__(sink.host, sink.port, local_hostname=socket.gethostname())

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        return self._line


def _run(sink: CommandSink, notification: Notification, origin: Origin) -> None:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        # No shell; the program is the operator's own choice.
        process = subprocess.Popen(  # nosec B603
            sink.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise Undelivered(_reason(error)) from None
    with process:
        try:
            process.communicate(body(notification, origin), timeout=sink.timeout)
        except subprocess.TimeoutExpired:
            # With all that it started.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise Undelivered("the command took too long and was killed") from None
    if process.returncode:
        raise Undelivered(f"the command ended with {process.returncode}")


def _reason(error: Exception) -> str:
    # smtplib makes a lost connection of it.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "timed out"
    said = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
