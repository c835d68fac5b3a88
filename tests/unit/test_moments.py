"""Moments are told in UTC, whatever zone they are given in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from jobstore.moments import for_people, in_name, iso

MOMENT = datetime(2026, 3, 1, 12, 30, 5, 120, tzinfo=timezone(timedelta(hours=2)))


def test_every_form_is_in_utc() -> None:
    assert iso(MOMENT) == "2026-03-01T10:30:05.000120Z"
    assert iso(MOMENT, "seconds") == "2026-03-01T10:30:05Z"
    assert for_people(MOMENT) == "2026-03-01 10:30:05"
    assert in_name(MOMENT) == "20260301T103005Z"


def test_iso_is_read_back() -> None:
    assert datetime.fromisoformat(iso(MOMENT)) == MOMENT
    assert iso(datetime(2026, 3, 1, tzinfo=UTC)) == "2026-03-01T00:00:00Z"
