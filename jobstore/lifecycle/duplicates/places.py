"""Places of postings made comparable: boards write the same city in many ways.

No gazetteer: whether two cities lie beside each other is not known here, and only large ones are
known in several languages. Names of states are those
of the United States and of Canada, which boards shorten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from jobstore.intake.countries import country_code
from jobstore.lifecycle.duplicates.cities import city_country, city_name, is_latin
from jobstore.lifecycle.duplicates.vocabulary import (
    AROUND,
    CITY_NAMES,
    CITY_SPELLINGS,
    CITY_STATES,
    COUNTIES,
    NO_CITY,
    OTHER_CITY,
    PROVINCES,
    REMOTE,
    STATE_NAMES,
    TWINS,
)
from jobstore.records import Location
from jobstore.search.words import words


class Where(IntEnum):
    """How the places of two postings stand to each other."""

    SAME = 0
    UNSURE = 1
    """One does not name a city, or names it in another script, or they have some places in common
    and others not, or the country of one follows from what may be the name of a state."""
    NEAR = 2
    """Two cities of one region."""
    APART = 3


class Place(NamedTuple):
    """A place as it is compared: folded words of the city, and codes; empty where not stated.

    The city is ``remote`` where the job is done from anywhere.
    """

    city: str
    region: str
    country: str


_STATES = {name: code for code, name in STATE_NAMES.items()}
_REMARK = re.compile(r"\(.*?\)")
_PARTS = re.compile(r"[,·•]")
_SEVERAL = re.compile(r"\s*;\s*|\s+/\s+")
# "Doha · Qatar" is one place, "Austin, TX • Boston, MA" are two.
_LISTED = re.compile(r"\s*[;·•]\s*|\s+/\s+")
_UMLAUT = re.compile("(?<=[aou])e")
ANYWHERE = "remote"
_ABBREVIATION = 3
# "City" behind a name of at least two characters, as in 上海市, 東京都 and 서울특별시.
_CITY_BEHIND = re.compile("(?<=. .)(?: 市| 都| 府| 특 별 시| 광 역 시| 시)+$")
_ALIASES: dict[str, list[str]] = {}
for _alias, _name in CITY_NAMES.items():
    _ALIASES.setdefault(_name, []).extend(_alias.split())


def places(location: str | None, locations: Iterable[Location]) -> tuple[Place, ...]:
    """Return the distinct places of a posting."""
    location = location or ""
    several = _LISTED if "," in location else _SEVERAL
    given = list(locations) or [Location(each) for each in several.split(location) if each]
    found = {_place(each.text, each.city, each.region, each.country) for each in given}
    return tuple(sorted(found - {Place("", "", "")}))


@lru_cache(maxsize=16_384)
def _place(text: str, city: str | None, region: str | None, country: str | None) -> Place:
    parts = [words(part) for part in _PARTS.split(_without_remarks(text))]
    # Postal codes are no part of a name.
    parts = [left for part in parts if (left := [word for word in part if not _is_code(word)])]
    if len(parts) > 1 and " ".join(parts[0]) in ("united states", "usa", "us"):
        # "US, CA, Santa Clara"
        parts.reverse()
    last = " ".join(parts[-1]) if parts else ""
    # "IN" alone may be India or Indiana, "Georgia" a country or a state.
    if last not in _STATES and (last not in STATE_NAMES or _is_country_behind(parts)):
        if found := country_code(last):
            country = country or found
            parts.pop()
    elif len(parts) == 1 and last in STATE_NAMES:
        parts.pop()
    state = ""
    if region:
        state = _state(words(region))
    elif len(parts) > 1:
        state = _state(parts[-1])
        state = state if state in STATE_NAMES else _state(parts[1])
    elif parts and not city and (alone := " ".join(parts[0])) in _STATES and alone != "new york":
        parts, state = [], _STATES[alone]
    name = words(city) if city else parts[0] if parts else []
    if name and not city and name[0] in REMOTE:
        country = country or country_code(" ".join(name[1:])) or ""
    found_city = _city(name)
    if state not in STATE_NAMES and state and {*state.split()} < {*found_city.split()}:
        # "South East London, London"
        found_city = _city(state.split())
    return Place(found_city, state, country or "")


def _is_country_behind(parts: list[list[str]]) -> bool:
    """Tell whether what may be the short name of a state is a country's: behind a city and a
    region, as in `Berlin, BE, DE` and `Pune, Maharashtra, IN`, unless that is a county."""
    return len(parts) > 2 and not COUNTIES.intersection(parts[1])


def _without_remarks(text: str) -> str:
    """Return a place without what stands in brackets, unless it is part of the city's name."""
    city = words(text)[:1]
    return text if city and city[0] in TWINS else _REMARK.sub(" ", text)


def _is_code(word: str) -> bool:
    return any(char.isdigit() for char in word)


def _state(name: list[str]) -> str:
    joined = " ".join(name)
    return _STATES.get(joined, joined)


def _city(name: list[str]) -> str:
    if not name or name[0] in NO_CITY:
        return ""
    if name[0] in REMOTE:
        return ANYWHERE
    kept = [CITY_SPELLINGS.get(word, word) for word in name if word not in AROUND]
    joined, given = (_CITY_BEHIND.sub("", " ".join(each)) for each in (kept or name, name))
    return city_name(given if given in CITY_NAMES and joined not in CITY_NAMES else joined)


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
    one, other = _agreed(one, other), _agreed(other, one)
    if one.country and other.country and one.country != other.country:
        return Where.APART
    if _is_quarter(one, other) or _is_quarter(other, one):
        return Where.SAME
    if one.country in CITY_STATES and one.country == other.country:
        return Where.SAME if (one.city == ANYWHERE) == (other.city == ANYWHERE) else Where.UNSURE
    same_city = _same_city(one.city, other.city)
    if one.region and other.region and one.region != other.region:
        if {one.region, other.region} <= STATE_NAMES.keys() or not same_city:
            return Where.APART
        # Elsewhere regions have names in several languages, and codes of their own.
        if min(len(one.region), len(other.region)) > _ABBREVIATION:
            return Where.UNSURE
    if ANYWHERE in (one.city, other.city):
        return Where.SAME if one.city == other.city else Where.UNSURE
    if not one.city or not other.city:
        return Where.SAME if one == other else Where.UNSURE
    if is_latin(one.city) != is_latin(other.city):
        # What is written in two scripts cannot be told apart.
        return Where.UNSURE
    if same_city:
        nations = {_nation(one, other), _nation(other, one)} - {""}
        return Where.SAME if len(nations) < 2 else Where.UNSURE
    return Where.NEAR if one.region and one.region == other.region else Where.APART


def _is_quarter(one: Place, other: Place) -> bool:
    """Tell whether a place is written as a part of the other one: `Holbeck, Leeds` of `Leeds, West
    Yorkshire`. A state may have the name of a city elsewhere, so it does not count."""
    if not other.city or not one.city or one.region in STATE_NAMES:
        return False
    return {*other.city.split()} <= {*one.region.split()}


def _agreed(one: Place, other: Place) -> Place:
    """Return a place with the other's country where its state is that country's code: DE."""
    if not one.country and one.region and one.region.upper() == other.country:
        return Place(one.city, "", other.country)
    return one


def _nation(place: Place, other: Place) -> str:
    """Return a place's country, as far as it is stated or follows from its state; beside a city in
    such a state that of the city which is known by the name: London, beside London, ON."""
    if not place.country and place.region in STATE_NAMES:
        return "CA" if place.region in PROVINCES else "US"
    alone = not place.country and not place.region and other.region in STATE_NAMES
    return (city_country(place.city) or "") if alone else place.country


def _same_city(one: str, other: str) -> bool:
    if one == other or _UMLAUT.sub("", one) == _UMLAUT.sub("", other):
        return True
    if not one or not other:
        return False
    left, right = set(one.split()), set(other.split())
    more = left ^ right
    return (left <= right or right <= left) and not more & OTHER_CITY


def place_words(found: Iterable[Place]) -> set[str]:
    """Return the words by which titles name the places of a posting."""
    return {
        word
        for each in found
        for text in (each.city, each.region, STATE_NAMES.get(each.region, ""))
        for word in (*text.split(), *_ALIASES.get(text, ()))
    } | {"city", "saint", "st"}
