"""Readers of the places of a posting: strictly, and taking what can be read of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from jobstore.intake import coercion, wording
from jobstore.intake.countries import country_code
from jobstore.records import Location

MAX_LOCATION = 2_000
MAX_LOCATIONS = 200
MAX_PART = 300

_PARTS = tuple(each.name for each in fields(Location))
_SEPARATORS = re.compile(r"\s*[;|\n\r\u2022]\s*")

_text = coercion.line(MAX_LOCATION)
_part = coercion.line(MAX_PART)


def locations(value: Any) -> list[Location]:
    """Read a list of places, each a Location, a text or a mapping with the fields of a Location.

    Blank ones and repeated ones are dropped. A place without a text gets its city, region and
    country, joined by commas. Raises ValueError that names the first one that is wrong.
    """
    found: list[Location | None] = []
    for number, each in enumerate(_listed(value), start=1):
        try:
            found.append(_location(each, coercion.country))
        except ValueError as error:
            raise ValueError(f"item {number} {error}") from None
    return coercion.distinct(found)


def readable_locations(value: Any) -> tuple[list[Location], list[str]]:
    """Read what can be read of the places; return it, and why the rest cannot.

    A text or a mapping alone is a list of one. A country may be a name. One that is unknown is
    left out, and so are items that are no place and those beyond the limit.
    """
    found: list[Location | None] = []
    faults: list[str] = []

    def country(given: Any) -> str | None:
        code = country_code(given) if isinstance(given, str) else None
        if code is None and not coercion.is_blank(given):
            faults.append(f"item {number} has a country that is not known")
        return code

    items = [value] if isinstance(value, str | Mapping | Location) else _listed(value, None)
    for number, each in enumerate(items, start=1):
        if number > MAX_LOCATIONS:
            faults.append(f"has {len(items) - MAX_LOCATIONS:,} items beyond {MAX_LOCATIONS}")
            break
        try:
            found.append(_location(each, country, known=False))
        except ValueError as error:
            faults.append(f"item {number} {error}")
    return coercion.distinct(found), faults


def split_places(text: str) -> list[str]:
    """Return the places in a text that a source joins by ``;``, ``|``, a bullet or line breaks.

    Commas and slashes part them nowhere: they stand inside of places as well.
    """
    return [part for part in _SEPARATORS.split(text.strip()) if part]


def _listed(value: Any, limit: int | None = MAX_LOCATIONS) -> list[Any]:
    if coercion.is_blank(value):
        return []
    if not isinstance(value, list | tuple | set | frozenset):
        raise ValueError(f"must be a list of places, not {wording.in_words(value)}")
    if limit is not None and len(value) > limit:
        raise ValueError(f"must have at most {limit} items, not {len(value)}")
    return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)


def _location(
    value: Any, country: Callable[[Any], str | None], *, known: bool = True
) -> Location | None:
    if value is None or isinstance(value, str):
        text = _text(value)
        return None if text is None else Location(text)
    if isinstance(value, Location):
        value = {name: getattr(value, name) for name in _PARTS}
    elif not isinstance(value, Mapping):
        raise ValueError(f"must be a text or a mapping, not {wording.in_words(value)}")
    elif known and not value.keys() <= {*_PARTS}:
        raise ValueError(f"must have no other parts than {', '.join(_PARTS)}")
    text, city, region = (
        _text(value.get("text")),
        _part(value.get("city")),
        _part(value.get("region")),
    )
    stated = value.get("country")
    code = country(stated)
    if text is None:
        # A code as it is written here, a name as it is written there.
        named = code if code and stated.strip().upper() == code else _part(stated)
        parts = dict.fromkeys((city, region, named))
        text = _text(", ".join(part for part in parts if part))
    return None if text is None else Location(text, city, region, code)
