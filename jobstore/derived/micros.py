"""Moments as integers of microseconds since 1970-01-01 UTC, as every engine keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


# Many postings share a date, and those that arrived together a time.
@lru_cache(maxsize=16_384)
def from_micros(micros: int) -> datetime:
    """Return microseconds since 1970-01-01 UTC as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=micros)
