"""The time that a posting is listed under, which its place in every list and count follows.

Boards state dates that lie ahead: of the day on the other side of the date line, but also of next
year. Such a posting is no newer than the day it was seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

_AHEAD = timedelta(days=1)
"""A board's date may be so far ahead of the clock of whoever saw it: time zones reach from UTC-12
to UTC+14, and a date without a time says no zone."""


def listed_at(posted_at: datetime | None, first_seen_at: datetime) -> datetime:
    """Return when a posting was posted; when it was first seen, where the source gave no date or
    one that lies more than a day after that."""
    if posted_at is None or posted_at - first_seen_at > _AHEAD:
        return first_seen_at
    return posted_at
