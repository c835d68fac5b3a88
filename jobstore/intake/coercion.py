"""Readers of single values: each takes anything and returns the normalised value, or raises
ValueError with the reason, which says what is allowed.

``None`` and blank text are read as ``None``. Nothing here knows fields, postings or pydantic.
The plain case (short ASCII text) is fast, since every field of every posting passes here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any, TypeVar

from jobstore.composition import composed
from jobstore.intake.spellings import COUNTRIES, CURRENCIES, look_up
from jobstore.intake.wording import in_words, kind, shorten
from jobstore.records import WHITE_SPACE

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
LAST_SECOND = time(23, 59, 59)
MAX_AMOUNT = 10**12
MAX_COUNT = 2**63 - 1
MAX_JSON_DEPTH = 20
MAX_JSON_BITS = 4_096

_BREAKS = re.compile("[\t\n\r\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DOCUMENT_CONTROLS = bytes(sorted({*range(0x20), 0x7F} - set(b"\t\n\r")))
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# Thousands in much of the world, three decimals in the rest.
_AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Python takes any sign before the time, and so 2026-05-12/20 for eight in the evening. In a text
# with a space, 10:00-12:00 is from ten to twelve, and no offset.
_DATE_TIME = re.compile(
    r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}(?:-?[0-9])?)"
    r"(?:[Tt].*| (?![0-9]{2}:?[0-9]{2}-).*)?"
)
# RFC 3986, section 3, with the characters of RFC 3987 and nothing that ends a URL in a text.
_URL = re.compile(
    r"https?://(?:[^\s/?#@\\]*@)?(?:\w[\w.~%-]*|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?(?:[/?#]\S*)?",
    re.IGNORECASE,
)
# The caller's own decimal context must not round what is stored.
_EXACT = Context(prec=28)
_MICRO = Decimal("0.000001")
JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def is_blank(value: object) -> bool:
    """Tell whether ``value`` states nothing: ``None`` or white space."""
    return value is None or (isinstance(value, str) and not value.strip(WHITE_SPACE))


def required(read: Callable[[Any], str | None]) -> Callable[[Any], str]:
    """Return a reader that refuses what states nothing, and else reads as the given one."""

    def read_required(value: Any) -> str:
        text = read(value)
        if text is None:
            raise ValueError("is required")
        return text

    return read_required


def line(limit: int, *, exact: bool = False) -> Callable[[Any], str | None]:
    """Return a reader of text of one line and at most ``limit`` characters.

    Line breaks and tabs become spaces, or are refused where the text must stay ``exact``.
    """

    def read(value: Any) -> str | None:
        text = _trimmed(value)
        if not text.isprintable():
            joined = one_line(text)
            if exact and joined != text:
                raise ValueError("must not contain line breaks or tabs")
            text = joined
        return _within(text, limit)

    return read


def document(limit: int) -> Callable[[Any], str | None]:
    """Return a reader of long text, in which line breaks, tabs and C1 characters are kept."""

    def read(value: Any) -> str | None:
        text = _within(_trimmed(value), limit)
        if text is None:
            return None
        octets = _encoded(text)
        if len(octets.translate(None, _DOCUMENT_CONTROLS)) != len(octets):
            raise ValueError("must not contain control characters but line breaks and tabs")
        return text

    return read


def url(limit: int) -> Callable[[Any], str | None]:
    """Return a reader of http and https URLs; the text is kept as it is."""
    read_line = line(limit, exact=True)

    def read(value: Any) -> str | None:
        text = read_line(value)
        if text is not None and not _URL.fullmatch(text):
            raise ValueError(f"must be http(s) with a host and no spaces, not {_shown(text)}")
        return text

    return read


def choice(enum: type[E]) -> Callable[[Any], E | None]:
    """Return a reader of an enum in any spelling that :mod:`jobstore.intake.spellings` knows."""
    read_line = line(100)
    allowed = ", ".join(enum)

    def read(value: Any) -> E | None:
        if type(value) is enum:
            return value
        text = read_line(value)
        if text is None:
            return None
        try:
            return look_up(enum, text)
        except KeyError:
            raise ValueError(f"must be one of {allowed}, not {_shown(text)}") from None

    return read


def code(codes: frozenset[str], what: str) -> Callable[[Any], str | None]:
    """Return a reader of the ISO codes ``codes`` in any case."""

    def read(value: Any) -> str | None:
        text = _trimmed(value)
        if not text:
            return None
        # Only ASCII, since other letters may turn into ASCII ones in upper case.
        if text.isascii() and (upper := text[:4].upper()) in codes:
            return upper
        raise ValueError(f"must be {what}, not {_shown(text)}")

    return read


country = code(COUNTRIES, "a country code of two letters (ISO 3166-1 alpha-2)")
currency = code(CURRENCIES, "a currency code of three letters (ISO 4217)")


def amount(value: Any) -> Decimal | None:
    """Read an amount of money: 0 to below 10**12, exact, without an exponent.

    A text such as ``45.000``, which may be 45 or 45 thousand, is refused; ``45.0000`` is 45.
    """
    number = _number(value)
    if number is None:
        return None
    if isinstance(value, str) and _AMBIGUOUS.fullmatch(_trimmed(value)):
        digits = _trimmed(value)
        raise ValueError(f"may be {digits}0 or {digits.replace('.', '')}; write one of them")
    if number < 0:
        raise ValueError("must not be negative")
    if number >= MAX_AMOUNT:
        raise ValueError("must be less than 10**12")
    exact = _EXACT.quantize(number, _MICRO)
    # A float is an approximation: nobody wrote the last digits of 0.1 + 0.2.
    if exact != number and not isinstance(value, float):
        raise ValueError("must have at most 6 decimal places")
    whole = int(exact)
    return Decimal(whole) if whole == exact else _EXACT.normalize(exact)


def count(value: Any) -> int | None:
    """Read a whole number from 0 to 2**63 - 1."""
    number = _number(value)
    if number is None:
        return None
    if number < 0:
        raise ValueError("must not be negative")
    if number > MAX_COUNT:
        raise ValueError("must be at most 2**63 - 1")
    if number != int(number):
        raise ValueError("must be a whole number")
    return int(number)


def moment(value: Any, *, of_a_day: time = time()) -> datetime | None:
    """Read a point in time, from 1990 to before 2100, in UTC; ``of_a_day``: of a day alone."""
    if isinstance(value, str):
        value = _parsed_moment(value)
    if value is None:
        return None
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            raise ValueError(f"must be an aware datetime or ISO 8601 text, not {in_words(value)}")
        value = datetime.combine(value, of_a_day, UTC)
    if value.utcoffset() is None:
        raise ValueError("must have a UTC offset, such as +02:00 or Z")
    if not EARLIEST <= value < LATEST:
        raise ValueError("must be a time from 1990 to before 2100")
    value = value.astimezone(UTC)
    # Of the exact type, even where a subclass such as pandas.Timestamp came in.
    return datetime.combine(value.date(), value.time(), UTC)


def end(value: Any) -> datetime | None:
    """Read when something ends as :func:`moment` does; a day alone lasts until its last second."""
    return moment(value, of_a_day=LAST_SECOND)


def listed(limit: int) -> Callable[[Any], list[Any]]:
    """Return a reader of a list, tuple or set of at most ``limit`` items."""

    def read(value: Any) -> list[Any]:
        if is_blank(value):
            return []
        if not isinstance(value, list | tuple | set | frozenset):
            raise ValueError(f"must be a list of texts, not {in_words(value)}")
        if len(value) > limit:
            raise ValueError(f"must have at most {limit} items, not {len(value)}")
        if isinstance(value, set | frozenset):
            # The order of a set differs from process to process; a stored list must not.
            return sorted(value, key=lambda item: item if isinstance(item, str) else "")
        return list(value)

    return read


def distinct(items: list[T | None]) -> list[T]:
    """Return the items that state something, each once, in their order."""
    return [item for item in dict.fromkeys(items) if item is not None]


def json_object(limit: int) -> Callable[[Any], dict[str, Any]]:
    """Return a reader of a JSON object of at most ``limit`` characters; it is copied."""

    def read(value: Any) -> dict[str, Any]:
        if is_blank(value):
            return {}
        if not isinstance(value, dict):
            raise ValueError(f"must be a JSON object, not {in_words(value)}")
        copied: dict[str, Any] = _json(value, MAX_JSON_DEPTH)
        if copied and len(JSON.encode(copied)) > limit:
            raise ValueError(f"must have at most {limit:,} characters as JSON")
        return copied

    return read


def _trimmed(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {in_words(value)}")
    text = _plain(value)
    return text.strip() if text.isascii() else composed(text.strip(WHITE_SPACE))


def _plain(text: str) -> str:
    # Not str(): a subclass may define its own.
    return text if type(text) is str else str.__str__(text)


def _within(text: str, limit: int) -> str | None:
    if len(text) > limit:
        raise ValueError(f"must have at most {limit:,} characters, not {len(text):,}")
    return text or None


def one_line(text: str) -> str:
    """Return ``text`` with each run of white space that holds a line break as one space.

    Raises ValueError for control characters and lone surrogates.
    """
    _encoded(text)
    if control := _CONTROLS.search(text):
        raise ValueError(f"must not contain control characters (U+{ord(control.group()):04X})")
    return " ".join(text.split()) if _BREAKS.search(text) else text


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain lone surrogates") from None


def _shown(text: str) -> str:
    return f"'{shorten(text)}'"


def _number(value: Any) -> Decimal | None:
    """Read a finite number exactly as it was written."""
    if isinstance(value, str):
        text = _trimmed(value)
        if not text:
            return None
        if len(text) > 40 or not _NUMBER.fullmatch(text):
            raise ValueError(f"must be a plain number such as 60000.50, not {_shown(text)}")
        return Decimal(text)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"must be a number, not {in_words(value)}")
    if isinstance(value, float):
        value = Decimal(float.__repr__(value))
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


def iso_time(text: str) -> datetime:
    """Return the time that a text in ISO 8601 states, with its offset, if it has one.

    Raises ValueError for any other text, and for two dates or times with a hyphen between.
    """
    if not _DATE_TIME.fullmatch(text):
        raise ValueError("must be ISO 8601")
    return datetime.fromisoformat(text)


def _parsed_moment(text: str) -> date | None:
    text = _trimmed(text)
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        return iso_time(text)
    except ValueError:
        shape = "ISO 8601 such as 2024-05-01T09:30:00+02:00"
        raise ValueError(f"must be {shape}, not {_shown(text)}") from None


def _json(value: Any, depth: int) -> Any:
    """Return a copy of a JSON value in the plain types of :mod:`json`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _json_text(value)
    if isinstance(value, int):
        if value.bit_length() > MAX_JSON_BITS:
            raise ValueError(f"must not hold integers of more than {MAX_JSON_BITS:,} bits")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("must not hold numbers that are not finite")
        return float(value)
    if not isinstance(value, dict | list | tuple):
        raise ValueError(f"must hold nothing but JSON values, not {kind(value)}")
    if not depth:
        raise ValueError(f"must not be nested deeper than {MAX_JSON_DEPTH} levels")
    if isinstance(value, dict):
        return {_json_text(name): _json(item, depth - 1) for name, item in value.items()}
    return [_json(item, depth - 1) for item in value]


def _json_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must have text as keys, not {kind(value)}")
    if "\0" in value:
        raise ValueError("must not hold NUL characters")
    _encoded(value)
    return _plain(value)
