"""Named converters: what only a source's documentation says about one of its values.

Values that anybody understands (dates, words for kinds of employment, salaries in words) are not
read here; the store's intake does that for all sources alike. A converter returns ``None`` for
what it makes nothing of: the field is not stated then, and the value stays in ``attributes``.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from jobstore.exchange.cells import flag, from_epoch, link, number, stated, whole
from jobstore.exchange.identity import board_of
from jobstore.intake.spellings import COUNTRIES

Converter = Callable[[Any], Any]

# Codes that end a location as a state or province of the USA, Canada or Australia as well.
_STATES = frozenset(
    [
        "AK",
        "AL",
        "AR",
        "AZ",
        "CA",
        "CO",
        "CT",
        "DC",
        "DE",
        "FL",
        "GA",
        "HI",
        "IA",
        "ID",
        "IL",
        "IN",
        "KS",
        "KY",
        "LA",
        "MA",
        "MD",
        "ME",
        "MI",
        "MN",
        "MO",
        "MS",
        "MT",
        "NC",
        "ND",
        "NE",
        "NH",
        "NJ",
        "NM",
        "NV",
        "NY",
        "OH",
        "OK",
        "OR",
        "PA",
        "RI",
        "SC",
        "SD",
        "TN",
        "TX",
        "UT",
        "VA",
        "VT",
        "WA",
        "WI",
        "WV",
        "WY",
        "AB",
        "BC",
        "MB",
        "NB",
        "NL",
        "NS",
        "NT",
        "NU",
        "ON",
        "PE",
        "QC",
        "SK",
        "YT",
        "SA",
    ]
)
_CODE = re.compile(r"[A-Z0-9]{1,3}")


DROPPED = object()
"""What a converter returns for a value that says nothing, and need not stay in ``attributes``."""


class Partly:
    """A value that holds only a part of what the source said, so that stays in ``attributes``."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def epoch(value: Any) -> Any:
    """Return the time that is so many seconds after 1970 in UTC."""
    return from_epoch(value, "seconds")


def epoch_ms(value: Any) -> Any:
    """Return the time that is so many milliseconds after 1970 in UTC."""
    return from_epoch(value, "milliseconds")


def first(value: Any) -> Any:
    """Return the first of several values; a list of one counts as its value."""
    values = items(value) if isinstance(value, str) else value
    if not isinstance(values, list):
        return value
    stated_ones = [each for each in values if each not in (None, "")]
    if not stated_ones:
        return None
    return stated_ones[0] if len(stated_ones) == 1 else Partly(stated_ones[0])


def items(value: Any) -> Any:
    """Return a list: of JSON or Python text such as ``['a', 'b']``, or of parts between commas."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text[:1] in ("[", "(", "{") and (listed := _literal(text)) is not None:
        return listed
    separator = next((sign for sign in ("|", ";", "\n") if sign in text), ",")
    return [part for part in (part.strip() for part in text.split(separator)) if part]


def _literal(text: str) -> list[Any] | None:
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list | tuple | set):
            return list(found)
    return None


def remote_if(value: Any) -> Any:
    """Return ``remote`` for a true value; the value stays, as false says less than it seems."""
    return Partly("remote") if flag(value) else None


def closed_if(value: Any) -> Any:
    """Return ``closed`` for a true value, or for a time."""
    says = flag(value)
    return "closed" if says or (says is None and value) else None


def closed_unless(value: Any) -> Any:
    """Return ``closed`` for a false value; a true one says nothing more than that it is there."""
    says = flag(value)
    return None if says is None else DROPPED if says else "closed"


def remote_everywhere(value: Any) -> Any:
    """Return ``remote`` where all of the places begin with the word."""
    names = [str(place).strip().lower() for place in _listed(value) if place]
    return Partly("remote") if names and all(name.startswith("remote") for name in names) else None


def workplace(value: Any) -> Any:
    """Return what a text that holds the word ``hybrid`` or ``remote``, or a flag, says."""
    text = str(value).lower()
    kind = "hybrid" if "hybrid" in text else "remote" if flag(value) or "remote" in text else None
    return kind and Partly(kind)


def country_at_end(value: Any) -> Any:
    """Return the country of a location such as ``Paris, A8, FR`` (city, region, country code).

    Only from three parts on, and only if the last is an ISO 3166-1 code. A code that is also a
    state's or a province's (``CA``, ``IN``, ``DE``) counts only after a region's code, as in
    ``Toronto, ON, CA``.
    """
    if not isinstance(value, str):
        return None
    parts = [part.strip() for part in value.split(",")]
    if len(parts) < 3 or parts[-1] not in COUNTRIES:
        return None
    if parts[-1] in _STATES and not _CODE.fullmatch(parts[-2]):
        return None
    return Partly(parts[-1])


def slug(value: Any) -> Any:
    """Return the company's part of the address of a board: ``acme`` of ``jobs.lever.co/acme/1``.

    It is the first part of the path, or of the host where each company has a host of its own.
    """
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return None
    names = (parts.hostname or "").split(".")
    if names[-2:] == ["myworkdayjobs", "com"] and len(names) > 3:
        return names[0]
    pieces = [unquote(piece) for piece in parts.path.split("/") if piece]
    if pieces[:1] == ["embed"]:  # boards.greenhouse.io/embed/job_app?for=acme
        found = re.search(r"(?:^|&)for=([^&]+)", parts.query)
        return found and unquote(found[1])
    return Partly(pieces[0]) if len(pieces) > 1 else None


def places(value: Any) -> Any:
    """Return a list of places: of texts, or of objects that name a city, a region, a country.

    A text that says how many there are (``13 Locations``) names none.
    """
    found = [place for each in _listed(value) if (place := _place(each))]
    return found or None


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[;|•\n]", value)]
    return value if isinstance(value, list) else [value]


_COUNT = re.compile(r"\d+\s+(?:more\s+)?(?:locations?|places?|cities|sites)", re.IGNORECASE)
_TEXTS = ("text", "fullLocation", "display_name", "displayName", "name", "locationName", "location")
_CITIES = ("city", "addressLocality", "town", "locality")
_REGIONS = ("region", "state", "addressRegion", "province")
_COUNTRIES = ("country", "addressCountry", "countryCode", "country_code")


def _place(value: Any) -> Any:
    if isinstance(value, str):
        text = _tidy(value)
        return None if _COUNT.fullmatch(text) else text
    if not isinstance(value, Mapping):
        return None
    pieces = {
        name: _name(value, keys)
        for name, keys in (("city", _CITIES), ("region", _REGIONS), ("country", _COUNTRIES))
    }
    text = _name(value, _TEXTS) or ", ".join(piece for piece in pieces.values() if piece)
    if not text or _COUNT.fullmatch(text):
        return None
    return stated({"text": _tidy(text), **pieces})


def _name(value: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        found = value.get(key)
        if isinstance(found, Mapping):
            found = found.get("name") or found.get("label")
        if isinstance(found, str) and found.strip():
            return found.strip()
    return None


def _tidy(text: str) -> str:
    """Return a place without the gaps that a missing region leaves: ``Remote, , Germany``."""
    return ", ".join(part for part in (part.strip() for part in text.split(",")) if part)


def positive(value: Any) -> Any:
    """Return a number, or ``None`` for 0: a source that has no number for "not stated"."""
    found = number(value)
    return None if found == 0 else found


def board(value: Any) -> Any:
    """Return the kind of board that an address belongs to, such as ``greenhouse``."""
    found = board_of(value) if isinstance(value, str) else None
    return found and Partly(found)


def linkedin_pay(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which LinkedIn's pay is a range, or for a sum paid once a text.

    A single ``med_salary`` is both ends; it stays in the row too.
    """
    low, high, middle = (row.get(f"{kind}_salary") for kind in ("min", "max", "med"))
    if row.get("pay_period") == "ONCE":
        left = {key: each for key, each in row.items() if key not in _PAY}
        amounts = " - ".join(str(amount) for amount in (low or middle, high) if amount)
        return {**left, "salary_text": f"{amounts} {row.get('currency') or ''} once"}
    if not low and not high and middle:
        return {**row, "min_salary": middle, "max_salary": middle}
    return row


_PAY = ("min_salary", "max_salary", "pay_period", "currency")

CONVERTERS: Mapping[str, Converter] = {
    "board": board,
    "closed_if": closed_if,
    "closed_unless": closed_unless,
    "country_at_end": country_at_end,
    "epoch": epoch,
    "epoch_ms": epoch_ms,
    "first": first,
    "flag": flag,
    "items": items,
    "link": link,
    "number": number,
    "places": places,
    "positive": positive,
    "remote_everywhere": remote_everywhere,
    "remote_if": remote_if,
    "slug": slug,
    "whole": whole,
    "workplace": workplace,
}
"""Every converter that a mapping may name."""

PREPARATIONS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "linkedin_pay": linkedin_pay,
}
"""What may be done with a whole row before its fields are looked for."""
