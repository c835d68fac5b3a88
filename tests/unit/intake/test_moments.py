"""Times as people write them: the certain ones are read, all others refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from jobstore.intake.moments import read_moment
from tests.fixtures.cases import each_case

SEEN = datetime(2026, 8, 10, 15, 30, tzinfo=UTC)
TODAY = datetime(2026, 8, 10, tzinfo=UTC)


def read(value: Any) -> datetime:
    return read_moment(value, seen_at=SEEN)


@each_case(
    ("text", "day"),
    [
        ("3 days ago", "2026-08-07"),
        ("Posted 3 Days Ago", "2026-08-07"),
        ("Reposted 2 weeks ago", "2026-07-27"),
        ("a day ago", "2026-08-09"),
        ("30d ago", "2026-07-11"),
        ("1 month ago", "2026-07-10"),
        ("6 months ago", "2026-02-10"),
        ("1 year ago", "2025-08-10"),
        ("Posted Today", "2026-08-10"),
        ("POSTED YESTERDAY", "2026-08-09"),
        ("vor 3 Tagen", "2026-08-07"),
        ("Vor einem Tag", "2026-08-09"),
        ("Veröffentlicht vor 2 Wochen", "2026-07-27"),
        ("heute", "2026-08-10"),
        ("hace 2 semanas", "2026-07-27"),
        ("Publicado hace 5 días", "2026-08-05"),
        ("ayer", "2026-08-09"),
        ("il y a 5 jours", "2026-08-05"),
        ("Publiée il y a un mois", "2026-07-10"),
        ("hier", "2026-08-09"),
        ("há 3 dias", "2026-08-07"),
        ("3 giorni fa", "2026-08-07"),
        ("4 dagen geleden", "2026-08-06"),
        ("5 dni temu", "2026-08-05"),
        ("för 2 dagar sedan", "2026-08-08"),
        ("2 dagar sedan", "2026-08-08"),
        ("3 veckor sedan", "2026-07-20"),
        ("منذ 3 أيام", "2026-08-07"),
        ("قبل 3 أيام", "2026-08-07"),
        ("3 дня назад", "2026-08-07"),
        ("3 gün önce", "2026-08-07"),
        ("3 天前", "2026-08-07"),
        ("3日前", "2026-08-07"),
        ("3일 전", "2026-08-07"),
        ("昨天", "2026-08-09"),
        ("in 3 days", "2026-08-13"),
        ("tomorrow", "2026-08-11"),
    ],
)
def test_what_is_told_from_the_time_it_was_seen_is_a_day(text: str, day: str) -> None:
    assert read(text) == datetime.fromisoformat(day).replace(tzinfo=UTC)


def test_hours_and_minutes_are_told_from_the_very_time() -> None:
    assert read("just now") == SEEN
    assert read("5 hours ago") == read("5h ago") == SEEN - timedelta(hours=5)
    assert read("an hour ago") == SEEN - timedelta(hours=1)
    assert read("vor 20 Minuten") == SEEN - timedelta(minutes=20)


def test_a_month_ago_is_a_day_of_that_month() -> None:
    seen = datetime(2026, 3, 31, 8, tzinfo=UTC)
    assert read_moment("1 month ago", seen_at=seen) == datetime(2026, 2, 28, tzinfo=UTC)
    leap = datetime(2024, 2, 29, tzinfo=UTC)
    assert read_moment("1 year ago", seen_at=leap) == datetime(2023, 2, 28, tzinfo=UTC)


def test_the_day_is_the_one_in_utc() -> None:
    seen = datetime(2026, 8, 10, 23, tzinfo=timezone(timedelta(hours=-8)))
    assert read_moment("yesterday", seen_at=seen) == datetime(2026, 8, 10, tzinfo=UTC)


@each_case(
    ("text", "moment"),
    [
        ("2026-05-01", "2026-05-01"),
        ("2026-05-01T10:00:00", "2026-05-01T10:00"),
        ("2026-05-01 10:00:00 UTC", "2026-05-01T10:00"),
        ("2026-05-01 12:00:00 +0200", "2026-05-01T10:00"),
        ("2026-05-01 10:00:00 +0000 UTC", "2026-05-01T10:00"),
        ("20260501", "2026-05-01"),
        ("2026/05/01", "2026-05-01"),
        ("2026. 5. 1.", "2026-05-01"),
        ("01.05.2026", "2026-05-01"),
        ("1.5.2026 14:30 Uhr", "2026-05-01T14:30"),
        ("05/13/2026", "2026-05-13"),
        ("13/05/2026", "2026-05-13"),
        ("13-05-2026", "2026-05-13"),
        ("05/05/2026", "2026-05-05"),
        ("05/13/2026 02:30 PM", "2026-05-13T14:30"),
        ("Mon, 03 Aug 2026 10:00:00 GMT", "2026-08-03T10:00"),
        ("Mon, 03 Aug 2026 10:00:00 +0200", "2026-08-03T08:00"),
        ("Mon, 03 Aug 2026 10:00:00 EST", "2026-08-03T15:00"),
        ("3 Aug 2026 10:00:00 -0730", "2026-08-03T17:30"),
        ("August  3, 2026", "2026-08-03"),
        ("Aug. 3, 2026", "2026-08-03"),
        ("Sept 3, 2026", "2026-09-03"),
        ("Monday, 3 August 2026", "2026-08-03"),
        ("3rd of August 2026", "2026-08-03"),
        ("3-Aug-2026", "2026-08-03"),
        ("2026-Aug-03", "2026-08-03"),
        ("Aug 3, 2026 12:15 AM", "2026-08-03T00:15"),
        ("Mon Aug  3 10:00:00 2026", "2026-08-03T10:00"),
        ("Mon Aug 03 10:00:00 +0000 2026", "2026-08-03T10:00"),
        ("Mon Aug 03 2026 10:00:00 GMT+0200 (Central European Summer Time)", "2026-08-03T08:00"),
        ("3. März 2026", "2026-03-03"),
        ("Dienstag, 3. März 2026", "2026-03-03"),
        ("1er mai 2026", "2026-05-01"),
        ("mar. 3 mars 2026", "2026-03-03"),
        ("3 de mayo de 2026", "2026-05-03"),
        ("3 de março de 2026", "2026-03-03"),
        ("3 marzo 2026", "2026-03-03"),
        ("3 maart 2026", "2026-03-03"),
        ("5 мая 2026 г.", "2026-05-05"),
        ("5. toukokuuta 2026", "2026-05-05"),
        ("2026年5月1日", "2026-05-01"),
        ("2026년 5월 1일", "2026-05-01"),
        ("Published on: 2026-05-01", "2026-05-01"),
        ("１２ May 2026", "2026-05-12"),
    ],
)
def test_dates_that_are_certain_are_read(text: str, moment: str) -> None:
    assert read(text) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_epochs_are_told_apart_by_their_size(scale: int) -> None:
    moment = datetime(2024, 4, 17, 23, 45, 8, tzinfo=UTC)
    assert read(1_713_397_508 * scale) == moment
    assert read(str(1_713_397_508 * scale)) == moment


def test_an_epoch_may_have_a_fraction_or_a_frame() -> None:
    assert read("/Date(1713397508000+0200)/") == datetime(2024, 4, 17, 23, 45, 8, tzinfo=UTC)
    assert read("1713397508.25") == datetime(2024, 4, 17, 23, 45, 8, 250_000, tzinfo=UTC)
    assert read(1713397508.0) == datetime(2024, 4, 17, 23, 45, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        (date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=UTC)),
        (datetime(2026, 5, 1, 10), datetime(2026, 5, 1, 10, tzinfo=UTC)),
        (
            datetime(2026, 5, 1, 10, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 5, 1, 8, tzinfo=UTC),
        ),
    ],
)
def test_times_of_python_are_read(given: Any, moment: datetime) -> None:
    assert read(given) == moment


@each_case(
    "text",
    [
        *("", "May", "Sun", "asap", "12", "2024", "now hiring", "soon", "immediately", "ongoing"),
        *("05/06/2026", "05-06-2026", "5/6/2026", "5/13/26", "13/05/26", "2026-05", "May 2026"),
        *("Aug 3", "3 Aug", "10:00", "45000", "45000.5", "0", "100", "Q3 2026", "week 3 2026"),
        *("30+ days ago", "Posted 30+ Days Ago", "> 30 days ago", "over 30 days ago"),
        *("more than 3 days ago", "less than a day ago", "3 days", "2 days left", "+3 days"),
        *("9 days 3 hours ago", "last week", "1 listopada 2026", "Feb 31 2026", "31.02.2026"),
        *("2026/13/40", "99 May 2026", "2026-08-03 25:00", "May 1 2026 May 2 2026", "1/2/3"),
        *("12 May 2026 - 15 May 2026", "Summer 2026", "Marchtober 3, 2026", "x" * 500),
        *("1" * 30, "1970-01-01", "1989-12-31", "2100-01-01", "9999-12-31", "-1", "1e9"),
        *("999 years ago", "4000 days ago", "Senior Engineer 3 May 2026", "3 May 2026 or later"),
        *("20260512-20260612", "2026-05-12-15", "2026-05-12/20", "2026-05-12x10"),
        *("2026-05-12 10:00-12:00", "10:00-12:00 12 May 2026", "12.5.2026 09:00 – 17:00 Uhr"),
        *("12 May 2026 10:00 (CET)", "12.5.2026 10:00 (Berlin)", "12 May 2026 10:00+99:00"),
        *([], {}, True, None, 1e300, float("inf"), float("nan"), -5, 10**40),
    ],
)
def test_what_is_no_certain_time_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|is too long"):
        read(text)


def test_the_reason_says_why() -> None:
    with pytest.raises(ValueError, match="not a bound such as 'Posted 30"):
        read("Posted 30+ Days Ago")
    with pytest.raises(ValueError, match="a time that is certain, not '05/06/2026'"):
        read("05/06/2026")
