"""How a posting's ``location``, ``locations`` and ``country`` follow from each other, and which of
their values are searched and counted.

Where nothing else is stated, a posting's one place is its location, in its country. A list that
says more than that is kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

from jobstore.records import Job, Location

FIELDS = ("location", "locations", "country")

_PARTS = tuple(each.name for each in fields(Location))
_BETWEEN = "; "
# As many characters as intake takes for a location.
_LONGEST = 2_000


# Most postings have one place, and many have the same one.
@lru_cache(maxsize=16_384)
def only_one(location: str, country: str | None) -> Location:
    """Return the place of a posting that states its location and no more of it."""
    return Location(location, country=country)


def only(location: str | None, country: str | None) -> list[Location]:
    """Return the places of a posting that states no more of them than its location."""
    return [] if location is None else [only_one(location, country)]


def says_more(job: Job) -> bool:
    """Tell whether the list of places says more than location and country do."""
    return job.locations != only(job.location, job.country)


def joined(places: Sequence[Location]) -> str | None:
    """Return the texts of places as one location: all that fit into 2,000 characters."""
    text = _BETWEEN.join(each.text for each in places)
    if len(text) > _LONGEST:
        text = text[: text.rfind(_BETWEEN, 0, _LONGEST + 1)]
    return text or None


def moves(stored: Job, fresh: Mapping[str, Any]) -> bool:
    """Tell whether ``fresh`` content may change where a stored posting is."""
    return (
        "locations" in fresh
        or fresh.get("location", stored.location) != stored.location
        or fresh.get("country", stored.country) != stored.country
    )


def says_again(stored: Job, location: str | None) -> bool:
    """Tell whether ``location`` is one of several places that a stored posting has."""
    return len(stored.locations) > 1 and any(each.text == location for each in stored.locations)


def settled(stored: Job | None, fresh: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``location``, ``locations`` and ``country`` as a posting has them whose content
    becomes ``fresh``; what that does not name stays as it is stored.

    - Places without a location make it: their texts, joined by ``; ``.
    - Places without a country make it, where all have the same one. One that is stored goes if a
      place has another.
    - A location that differs from the stored one, and no places, replaces all of them.
    - No places and no location (``None``, ``[]``) clear both.
    """
    location = stored.location if stored else None
    country = fresh.get("country", stored.country if stored else None)
    places: list[Location]
    if places := fresh.get("locations", []):
        location = fresh.get("location") or joined(places)
        if "country" not in fresh:
            country = _common(places, country)
        if len(places) == 1 and places[0] in (
            only_one(places[0].text, None),
            *only(location, country),
        ):
            places = only(places[0].text, country)
    elif "locations" in fresh or fresh.get("location", location) != location:
        location = fresh.get("location")
        places = only(location, country)
    elif stored and says_more(stored):
        places = stored.locations
    else:
        places = only(location, country)
    return {"location": location, "locations": places, "country": country}


def _common(places: Sequence[Location], country: str | None) -> str | None:
    """Return the country of all places; ``country`` where they do not tell, and not if one has
    another."""
    found = {each.country for each in places}
    if len(found) == 1 and None not in found:
        return found.pop()
    return None if found - {None, country} else country


def _is_one(location: str | None, places: Sequence[Location]) -> bool:
    """Tell in the least time whether a posting has one place, whose text is all that is said."""
    if len(places) != 1:
        return False
    (place,) = places
    return place.text == location and place.city is None and place.region is None


def compared_values(job: Job, field: str) -> list[str]:
    """Return the values of a posting that a filter by a whole value compares.

    The country is that of each place too. A location is compared with the posting's own, and with
    the text and the city of each place.
    """
    if field == "location" and not _is_one(job.location, job.locations):
        texts = (text for each in job.locations for text in (each.text, each.city))
        return [text for text in dict.fromkeys((job.location, *texts)) if text]
    return counted_values(field, getattr(job, field), job.locations)


def counted_values(field: str, value: Any, places: Sequence[Location]) -> list[str]:
    """Return the distinct values of a posting that a facet counts: the text of each place, each
    country, each skill, or the only ``value``."""
    # Most postings have one place: each write counts and compares them.
    if field == "location":
        one = len(places) == 1
        return [places[0].text] if one else list(dict.fromkeys(each.text for each in places))
    if field == "country" and not (len(places) == 1 and places[0].country in (None, value)):
        found = dict.fromkeys((value, *(each.country for each in places)))
        return [each for each in found if each]
    return value if isinstance(value, list) else [value] if value else []


def spoken(location: str | None, places: Sequence[Location]) -> list[str]:
    """Return the texts in which words of places are found, each by itself: no phrase reaches from
    one into the next. Cities and regions are among them where a place's text does not say them."""
    if location is not None and _is_one(location, places):
        return [location]
    found = {} if location is None or location == joined(places) else {location: None}
    for each in places:
        found[each.text] = None
        said = each.text.casefold()
        found |= {
            part: None for part in (each.city, each.region) if part and part.casefold() not in said
        }
    return list(found)


def mappings(places: Iterable[Location]) -> list[dict[str, str]]:
    """Return places as JSON objects without the parts that are not stated."""
    return [
        {name: value for name in _PARTS if (value := getattr(each, name)) is not None}
        for each in places
    ]


def from_mappings(objects: Iterable[Mapping[str, str]]) -> list[Location]:
    """Return the places that :func:`mappings` has written."""
    return [Location(**each) for each in objects]
