"""Moments as texts, all in UTC: for programs, for people, and in the names of files."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(moment: datetime, timespec: str = "auto") -> str:
    """Return ISO 8601 with ``Z``; ``timespec`` is that of :meth:`datetime.isoformat`."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def for_people(moment: datetime) -> str:
    """Return what people read, to the second; that it is UTC has to be said beside it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def in_name(moment: datetime) -> str:
    """Return what the name of a file may hold, to the second; such names sort by time."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
