"""A notification of an alert, and what goes out of it: its JSON, its subject, its lines.

Only form lives here. A notification carries numbers, names that the store gave itself and what its
checks say: no text of a posting, no address, no secret.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jobstore.moments import for_people, iso

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to say. ``muted`` is why nobody was notified: ``silenced``, ``covered`` or ``""``.

    ``kind`` is ``firing``, ``repeated``, ``resolved``, ``test`` or ``well``, or ``matches`` where
    ``rule`` is a saved search with so many new ones as ``value``; ``at`` is a Unix time;
    ``id`` stays the same when a delivery is tried again.
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

    @classmethod
    def of(cls, kind: str, at: float, text: str) -> Notification:
        """Return one that is about no rule, and asks for nothing."""
        return cls(str(uuid4()), kind, kind, "warning", at, None, text, "")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where notifications come from: the environment, the store's file name, the machine."""

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


def as_mapping(notification: Notification) -> dict[str, Any]:
    """Return a notification for JSON."""
    value = notification.value
    return {
        "id": notification.id,
        "kind": notification.kind,
        "rule": notification.rule,
        "severity": notification.severity,
        "at": datetime.fromtimestamp(notification.at, UTC),
        # JSON has no infinity (RFC 8259, section 6).
        "value": value if value is not None and isfinite(value) else None,
        "text": notification.text,
        "advice": notification.advice,
    }


def body(notification: Notification, origin: Origin) -> bytes:
    """Return what a webhook gets as its body and a command on its standard input."""
    found = as_mapping(notification) | {
        "at": iso(datetime.fromtimestamp(notification.at, UTC), "seconds"),
        "environment": origin.environment,
        "store": origin.store,
        "host": origin.host,
    }
    return json.dumps(found, ensure_ascii=False).encode()


def subject(notification: Notification, origin: Origin) -> str:
    """Return one line that says it all."""
    state = {"firing": notification.severity, "repeated": f"still {notification.severity}"}.get(
        notification.kind, notification.kind
    )
    return f"[jobstore {origin.environment}] {state}: {notification.rule} ({origin.store})"


def lines(notification: Notification, origin: Origin) -> str:
    """Return a notification as a text for people."""
    at = f"{for_people(datetime.fromtimestamp(notification.at, UTC))} UTC"
    told = [
        notification.text,
        "",
        f"Alert:       {notification.rule} ({notification.severity}), {notification.kind}",
        f"Environment: {origin.environment}",
        f"Store:       {origin.store} on {origin.host}",
        f"At:          {at}",
    ]
    if notification.advice and notification.kind != "resolved":
        told += ["", notification.advice]
    return "\n".join(told) + "\n"
