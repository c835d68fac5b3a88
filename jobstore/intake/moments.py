"""Times as people write them: ``3 days ago``, ``vor 3 Tagen``, ``August  3, 2026``, epochs.

Only shapes that say one certain time are read; any other text is refused with the reason. The
words of dates are those of CLDR (https://cldr.unicode.org), through babel; what it lacks is in
``moments.toml``. Nothing here knows fields.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any

from jobstore.intake.coercion import EARLIEST, LATEST, iso_time
from jobstore.intake.wording import in_words, shorten

# A time is short, in whatever language.
_LONGEST = 80
# CLDR's languages in which boards write; English first, since most do.
_ENGLISH = ("en",)
_OTHERS = """
    de fr es it pt nl pl sv da nb fi cs sk hu ro bg hr tr ru uk el he ar fa hi ja ko zh zh_Hant vi
    th id ca
"""
_LANGUAGES = tuple(_OTHERS.split())
_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
# Enough to meet every plural form of every language (CLDR's rules of plurals).
_COUNTS = (1, 2, 5, 11, 100)
# The only zones that RFC 2822 (section 4.3) names, in hours.
_AMERICAN = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_SHORT_UNITS = {"h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year", "min": "minute"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,9})?")
# As .NET wrote times into JSON: /Date(1713397508000)/
_DOT_NET = re.compile(r"/?Date\((\d{12,13})(?:[+-]\d{4})?\)/?")
_CLOCK = re.compile(
    r"(?:,|\bat\b|\bum\b|\bà\b|\ba las\b|T|(?<=\d)\s*-(?=\s))?\s*"
    r"\b(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s*(?P<half>[ap]\.?m\b\.?)?(?:\s*Uhr\b)?"
    r"\s*(?P<zone>(?:GMT|UTC|Z)\b(?:\s*[+-]\d\d:?\d\d)?|[+-]\d\d:?\d\d\b(?:\s*UTC)?"
    r"|[ECMP][SD]T\b)?",
    re.IGNORECASE,
)
_ORDERED = re.compile(r"(\d{1,4})([./-])\s?(\d{1,2})\2\s?(\d{1,4})\.?")
_CHINESE = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일号]?")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)(?=[\s,.]|$)", re.IGNORECASE)
_WORD = re.compile(r"\d+|[^\W\d_]+")
_BRACKETS = re.compile(r"\s*\([^()]*\)$")
# From ten to twelve, which is no time with an offset.
_SPAN = re.compile(r"\b\d{1,2}:\d{2}\s?[-–]\s?\d{1,2}:\d{2}\b")
_BOUND = re.compile(r"\d\s*\+(?!\s*\d)|[<>≥≤]")


def read_moment(value: Any, *, seen_at: datetime | None) -> datetime:
    """Return the time in UTC that a text or a number of seconds since 1970 says.

    ``seen_at`` is when the text was seen, from which ``3 days ago`` counts (``None`` where that is
    not known, and it is refused); days and longer units give the beginning of a day in UTC, since
    no more is known. Times without an offset are UTC.
    Epochs in seconds, milliseconds, micro- and nanoseconds are told apart by their size. Of
    ``05/06/2026`` it is not known which is the month, so it is refused.

    Raises ValueError, with the reason, for any other text and for times before 1990 or from 2100.
    """
    if isinstance(value, datetime):
        return _within(value if value.utcoffset() is not None else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return _within(datetime.combine(value, time(), UTC))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be a time, not {in_words(value)}")
    text = " ".join(unicodedata.normalize("NFKC", str(value)).split()).strip("\u200e\u200f ")
    if len(text) > _LONGEST:
        raise ValueError("is too long for a time")
    if _BOUND.search(text):
        raise ValueError(f"must be a time, not a bound such as '{shorten(text)}'")
    found = _read(text, seen_at)
    if found is None and (opened := _opened(text)) != text:
        found = _read(opened, seen_at)
    if found is None:
        raise ValueError(f"must be a time that is certain, not '{shorten(text)}'")
    return _within(found)


def _read(text: str, seen_at: datetime | None) -> datetime | None:
    found = _epoch(text) or _iso(text) or _calendar(text)
    if found is None and seen_at is not None:
        found = _relative(text, seen_at)
    return found


def _opened(text: str) -> str:
    """Return the text without what only says that a time follows."""
    folded = text.casefold()
    for opening in _words("openings"):
        if folded.startswith(opening) and not folded[len(opening) : len(opening) + 1].isalpha():
            return text[len(opening) :].lstrip(" :")
    return text


def _within(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError("must be a time from 1990 to before 2100")
    return moment.astimezone(UTC)


def _epoch(text: str) -> datetime | None:
    if found := _DOT_NET.fullmatch(text):
        text = found[1]
    if not _NUMBER.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    for digits in (0, 3, 6, 9):
        # The shortest unit in which it is a time that a posting can have.
        micros = int((whole + fraction.ljust(9, "0"))[: len(whole) + 6 - digits] or 0)
        moment = _EPOCH + timedelta(microseconds=micros) if micros < 2**53 else LATEST
        if EARLIEST <= moment < LATEST:
            return moment
    return None


def _iso(text: str) -> datetime | None:
    if len(text) < 8 or not text[:4].isdigit():
        return None
    text = re.sub(r"(?<=\d)\s*(?:UTC|GMT)$", "Z", text)
    # As Go writes it: 2026-05-01 10:00:00 +0000 UTC
    text = re.sub(r"\s+([+-]\d\d:?\d\d)Z?$", r"\1", text)
    try:
        found = iso_time(text)
    except ValueError:
        return None
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)


def _calendar(text: str) -> datetime | None:
    """Read a date with a year, and a time of day behind or within it."""
    if _SPAN.search(text):
        return None
    clock, offset = time(), UTC
    # Browsers write the name of a zone behind its offset; without one, it is the only one.
    text, name = _BRACKETS.sub("", text), _BRACKETS.search(text)
    if at := _CLOCK.search(text):
        if name and not at["zone"]:
            return None
        read = _time_of_day(at)
        if read is None:
            return None
        clock, offset = read
        text = f"{text[: at.start()]} {text[at.end() :]}".strip(" ,")
        if zone := re.search(r"\s([+-]\d\d:?\d\d)(?=\s\d{4}$)", text):
            if (shift := _offset(zone[1])) is None:
                return None
            offset, text = shift, text.replace(zone[0], "")
    day = _ordered(text) or _named(text)
    return datetime.combine(day, clock, offset) if day else None


def _time_of_day(at: re.Match[str]) -> tuple[time, timezone] | None:
    hour, minute, second = int(at["hour"]), int(at["minute"]), int(at["second"] or 0)
    if at["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if at["half"][0] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset = _offset(at["zone"] or "")
    return (time(hour, minute, second), offset) if offset else None


def _offset(zone: str) -> timezone | None:
    if zone.upper() in _AMERICAN:
        return timezone(timedelta(hours=_AMERICAN[zone.upper()]))
    found = re.search(r"([+-])(\d\d):?(\d\d)", zone)
    if not found:
        return UTC
    if int(found[2]) > 14 or int(found[3]) > 59:
        return None
    shift = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-shift if found[1] == "-" else shift)


def _ordered(text: str) -> date | None:
    """Read numbers alone: the year first, or last where day and month cannot be mistaken."""
    if found := _CHINESE.fullmatch(text):
        return _date(*map(int, found.groups()))
    if not (found := _ORDERED.fullmatch(text)):
        return None
    first, sign, second, third = found[1], found[2], int(found[3]), found[4]
    if len(first) == 4:
        return _date(int(first), second, int(third)) if len(third) <= 2 else None
    if len(third) != 4 or len(first) > 2:
        return None
    year, one = int(third), int(first)
    if one == second or second > 12:
        return _date(year, one, second)
    # Only the day is written first with points between.
    return _date(year, second, one) if one > 12 or sign == "." else None


def _named(text: str) -> date | None:
    """Read a day, a month's name and a year of four digits, in this or another order."""
    words = [_folded(word) for word in _WORD.findall(_ORDINAL.sub(r"\1 ", text))]
    numbers = [word for word in words if word.isdigit()]
    names = [word for word in words if not word.isdigit() and word not in _words("between")]
    if len(numbers) != 2 or not names:
        return None
    years = [int(number) for number in numbers if len(number) == 4]
    days = [int(number) for number in numbers if len(number) <= 2]
    if len(years) != 1 or len(days) != 1:
        return None
    for languages in (_ENGLISH, _LANGUAGES):
        months, weekdays = _names(languages)
        rest = [word for word in names if word not in weekdays or word in months]
        if len(rest) == 1 and (month := months.get(rest[0])):
            return _date(years[0], month, days[0])
        # A word may be a weekday in one language and a month in another: mar. is both.
        found = {*filter(None, map(months.get, rest))}
        if len(rest) == 2 and len(found) == 1 and not weekdays.isdisjoint(rest):
            return _date(years[0], found.pop(), days[0])
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _relative(text: str, seen_at: datetime) -> datetime | None:
    """Read how long ago, or in what time, from when it was seen."""
    text = _folded(text).strip(" .!")
    midnight = datetime.combine(seen_at.astimezone(UTC).date(), time(), UTC)
    for name, days in (("now", 0), ("today", 0), ("yesterday", -1), ("tomorrow", 1)):
        if text in _words(name):
            return seen_at if name == "now" else midnight + timedelta(days=days)
    if short := re.fullmatch(r"(\d{1,3}) ?(h|d|w|mo|y|min) ago", text):
        return _shifted(seen_at, midnight, _SHORT_UNITS[short[2]], -int(short[1]))
    numbers = re.findall(r"\d+", text)
    if len(numbers) > 1 or (numbers and len(numbers[0]) > 3):
        return None
    count = int(numbers[0]) if numbers else 1
    templates = [re.sub(r"\d+", "{}", text)] if numbers else list(_with_articles(text))
    for languages in (_ENGLISH, _LANGUAGES):
        for template in templates:
            units = _templates(languages).get(template.replace(" ", ""), ())
            # Where one word stands for two units, which one was meant is not known.
            if len(units) == 1:
                ((unit, sign),) = units
                return _shifted(seen_at, midnight, unit, sign * count)
    return None


def _with_articles(text: str) -> Iterator[str]:
    """Yield the templates of a text in which an article stands for one."""
    words = text.split()
    for place, word in enumerate(words):
        if word in _words("one"):
            yield " ".join((*words[:place], "{}", *words[place + 1 :]))


def _shifted(seen_at: datetime, midnight: datetime, unit: str, count: int) -> datetime | None:
    if unit in ("second", "minute", "hour"):
        return seen_at + count * _UNITS[unit]
    if unit in ("day", "week"):
        return midnight + count * _UNITS[unit]
    months = midnight.year * 12 + midnight.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    if not EARLIEST.year <= year < LATEST.year:
        return None
    day = min(midnight.day, monthrange(year, month + 1)[1])
    return midnight.replace(year=year, month=month + 1, day=day)


@cache
def _templates(languages: tuple[str, ...]) -> dict[str, set[tuple[str, int]]]:
    """Return what ``vor{}tagen`` says: the unit, and whether back or forth."""
    found: dict[str, set[tuple[str, int]]] = {}
    for language in languages:
        for unit, sign, count, text in _written(language):
            # Some scripts part words by spaces, some do not.
            template = text.replace(str(count), "{}").replace(" ", "")
            found.setdefault(template, set()).add((unit, sign))
            for lead, others in _data()["instead"].items():
                if template.startswith(_folded(lead)):
                    rest = template.removeprefix(_folded(lead))
                    for other in others:
                        found.setdefault(_folded(other) + rest, set()).add((unit, sign))
    return found


def _written(language: str) -> Iterator[tuple[str, int, int, str]]:
    from babel import Locale
    from babel.dates import format_timedelta

    locale = Locale.parse(language)
    for unit, length in _UNITS.items():
        for count in _COUNTS:
            for sign in (-1, 1):
                for style in ("long", "short"):
                    text = format_timedelta(
                        sign * count * length,
                        # A name of ours is one of those that babel lists.
                        granularity=unit,  # type: ignore[arg-type]
                        threshold=10**9,  # never the next longer unit
                        add_direction=True,
                        format=style,
                        locale=locale,
                    )
                    yield unit, sign, count, _folded(text).strip(" .")


@cache
def _names(languages: tuple[str, ...]) -> tuple[dict[str, int | None], frozenset[str]]:
    """Return the months by their names (``None`` where it is another in another language), and
    the names of weekdays."""
    from babel import Locale

    months: dict[str, int | None] = {}
    weekdays: set[str] = set()
    for language in languages:
        locale = Locale.parse(language)
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in locale.months[context][width].items():
                    word = _folded(name).strip(" .")
                    months[word] = number if months.get(word, number) == number else None
                for name in locale.days[context][width].values():
                    weekdays.add(_folded(name).strip(" ."))
    if languages == _ENGLISH:
        months["sept"] = 9
    return months, frozenset(weekdays)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("moments.toml").read_text("utf-8"))


@cache
def _words(name: str) -> tuple[str, ...]:
    data = _data()
    # Openings are cut off the text as it is.
    return tuple(data[name] if name == "openings" else map(_folded, data[name]))


def _folded(text: str) -> str:
    """Return ``text`` without case and accents, with single spaces."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(plain.replace("’", "'").split())
