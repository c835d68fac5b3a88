"""Moments as texts, all in UTC: for programs, for people, in the names of files, and as asked."""

from __future__ import annotations

from datetime import UTC, datetime, time


def iso(moment: datetime, timespec: str = "auto") -> str:
    """Return ISO 8601 with ``Z``; ``timespec`` is that of :meth:`datetime.isoformat`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec=timespec)[:-6] + "Z"


def in_utc(value: object) -> datetime:
    """Return a time that a caller gave, in UTC. Raises ValueError, which completes "SINCE ..."."""
    if not isinstance(value, datetime):
        raise ValueError(f"must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise ValueError("must have a time zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


def for_people(moment: datetime) -> str:
    """Return what people read, to the second; that it is UTC has to be said beside it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def in_name(moment: datetime) -> str:
    """Return what the name of a file may hold, to the second; such names sort by time."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def asked(text: str, rest: time) -> datetime:
    """Return the moment that somebody wrote: a time with an offset, or a day.

    Of a day it is the time ``rest`` in UTC. Raises ValueError, which completes "TEXT ...".
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not like 2025-10-31 or 2025-10-31T09:00Z") from None
    if moment.tzinfo is None:
        if len(text) > len("2025-10-31"):
            raise ValueError("needs an offset from UTC, such as Z or +02:00")
        moment = datetime.combine(moment, rest, UTC)
    return moment
