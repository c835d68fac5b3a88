"""Moments, and times that come again: which was the latest, and which follows. No clock is read.

What comes once a day or less often goes by the clock on the wall of a time zone. In the night
in which that is set forward, a time that is skipped comes later by as much; in the one in which
it is set back, a time that comes twice counts the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

DAY = timedelta(days=1)


def moment_of(seconds: float) -> datetime:
    """Return a Unix time as a moment in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


# A Monday, long ago; all times are counted from here.
_FIRST = datetime(2001, 1, 1)  # noqa: DTZ001 - clocks on walls know no zone


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every ``every``, counted from ``first`` on the wall clock of ``zone``."""

    first: datetime
    every: timedelta
    zone: tzinfo = UTC

    @classmethod
    def of(cls, every: timedelta, at: str, zone: tzinfo, day: int = 0) -> Rhythm:
        """Return what comes every so often, and at the time of day ``at`` (``HH:MM``).

        ``day`` is that of a week, Monday being 0. Several times a day are counted in UTC, so
        that none is skipped when a clock is set.
        """
        hours, minutes = map(int, at.split(":"))
        first = _FIRST + timedelta(days=day, hours=hours, minutes=minutes)
        return cls(first, every, zone if every >= DAY else UTC)

    def latest(self, now: datetime) -> datetime:
        """Return the last time that is not after ``now``, in UTC."""
        return max(each for each in self._around(now) if each <= now)

    def following(self, now: datetime) -> datetime:
        """Return the first time after ``now``, in UTC."""
        return min(each for each in self._around(now) if each > now)

    def _around(self, now: datetime) -> list[datetime]:
        wall = now.astimezone(self.zone).replace(tzinfo=None)
        number = (wall - self.first) // self.every
        # On the wall the neighbours may look as if they were on the other side of now.
        times = (self.first + (number + step) * self.every for step in (-1, 0, 1, 2))
        return [each.replace(tzinfo=self.zone).astimezone(UTC) for each in times]
