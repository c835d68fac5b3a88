"""Where notices go: the log, a webhook, e-mail, a command. One attempt at a time.

Everything here blocks, for about a sink's ``timeout``. What went wrong is said without addresses,
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
from contextlib import closing, suppress
from email.message import EmailMessage
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from jobstore.operations.alerts.notices import Notice, Origin, body, lines, subject

if TYPE_CHECKING:
    from jobstore.settings.alerting import CommandSink, EmailSink, Sink, WebhookSink

_log = logging.getLogger("jobstore.alerts")

_LEVELS = {"warning": logging.WARNING, "critical": logging.CRITICAL}
# What a command gets of the environment: none of the secrets that may be in it.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "USER")


class Undelivered(Exception):
    """A notice did not arrive; the message says why and quotes nothing secret."""


def send(sink: Sink, notice: Notice, origin: Origin, now: float) -> None:
    """Deliver a notice to a sink, at Unix time ``now``. Raises Undelivered."""
    if sink.type == "log":
        level = _LEVELS[notice.severity] if notice.kind in ("firing", "repeated") else logging.INFO
        _log.log(level, "alert %s %s: %s", notice.rule, notice.kind, notice.text)
    elif sink.type == "webhook":
        _post(sink, notice, origin, now)
    elif sink.type == "email":
        _mail(sink, notice, origin)
    else:
        _run(sink, notice, origin)


def sign(secret: str, timestamp: str, content: bytes) -> str:
    """Return the signature of a webhook's body: HMAC-SHA-256 (RFC 2104) in hexadecimal.

    What is signed is the timestamp, a full stop and the body, so that neither can be changed
    and an old notice cannot be sent again as a new one.
    """
    signed = timestamp.encode() + b"." + content
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _post(sink: WebhookSink, notice: Notice, origin: Origin, now: float) -> None:
    parts = urlsplit(sink.url.get_secret_value())
    content = body(notice, origin)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "jobstore",
        "X-Jobstore-Delivery": notice.id,
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
        with closing(_connection(parts.scheme, parts.hostname or "", parts.port, sink.timeout)) as (
            connection
        ):
            connection.request("POST", target, content, headers)
            # A redirection is not followed: the notice was for this address.
            status = connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        raise Undelivered(_reason(error)) from None
    if not 200 <= status < 300:
        raise Undelivered(f"the webhook answered {status}")


def _connection(scheme: str, host: str, port: int | None, timeout: float) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return HTTPConnection(host, port, timeout=timeout)


def _mail(sink: EmailSink, notice: Notice, origin: Origin) -> None:
    try:
        message = EmailMessage()
        message["Subject"] = subject(notice, origin)
        message["From"] = sink.sender
        message["To"] = ", ".join(sink.recipients)
        message["Message-ID"] = f"<{notice.id}@{origin.host}>"
        message.set_content(lines(notice, origin))
        with _server(sink) as server:
            if sink.tls == "starttls":
                # Raises when the server does not offer it; nothing is sent in the clear then.
                server.starttls(context=ssl.create_default_context())
            if sink.username is not None and sink.password is not None:
                server.login(sink.username, sink.password.get_secret_value())
            refused = server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"the mail server answered {error.smtp_code}") from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Undelivered(_reason(error)) from None
    if refused:
        # To send it again would send it twice to the others.
        _log.warning("%d of %d recipients were refused", len(refused), len(sink.recipients))


def _server(sink: EmailSink) -> smtplib.SMTP:
    name = socket.gethostname()
    if sink.tls == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(
            sink.host, sink.port, local_hostname=name, timeout=sink.timeout, context=context
        )
    return smtplib.SMTP(sink.host, sink.port, local_hostname=name, timeout=sink.timeout)


def _run(sink: CommandSink, notice: Notice, origin: Origin) -> None:
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
            process.communicate(body(notice, origin), timeout=sink.timeout)
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
