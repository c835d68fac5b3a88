"""Names of large cities in many languages, and their countries.

They are those that time zones are named after, as CLDR has them (https://cldr.unicode.org, through
babel): some four hundred. babel is imported when a name is looked up that is none of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from jobstore.intake.countries import OTHER_SCRIPTS
from jobstore.lifecycle.duplicates.vocabulary import CITY_NAMES
from jobstore.search.words import words

# In more languages names of other things are among them: Cuba is Juba in Turkish.
_LATIN = "de fr es it pt nl pl"
# A shorter name in Latin letters is one of something else in another language.
_SHORTEST = 4


def city_name(name: str) -> str:
    """Return the name that a city has here, of a name in folded words: ``tokyo`` of ``東 京``."""
    if name in CITY_NAMES:
        return CITY_NAMES[name]
    return _names(_LATIN if is_latin(name) else OTHER_SCRIPTS).get(name, name)


def city_country(name: str) -> str | None:
    """Return the code of the country of a city that has a name here; ``None`` where none has one,
    or cities of several countries have it."""
    return _countries().get(name)


def is_latin(name: str) -> bool:
    """Tell whether a folded name is in Latin letters."""
    return name < "\u0250"


@cache
def _countries() -> Mapping[str, str | None]:
    from babel.core import get_global

    found: dict[str, str | None] = {}
    for zone, country in get_global("zone_territories").items():
        name = _english(zone)
        found[name] = country if found.get(name, country) == country else None
    return found


@cache
def _names(languages: str) -> Mapping[str, str]:
    found: dict[str, set[str]] = {}
    for name, zone in _spoken(languages):
        found.setdefault(name, set()).add(_english(zone))
    # The English name is one of its own.
    return {
        name: cities.pop()
        for name, cities in found.items()
        if len(cities) == 1
        and name not in _countries()
        and (len(name) >= _SHORTEST or not is_latin(name))
    }


def _spoken(languages: str) -> Iterator[tuple[str, str]]:
    from babel import Locale

    for language in languages.split():
        for zone, names in Locale.parse(language).time_zones.items():
            if "/" in zone and (city := names.get("city")):
                yield " ".join(words(city)), zone


def _english(zone: str) -> str:
    name = " ".join(words(zone.rpartition("/")[2].replace("_", " ")))
    return CITY_NAMES.get(name, name)
