"""Sinks deliver for real: to a web server, to a mail server, to a program, to the log."""

from __future__ import annotations

import hmac
import logging
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import TypeAdapter, ValidationError

from jobstore.operations.alerts.notifications import Notification, Origin, body, lines, subject
from jobstore.operations.alerts.sinks import Undelivered, send, sign
from jobstore.settings import sqlite_url
from jobstore.settings.alerting import AlertsSection, Sink
from jobstore.settings.sections import Settings
from tests.operations.receivers import (
    Mailbox,
    Webhook,
    certificates,
    dripping,
    mail_server,
    webhook,
)
from tests.operations.watching import NOW

ORIGIN = Origin("production", "jobs.db", "machine")
NOTIFICATION = Notification(
    "id-1", "firing", "disk-free", "critical", NOW, 4.0, "4.0% free", "Free some."
)
SECRET = "planted-secret-canary"
# Seconds to try one after the other: a machine that is quick needs no more than the first.
PATIENCES = (0.3, 3.0, 30.0)


def sink(**given: Any) -> Any:
    return TypeAdapter(Sink).validate_python(given)


def fails(given: Any) -> str:
    with pytest.raises(Undelivered) as caught:
        send(given, NOTIFICATION, ORIGIN, NOW)
    # Nothing secret, and nothing of what the other side said.
    assert SECRET not in repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def assert_given_up(said: bytes, drip: bytes, sink: Callable[[int, float], Any]) -> None:
    """See that ``sink(port, timeout)`` gives a server up that drips, and cuts it off."""
    for timeout in PATIENCES:
        with dripping(said, drip) as server:
            assert fails(sink(server.port, timeout)) == "timed out"
            # A busy machine takes its time to connect, and then nothing was shown.
            if server.reached.is_set():
                assert server.cut.wait(60)
                return
    pytest.fail("the server was never reached")


@contextmanager
def unused_port() -> Iterator[int]:
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def to(receiver: Webhook, path: str = "", **given: Any) -> Any:
    return sink(type="webhook", url=receiver.url + path, **given)


def test_a_webhook_gets_the_notice_signed() -> None:
    with webhook() as receiver:
        send(to(receiver, f"/hook/a b?token={SECRET}", secret=SECRET), NOTIFICATION, ORIGIN, NOW)
    assert receiver.notices == [
        {
            "id": "id-1",
            "kind": "firing",
            "rule": "disk-free",
            "severity": "critical",
            "at": "2026-03-01T12:00:00Z",
            "value": 4.0,
            "text": "4.0% free",
            "advice": "Free some.",
            "environment": "production",
            "store": "jobs.db",
            "host": "machine",
        }
    ]
    (headers,) = receiver.headers
    assert receiver.paths == [f"/hook/a%20b?token={SECRET}"]
    assert headers["X-Jobstore-Timestamp"] == str(int(NOW))
    assert headers["X-Jobstore-Delivery"] == "id-1"
    expected = sign(SECRET, headers["X-Jobstore-Timestamp"], receiver.bodies[0])
    assert headers["X-Jobstore-Signature"] == f"sha256={expected}"


def test_a_webhook_without_a_secret_is_not_signed() -> None:
    with webhook() as receiver:
        send(to(receiver), NOTIFICATION, ORIGIN, NOW)
    assert "X-Jobstore-Signature" not in receiver.headers[0]


def test_the_signature_binds_the_body_to_the_time() -> None:
    expected = hmac.digest(b"key", b'1772366400.{"id": "1"}', "sha256").hex()
    assert sign("key", "1772366400", b'{"id": "1"}') == expected
    assert sign("key", "1772366401", b'{"id": "1"}') != expected
    assert sign("another", "1772366400", b'{"id": "1"}') != expected


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_webhook_that_answers_anything_but_success_has_not_got_it(status: int) -> None:
    with webhook() as receiver:
        receiver.status = status
        assert fails(to(receiver, f"/{SECRET}")) == f"the webhook answered {status}"
    # A redirection is not followed.
    assert len(receiver.bodies) == 1


def test_a_webhook_that_hangs_is_given_up() -> None:
    with webhook() as receiver:
        receiver.hangs = True
        assert fails(to(receiver, timeout=0.05)) == "timed out"


def test_a_webhook_that_is_not_there_or_is_no_web_server_is_named_as_such() -> None:
    with unused_port() as port:
        gone = sink(type="webhook", url=f"http://127.0.0.1:{port}/{SECRET}")
        assert fails(gone) == "ConnectionRefusedError: Connection refused"
    with mail_server(Mailbox(), tls=None) as port:
        mail = sink(type="webhook", url=f"http://127.0.0.1:{port}/{SECRET}", timeout=30)
        assert fails(mail) == "BadStatusLine"


def test_a_webhook_by_https_is_refused_unless_it_shows_a_certificate() -> None:
    with webhook() as receiver:
        plain = sink(type="webhook", url=receiver.url.replace("http:", "https:"))
        assert fails(plain).startswith("SSLError")


@pytest.mark.parametrize(
    ("said", "drip", "secured"),
    [
        (b"", b"H", False),
        (b"HTTP/1.1 ", b"2", False),
        # What looks like success when it is cut off.
        (b"HTTP/1.1 200", b" ", False),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x", False),
        (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", False),
        # A record of the handshake that never is whole.
        (b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb", b"x", True),
    ],
)
def test_a_webhook_that_drips_has_no_longer_than_one_that_hangs(
    said: bytes, drip: bytes, secured: bool
) -> None:
    def webhook(port: int, timeout: float) -> Any:
        url = f"http{'s' if secured else ''}://127.0.0.1:{port}/{SECRET}"
        return sink(type="webhook", url=url, timeout=timeout)

    assert_given_up(said, drip, webhook)


@pytest.mark.parametrize(
    ("said", "drip", "tls"),
    [
        (b"", b"2", "none"),
        (b"220-a\r\n", b"220-b\r\n", "none"),
        (b"220 a\r\n250-b\r\n", b"250-c\r\n", "none"),
        (b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb", b"x", "tls"),
    ],
)
def test_nor_has_a_mail_server_that_drips(said: bytes, drip: bytes, tls: str) -> None:
    assert_given_up(said, drip, lambda port, timeout: email(port, timeout=timeout, tls=tls))


def test_mail_that_was_taken_is_delivered_however_long_the_goodbye_takes() -> None:
    taken = b"220 a\r\n250 b\r\n250 from\r\n250 to\r\n354 go\r\n250 taken\r\n"
    for timeout in PATIENCES:
        with dripping(taken, b"2") as server:
            try:
                send(email(server.port, timeout=timeout, tls="none"), NOTIFICATION, ORIGIN, NOW)
            except Undelivered:
                # On a busy machine it was not taken in that time.
                continue
            assert server.cut.wait(60)
            return
    pytest.fail("it was taken and is told as undelivered")


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        answered.wait(300)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        hook = sink(type="webhook", url="https://alerts.example.com/", timeout=0.05)
        assert fails(hook) == "timed out"
    finally:
        answered.set()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://[::1]/", ("::1", 80)),
        ("https://[2001:db8::25]/", ("2001:db8::25", 443)),
        ("https://[::1]:8443/", ("::1", 8443)),
        ("https://x.example/", ("x.example", 443)),
    ],
)
def test_an_address_is_asked_for_with_its_port(
    url: str, asked: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def unknown(host: str, port: int, *_: Any) -> Any:
        seen.append((host, port))
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert fails(sink(type="webhook", url=url)) == "gaierror: Name or service not known"
    assert seen == [asked]


def test_each_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    with webhook() as receiver, unused_port() as closed:
        port = receiver.server.server_port

        def both(host: str, port_: int, *given: Any) -> Any:
            return real("127.0.0.1", closed, *given) + real("127.0.0.1", port, *given)

        monkeypatch.setattr(socket, "getaddrinfo", both)
        send(sink(type="webhook", url="http://alerts.example.com:9/"), NOTIFICATION, ORIGIN, NOW)
        assert len(receiver.bodies) == 1


@pytest.mark.parametrize(
    ("given", "at"),
    [
        *(
            ({"type": "webhook", "url": url}, "url")
            for url in (
                "",
                "alerts.example.com",
                "ftp://alerts.example.com/",
                "https://",
                "https:///path",
                "https://a b.example/",
                "https://x.example:99999/",
                "https://x.example:0/",
                "https://[::1/",
                "https://ann:pw@x.example/",
                "https://x.example/\r\nX: y",
                f"http://a\u0131-{'x' * 80}/",
                "https://x.example/\udce9",
            )
        ),
        ({"type": "webhook", "url": "https://x.example/", "secret": ""}, "secret"),
        *(
            ({"type": "email", "host": "h", "recipients": ["a@b.c"], "sender": sender}, "sender")
            for sender in ("", "a@", "@b", "a b@c.d", "a@b.c, d@e.f", "Ops ops@b.c", "a@b@c", "<>")
        ),
        *(
            ({"type": "email", "host": "h", "sender": "a@b.c", "recipients": [to]}, "recipients")
            for to in ("a@b.c\nBcc: d@e.f", "team: a@b.c;", "a@\xe9.c", "a\udce9@b.c", "a@b.c\x01")
        ),
        *(
            ({"type": "email", "host": host, "sender": "a@b.c", "recipients": ["a@b.c"]}, "host")
            for host in (
                "",
                "smtp.example.com:25",
                "smtp://example.com",
                "a b",
                "a..b",
                "user@host",
            )
        ),
        *(
            ({"type": "command", "command": command}, "command")
            for command in ([], [""], ["./page"], ["bin/page"], ["../page"], ["page", "a\0b"])
        ),
    ],
    ids=str,
)
def test_what_nothing_can_be_sent_to_is_refused_with_the_settings(
    given: dict[str, Any], at: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        AlertsSection.model_validate({"sinks": [given]})
    assert {at} == {str(each["loc"][3]) for each in caught.value.errors()}
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"type": "webhook", "url": "http://localhost:8080/a b?c=d#e"},
        {"type": "webhook", "url": "https://[::1]:8443/"},
        {"type": "webhook", "url": "https://b\xfccher.example/"},
        {"type": "email", "host": "::1", "sender": "root", "recipients": ["root", "a+b@c.example"]},
        {"type": "email", "host": "mail", "sender": "J\xf6b <a@b.c>", "recipients": ["a@b.c"]},
        {"type": "email", "host": "127.0.0.1", "sender": "a@[10.0.0.1]", "recipients": ["a@b.c"]},
        {"type": "command", "command": ["notify", "--level", "high"]},
        {"type": "command", "command": ["/opt/page me"]},
    ],
    ids=str,
)
def test_what_can_be_sent_to_is_not(given: dict[str, Any]) -> None:
    assert AlertsSection.model_validate({"sinks": [given]}).sinks[0].type == given["type"]


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    context, authority = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return context


def email(port: int, **given: Any) -> Any:
    usual = {"sender": "jobstore@example.org", "recipients": ["ops@example.org"]}
    return sink(type="email", host="127.0.0.1", port=port, **usual | given)


def test_mail_goes_by_tls_and_says_it_all(tls: ssl.SSLContext) -> None:
    box = Mailbox()
    with mail_server(box, tls=tls) as port:
        send(email(port), NOTIFICATION, ORIGIN, NOW)
    (envelope,) = box.messages
    message = message_from_bytes(envelope.content, policy=default)
    assert message["Subject"] == "[jobstore production] critical: disk-free (jobs.db)"
    assert envelope.rcpt_tos == ["ops@example.org"]
    assert message["Message-ID"] == "<id-1@machine>"
    assert message["Date"].datetime.timestamp() == NOW
    for line in ("4.0% free", "Store:       jobs.db on machine", "Free some."):
        assert line in message.get_content()


def test_who_has_a_password_logs_in_after_tls(tls: ssl.SSLContext) -> None:
    box = Mailbox()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        box.logins.append((data.login, data.password))
        right = data.password == SECRET.encode()
        # One that is not handled is answered by the server itself.
        return AuthResult(success=right, handled=right)

    options = {"authenticator": authenticate, "auth_required": True}
    with mail_server(box, tls=tls, **options) as port:
        send(email(port, username="ops", password=SECRET), NOTIFICATION, ORIGIN, NOW)
        wrong = email(port, username="ops", password="wrong")
        assert fails(wrong) == "the mail server answered 535"
    assert box.logins[0] == (b"ops", SECRET.encode())
    assert len(box.messages) == 1


def test_mail_is_not_sent_where_tls_is_not_offered_or_nobody_vouches(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Mailbox()
    with mail_server(box, tls=None) as port:
        assert fails(email(port)) == "SMTPNotSupportedError"
    monkeypatch.delenv("SSL_CERT_FILE")
    with mail_server(box, tls=tls) as port:
        assert fails(email(port)).startswith("SSLCertVerificationError")
    assert box.messages == []


def test_mail_without_tls_has_to_be_asked_for() -> None:
    box = Mailbox()
    with mail_server(box, tls=None) as port:
        send(email(port, tls="none"), NOTIFICATION, ORIGIN, NOW)
    assert len(box.messages) == 1


def test_mail_by_tls_from_the_start(tls: ssl.SSLContext) -> None:
    with mail_server(Mailbox(), tls=None) as port:
        # It speaks first and in the clear.
        assert fails(email(port, tls="tls")).startswith("SSLError")


def test_one_recipient_that_is_refused_does_not_keep_it_from_the_others(
    tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    box = Mailbox()
    with mail_server(box, tls=tls) as port:
        both = ["refused@example.org", "ops@example.org"]
        send(email(port, recipients=both), NOTIFICATION, ORIGIN, NOW)
        assert fails(email(port, recipients=both[:1])) == "SMTPRecipientsRefused"
    assert "1 of 2 recipients were refused" in caplog.text
    assert len(box.messages) == 1


def test_a_mail_server_that_hangs_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        assert fails(email(silent.getsockname()[1], timeout=0.05)) == "timed out"


def command(*arguments: str, **given: Any) -> Any:
    return sink(type="command", command=[sys.executable, "-c", *arguments], **given)


def test_a_command_gets_the_notice_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_ALERTS__PASSWORD", SECRET)
    code = "import os, sys; open(sys.argv[1], 'w').write(sys.stdin.read() + str(dict(os.environ)))"
    # What looks like a shell's syntax is an argument like any other.
    path = tmp_path / "$(touch x); told"
    send(command(code, str(path)), NOTIFICATION, ORIGIN, NOW)
    told = path.read_text()
    assert told.startswith(body(NOTIFICATION, ORIGIN).decode())
    assert SECRET not in told
    assert "PATH" in told


def test_a_command_that_fails_or_is_not_there_has_not_told_anybody() -> None:
    assert fails(command("raise SystemExit(3)")) == "the command ended with 3"
    nowhere = fails(sink(type="command", command=["/nowhere/at/all"]))
    assert nowhere == "FileNotFoundError: No such file or directory"


def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    # A shell, which is there at once: on a busy machine Python would still be starting.
    hangs = ["/bin/sh", "-c", 'sleep 600 & echo $! > "$0"; sleep 600', str(path)]
    for timeout in PATIENCES:
        assert fails(sink(type="command", command=hangs, timeout=timeout)) == (
            "the command took too long and was killed"
        )
        if path.exists() and path.read_text():
            break
    child = int(path.read_text())
    for _ in range(6000):
        # Gone, or dead and not yet collected by whoever adopted it.
        stat = Path(f"/proc/{child}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    os.kill(child, 9)
    raise AssertionError("the child lives on")


def test_a_command_that_does_not_read_is_fine() -> None:
    send(command("import os; os.close(0)"), NOTIFICATION, ORIGIN, NOW)


@pytest.mark.parametrize(
    ("kind", "severity", "level"),
    [
        ("firing", "critical", logging.CRITICAL),
        ("repeated", "warning", logging.WARNING),
        ("resolved", "critical", logging.INFO),
        ("test", "warning", logging.INFO),
    ],
)
def test_the_log_gets_one_line(
    kind: str, severity: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    notice = Notification("id", kind, "disk-free", severity, NOW, 4.0, "4.0% free", "")
    with caplog.at_level(logging.INFO, "jobstore.alerts"):
        send(sink(type="log"), notice, ORIGIN, NOW)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (level, f"alert disk-free {kind}: 4.0% free")


def test_a_store_that_is_called_something_hostile_is_told_of_harmlessly() -> None:
    url = sqlite_url("/srv/a\x1b[2J\x9b\u202e\r\nBcc: x@y.z \U0001f600.db")
    origin = Origin.of(Settings.model_validate({"store": {"url": url}}))
    assert origin.store == "a\ufffd[2J\ufffd\ufffd\ufffd\ufffdBcc: x@y.z \U0001f600.db"
    box = Mailbox()
    with mail_server(box, tls=None) as port:
        send(email(port, tls="none"), NOTIFICATION, origin, NOW)
    message = message_from_bytes(box.messages[0].content, policy=default)
    assert message["Bcc"] is None
    assert origin.store in message.get_content()
    assert origin.store in message["Subject"]


def test_forms_for_people_and_programs() -> None:
    resolved = Notification(
        "id", "resolved", "backup-age", "warning", NOW, float("inf"), "well", "Do."
    )
    assert subject(resolved, ORIGIN) == "[jobstore production] resolved: backup-age (jobs.db)"
    # There is nothing to be done any more.
    assert "Do." not in lines(resolved, ORIGIN)
    assert b'"value": null' in body(resolved, ORIGIN)
    repeated = Notification("id", "repeated", "backup-age", "warning", NOW, 30.0, "old", "Do.")
    assert "still warning" in subject(repeated, ORIGIN)
    assert (
        Notification.of("test", NOW, "This is a test.").id
        != Notification.of("test", NOW, "This is a test.").id
    )
