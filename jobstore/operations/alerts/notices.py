"""What is told of an alert, and what goes out of it: its JSON, its subject, its lines.

Only form lives here. A notice carries numbers and names that the store gave itself: no text of
a posting, no address, no secret.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. ``muted`` says why it was not told: ``silenced``, ``covered`` or ``""``.

    ``kind`` is ``firing``, ``repeated``, ``resolved`` or ``test``; ``at`` a Unix time; ``id``
    stays the same when a delivery is tried again.
    """

    id: str
    kind: str
    rule: str
    severity: str
    at: float
    value: float | None
    text: str
    advice: str
    muted: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where notices come from: the environment, the store's file name, the machine."""

    environment: str
    store: str
    host: str

    @classmethod
    def of(cls, settings: Settings) -> Origin:
        """Return the origin that ``settings`` describe, on this machine."""
        # A file may be called anything, and mails are read on terminals too.
        name = "".join(
            each if each.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for each in settings.store.address.path.name
        )
        return cls(settings.environment, name, socket.gethostname())


def trial_notice(now: float) -> Notice:
    """Return a notice that says only that notices arrive."""
    text = "This is a test; nothing is wrong."
    return Notice(
        str(uuid4()), "test", "test", "warning", now, None, text, "Nothing is to be done."
    )


def as_mapping(notice: Notice) -> dict[str, Any]:
    """Return a notice for JSON."""
    value = notice.value
    return {
        "id": notice.id,
        "kind": notice.kind,
        "rule": notice.rule,
        "severity": notice.severity,
        "at": datetime.fromtimestamp(notice.at, UTC),
        # JSON has no infinity (RFC 8259, section 6).
        "value": value if value is not None and isfinite(value) else None,
        "text": notice.text,
        "advice": notice.advice,
    }


def body(notice: Notice, origin: Origin) -> bytes:
    """Return what a webhook gets as its body and a command on its standard input."""
    found = as_mapping(notice) | {
        "at": f"{as_mapping(notice)['at']:%Y-%m-%dT%H:%M:%SZ}",
        "environment": origin.environment,
        "store": origin.store,
        "host": origin.host,
    }
    return json.dumps(found, ensure_ascii=False).encode()


def subject(notice: Notice, origin: Origin) -> str:
    """Return one line that says it all."""
    state = {"firing": notice.severity, "repeated": f"still {notice.severity}"}.get(
        notice.kind, notice.kind
    )
    return f"[jobstore {origin.environment}] {state}: {notice.rule} ({origin.store})"


def lines(notice: Notice, origin: Origin) -> str:
    """Return a notice as a text for people."""
    at = f"{datetime.fromtimestamp(notice.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    told = [
        notice.text,
        "",
        f"Alert:       {notice.rule} ({notice.severity}), {notice.kind}",
        f"Environment: {origin.environment}",
        f"Store:       {origin.store} on {origin.host}",
        f"At:          {at}",
    ]
    if notice.kind != "resolved":
        told += ["", notice.advice]
    return "\n".join(told) + "\n"
