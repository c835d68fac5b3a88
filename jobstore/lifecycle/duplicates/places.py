"""Places of postings made comparable: boards write the same city in many ways.

No gazetteer: whether two cities lie beside each other is not known here. Names of states are those
of the United States and of Canada, which boards shorten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from jobstore.intake.countries import country_code
from jobstore.lifecycle.duplicates.vocabulary import (
    AROUND,
    CITY_SPELLINGS,
    NO_CITY,
    OTHER_CITY,
    STATE_NAMES,
)
from jobstore.records import Location
from jobstore.search.words import words


class Where(IntEnum):
    """How the places of two postings stand to each other."""

    SAME = 0
    UNSURE = 1
    """One does not name a city, or they have some places in common and others not."""
    NEAR = 2
    """Two cities of one region."""
    APART = 3


class Place(NamedTuple):
    """A place as it is compared: folded words of the city, and codes; empty where not stated."""

    city: str
    region: str
    country: str


_STATES = {name: code for code, name in STATE_NAMES.items()}
_REMARK = re.compile(r"\(.*?\)")


def places(location: str | None, locations: Iterable[Location]) -> tuple[Place, ...]:
    """Return the distinct places of a posting; none where it says no more than "remote"."""
    given = list(locations) or ([Location(location)] if location else [])
    found = {_place(each.text, each.city, each.region, each.country) for each in given}
    return tuple(sorted(found - {Place("", "", "")}))


@lru_cache(maxsize=16_384)
def _place(text: str, city: str | None, region: str | None, country: str | None) -> Place:
    parts = [words(part) for part in _REMARK.sub(" ", text).split(",")]
    # Postal codes are no part of a name.
    parts = [left for part in parts if (left := [word for word in part if not _is_code(word)])]
    if len(parts) > 1 or (parts and len(parts[0]) > 1):
        last = " ".join(parts[-1])
        if last not in STATE_NAMES and last not in _STATES and (found := country_code(last)):
            country = country or found
            parts.pop()
    if parts and " ".join(parts[0]) in ("united states", "usa", "us"):
        parts, country = [], "US"
    state = ""
    if region:
        state = _state(words(region))
    elif len(parts) > 1:
        state = _state(parts[1])
    elif parts and not city and (alone := " ".join(parts[0])) in _STATES and alone != "new york":
        parts, state = [], _STATES[alone]
    name = words(city) if city else parts[0] if parts else []
    return Place(_city(name), state, country or "")


def _is_code(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _state(name: list[str]) -> str:
    joined = " ".join(name)
    return _STATES.get(joined, joined)


def _city(name: list[str]) -> str:
    if not name or name[0] in NO_CITY:
        return ""
    kept = [CITY_SPELLINGS.get(word, word) for word in name if word not in AROUND]
    return " ".join(kept or name)


def where(left: tuple[Place, ...], right: tuple[Place, ...]) -> Where:
    """Tell how the places of two postings stand to each other."""
    short, long = sorted((left, right), key=lambda each: (len(each), each))
    if not short:
        return Where.UNSURE
    nearest = [min(_compared(one, other) for other in long) for one in short]
    if all(each == Where.SAME for each in nearest):
        return Where.SAME if len(long) == len(short) or len(short) > 1 else Where.UNSURE
    return min(nearest) if len(long) == 1 else max(Where.UNSURE, min(nearest))


def _compared(one: Place, other: Place) -> Where:
    if one.country and other.country and one.country != other.country:
        return Where.APART
    if one.region and other.region and one.region != other.region:
        return Where.APART
    if not one.city or not other.city:
        return Where.SAME if one == other else Where.UNSURE
    if _same_city(one.city, other.city):
        return Where.SAME
    return Where.NEAR if one.region and one.region == other.region else Where.APART


def _same_city(one: str, other: str) -> bool:
    if one == other:
        return True
    left, right = set(one.split()), set(other.split())
    more = left ^ right
    return (left <= right or right <= left) and not more & OTHER_CITY


def place_words(found: Iterable[Place]) -> set[str]:
    """Return the words by which titles name the places of a posting."""
    return {
        word
        for each in found
        for text in (each.city, each.region, STATE_NAMES.get(each.region, ""))
        for word in text.split()
    } | {"city", "saint", "st"}
