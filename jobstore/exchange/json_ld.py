"""Values of schema.org properties, each of which may be text, an object or a list.

Only shapes are read here; :mod:`.schema_org` decides which property fills which of our fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobstore.intake.countries import country_code


def job_postings(value: Any) -> Iterator[dict[str, Any]]:
    """Find every JobPosting in a JSON value, in the order of the document."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            if _is_posting(item.get("@type")):
                yield item
            else:
                waiting.extend(reversed(item.values()))


def _is_posting(kind: Any) -> bool:
    # JobPosting, schema:JobPosting, https://schema.org/JobPosting; alone or among others.
    kinds = kind if isinstance(kind, list) else [kind]
    return any(
        isinstance(name, str) and name.replace(":", "/").rsplit("/")[-1].lower() == "jobposting"
        for name in kinds
    )


def first(value: Any) -> Any:
    """Return the first of a list; anything else as it is."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value


def text_of(value: Any) -> str | None:
    """Return a value as text; ``None`` for an object, and for nothing."""
    value = first(value)
    if isinstance(value, dict):
        value = first(value.get("@value"))
    return None if value is None or isinstance(value, dict) else str(value)


def name_of(value: Any) -> str | None:
    """Return what a thing is called: the thing itself if it is text, else its name."""
    value = first(value)
    if isinstance(value, dict):
        return text_of(value.get("name")) or text_of(value.get("legalName"))
    return text_of(value)


def _address(place: Any) -> Any:
    place = first(place)
    if isinstance(place, dict):
        return first(place.get("address", place))
    return place


def location(place: Any) -> str | None:
    """Return a Place as one line: locality, region, country; or else its name."""
    place = first(place)
    address = _address(place)
    if isinstance(address, dict):
        parts = ("addressLocality", "addressRegion", "addressCountry")
        names = [name_of(address.get(part)) for part in parts]
        if names[0] is not None and place is not address and names[0] == name_of(place):
            # The name is the locality, so it says all there is.
            return names[0]
        line = ", ".join(name.strip() for name in names if name and name.strip())
        return line or name_of(place) or text_of(address.get("streetAddress"))
    return text_of(address)


def country(place: Any) -> str | None:
    """Return the country of a Place as an ISO 3166-1 code, where it is known.

    Two letters that are no such code are handed on, so that intake names the fault.
    """
    address = _address(place)
    name = name_of(address.get("addressCountry")) if isinstance(address, dict) else None
    if name is None:
        return None
    code = name.strip().upper()
    return country_code(name) or (code if len(code) == 2 and code.isascii() else None)
