"""Times that come again, on any wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.operations.times import DAY, Rhythm

BERLIN = ZoneInfo("Europe/Berlin")

zones = st.sampled_from([
    UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Pacific/Apia"), ZoneInfo("Asia/Kathmandu"),
])  # fmt: skip
moments = st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
clock_times = st.times().map(lambda each: f"{each:%H:%M}")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(rhythm: Rhythm, since: str, until: str) -> list[str]:
    found, now = [], at(since)
    while (now := rhythm.following(now)) <= at(until):
        found.append(f"{now:%m-%d %H:%M}")
    return found


@given(zones, clock_times, moments, st.sampled_from([1, 60, 61, 1440, 2880, 10_080]))
def test_now_lies_between_the_latest_and_the_following(
    zone: tzinfo, clock_time: str, now: datetime, minutes: int
) -> None:
    rhythm = Rhythm.of(timedelta(minutes=minutes), clock_time, zone)
    latest, following = rhythm.latest(now), rhythm.following(now)
    assert latest <= now < following
    assert rhythm.latest(latest) == latest
    assert rhythm.latest(following) == following
    # A day that is skipped, as Apia's in 2011, or an hour.
    assert following - latest <= timedelta(minutes=minutes) + DAY


@given(zones, clock_times, moments)
def test_what_is_daily_comes_once_on_each_day_of_the_wall(
    zone: tzinfo, clock_time: str, now: datetime
) -> None:
    rhythm = Rhythm.of(DAY, clock_time, zone)
    first = rhythm.following(now)
    following = rhythm.following(first)
    days = (following.astimezone(zone).date() - first.astimezone(zone).date()).days
    assert days == 1 or (days == 2 and zone.key == "Pacific/Apia")
    wall = f"{first.astimezone(zone):%H:%M}"
    assert wall == clock_time or first.astimezone(zone).utcoffset() != (
        (first - timedelta(hours=3)).astimezone(zone).utcoffset()
    )


def test_a_time_that_is_skipped_comes_later_by_as_much() -> None:
    daily = Rhythm.of(DAY, "02:30", BERLIN)
    assert times(daily, "2026-03-28 00:00", "2026-03-30 12:00") == [
        "03-28 01:30", "03-29 01:30", "03-30 00:30"
    ]  # fmt: skip
    # 03:00 summer time, when the wall shows 02:30 to be over already.
    assert daily.latest(at("2026-03-29 01:00")) == at("2026-03-28 01:30")


def test_a_time_that_comes_twice_counts_once() -> None:
    daily = Rhythm.of(DAY, "02:30", BERLIN)
    assert times(daily, "2026-10-24 00:00", "2026-10-26 12:00") == [
        "10-24 00:30", "10-25 00:30", "10-26 01:30"
    ]  # fmt: skip
    # 02:10 for the second time.
    assert daily.latest(at("2026-10-25 01:10")) == at("2026-10-25 00:30")


def test_what_comes_several_times_a_day_does_not_stop_when_clocks_are_set_back() -> None:
    hourly = Rhythm.of(timedelta(hours=1), "02:30", BERLIN)
    assert times(hourly, "2026-10-25 00:00", "2026-10-25 03:00") == [
        "10-25 00:30", "10-25 01:30", "10-25 02:30"
    ]  # fmt: skip


def test_what_is_weekly_comes_on_its_day() -> None:
    sundays = Rhythm.of(7 * DAY, "04:00", UTC, 6)
    assert times(sundays, "2026-03-01 04:00", "2026-03-15 05:00") == ["03-08 04:00", "03-15 04:00"]


@pytest.mark.parametrize("days", [2, 30])
def test_what_comes_every_few_days_is_counted_in_days(days: int) -> None:
    rhythm = Rhythm.of(days * DAY, "02:30", BERLIN)
    first = rhythm.following(at("2026-03-01 00:00"))
    following = rhythm.following(first)
    assert (following.astimezone(BERLIN).date() - first.astimezone(BERLIN).date()).days == days
