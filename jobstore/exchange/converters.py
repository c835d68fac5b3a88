"""Named converters: what only a source's documentation says about one of its values.

Values that anybody understands (dates, words for kinds of employment, salaries in words) are not
read here; the store's intake does that for all sources alike. A converter returns ``None`` for
what it makes nothing of: the field is not stated then, and the value stays in ``attributes``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from jobstore.exchange.cells import flag, from_epoch, link, number, stated, whole
from jobstore.exchange.identity import board_of
from jobstore.intake import lists
from jobstore.intake.places import split_places
from jobstore.intake.spellings import COUNTRIES

Converter = Callable[[Any], Any]

# Codes that end a location as a state or province of the USA, Canada or Australia as well.
_STATE_CODES = """
    AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND
    NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY AB BC MB NB NL NS NT
    NU ON PE QC SK YT SA
"""
_STATES = frozenset(_STATE_CODES.split())
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
    try:
        return [item for item in lists.items(value) if item != ""]
    except ValueError:
        return value


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
    """Return ``remote`` where each of the places is said to be remote: ``US, TX, Remote``."""
    names = [str(place) for place in _listed(value) if place]
    return Partly("remote") if names and all(map(_says_remote, names)) else None


def _says_remote(name: str) -> bool:
    return bool(re.search(r"\bremote\b", name, re.I)) and not re.search(
        r"\b(?:hybrid|no|not|non)\b", name, re.I
    )


def remote_or_word(value: Any) -> Any:
    """Return ``remote`` for a true value, nothing for a false one, and a word as it is."""
    says = flag(value)
    return value if says is None else Partly("remote") if says else None


def telling_id(value: Any) -> Any:
    """Return an id, or ``None`` for what may be the number of the row: up to five digits."""
    return None if re.fullmatch(r"\d{0,5}(\.0)?", str(value).strip()) else value


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


# Boards whose addresses name the company first in the path, and those that do in the host.
_IN_PATH = ("greenhouse.io", "lever.co", "ashbyhq.com", "smartrecruiters.com", "apply.workable.com")
_IN_HOST = (
    "myworkdayjobs.com",
    "recruitee.com",
    "teamtailor.com",
    "bamboohr.com",
    "breezy.hr",
    "personio.de",
    "personio.com",
    "pinpointhq.com",
    "applytojob.com",
    "workable.com",
)


def slug(value: Any) -> Any:
    """Return the company's name in the address of its board: ``acme`` of ``jobs.lever.co/acme/1``.

    A company's own page names none.
    """
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname or ""
    except ValueError:
        return None
    found = None
    if f".{host}".endswith(tuple(f".{each}" for each in _IN_PATH)):
        pieces = [unquote(piece) for piece in parts.path.split("/") if piece]
        if pieces[:1] == ["embed"]:  # boards.greenhouse.io/embed/job_app?for=acme
            asked = re.search(r"(?:^|&)for=([^&]+)", parts.query)
            found = asked and unquote(asked[1])
        elif len(pieces) > 1 and pieces[0] != "v1":
            found = pieces[0]
    elif host.endswith(tuple(f".{each}" for each in _IN_HOST)):
        found = host.split(".")[0]
    return Partly(found) if found and found not in ("www", "jobs") else None


def place(value: Any) -> Any:
    """Return the text of a place, without the gaps that a missing part leaves: ``How, ``.

    A text that says how many places there are (``13 Locations``) names none.
    """
    found = _place(value)
    text = found["text"] if isinstance(found, Mapping) else found
    return Partly(text) if text and isinstance(value, Mapping) else text


def before_colon(value: Any) -> Any:
    """Return what stands before the first colon: ``Acme`` of ``Acme: Engineer``."""
    before, colon, _ = str(value).partition(": ")
    return Partly(before.strip()) if colon else None


def after_colon(value: Any) -> Any:
    """Return what stands behind the first colon, or all of it where there is none."""
    _, colon, after = str(value).partition(": ")
    return Partly(after.strip()) if colon else value


def places(value: Any) -> Any:
    """Return a list of places: of texts, or of objects that name a city, a region, a country.

    What an object says beyond these stays.
    """
    given = _listed(value)
    found = [place for each in given if (place := _place(each))]
    if not found:
        return None
    return Partly(found) if any(isinstance(each, Mapping) for each in given) else found


def place_text(value: Any) -> Any:
    """Return one or several places as one text."""
    if isinstance(value, str):
        return place(value) if _COUNT.fullmatch(value.strip()) else value
    found = places(value)
    given = found.value if isinstance(found, Partly) else found or []
    text = "; ".join(each["text"] if isinstance(each, Mapping) else each for each in given)
    return (Partly(text) if isinstance(found, Partly) else text) if text else None


def several_places(value: Any) -> Any:
    """Return a list of places where there is more than a single text."""
    found = places(value)
    return found if isinstance(found, Partly) or len(found or []) > 1 else None


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return split_places(value)
    return value if isinstance(value, list) else [value]


_COUNT = re.compile(r"\d+\s+(?:more\s+|other\s+)?(?:locations?|places?|cities|sites)", re.I)
_TEXTS = (
    "text",
    "location_str",
    "fullLocation",
    "display_name",
    "displayName",
    "name",
    "locationName",
    "location",
)
_CITIES = ("city", "addressLocality", "town", "locality")
_REGIONS = ("region", "state", "addressRegion", "province")
_COUNTRIES = ("country", "addressCountry", "countryCode", "country_code")


def _place(value: Any) -> Any:
    if isinstance(value, str):
        text = _tidy(value)
        return None if not text or _COUNT.fullmatch(text) else text
    if not isinstance(value, Mapping):
        return None
    # Addresses lie in each other: {"location": ..., "address": {"postalAddress": {...}}}
    for inner in ("address", "postalAddress"):
        if isinstance(value.get(inner), Mapping):
            value = {**value[inner], **{key: each for key, each in value.items() if key != inner}}
    pieces = {
        name: _name(value, keys)
        for name, keys in (("city", _CITIES), ("region", _REGIONS), ("country", _COUNTRIES))
    }
    # USAJOBS names the state behind the city: Denver, Colorado.
    for around in (pieces["country"], pieces["region"]):
        if pieces["city"] and around:
            pieces["city"] = pieces["city"].removesuffix(f", {around}")
    text = _tidy(_name(value, _TEXTS) or ", ".join(each for each in pieces.values() if each))
    if not text or _COUNT.fullmatch(text):
        return None
    stated_ones = stated(pieces)
    return {"text": text, **stated_ones} if stated_ones else text


def _name(value: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        found = value.get(key)
        if isinstance(found, Mapping):
            found = found.get("name") or found.get("label") or found.get("descriptor")
        if isinstance(found, str) and found.strip():
            return found.strip()
    return None


def _tidy(text: str) -> str:
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
    "after_colon": after_colon,
    "before_colon": before_colon,
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
    "place": place,
    "place_text": place_text,
    "places": places,
    "positive": positive,
    "remote_everywhere": remote_everywhere,
    "remote_if": remote_if,
    "remote_or_word": remote_or_word,
    "several_places": several_places,
    "slug": slug,
    "telling_id": telling_id,
    "whole": whole,
    "workplace": workplace,
}
"""Every converter that a mapping may name."""

PREPARATIONS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "linkedin_pay": linkedin_pay,
}
"""What may be done with a whole row before its fields are looked for."""
