"""Places of schema.org: where a posting is, each with what is known of it.

A place is a Place with an address, a PostalAddress, an area such as a Country, or text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jobstore.exchange.cells import stated
from jobstore.exchange.json_ld import each, first, name_of, text_of, texts, types
from jobstore.intake.countries import country_code
from jobstore.intake.sentinels import states_nothing
from jobstore.records import Job, Workplace
from jobstore.records import Location as Place

# More places than these are no list that anybody wrote.
_MOST = 1_000
_AREAS = {"country": "country", "state": "region", "city": "city"}

Location = dict[str, Any]


def locations(found: dict[str, Any], *, remote: bool) -> list[Location]:
    """Return all places of a posting, in order, each once.

    Where applicants must live (``applicantLocationRequirements``) is the place of a ``remote``
    posting, and of one that names no other.
    """
    result = [place for value in each(found.get("jobLocation")) for place in _places(value)]
    if remote or not result:
        covered = {place.get("country") for place in result}
        for value in each(found.get("applicantLocationRequirements")):
            for place in _places(value):
                only_country = place.keys() <= {"text", "country"}
                if not (only_country and place.get("country") in covered - {None}):
                    result.append(place)
    unique: dict[str, Location] = {}
    for place in result[:_MOST]:
        unique.setdefault(place["text"], place)
    return list(unique.values())


def _places(value: Any) -> Iterator[Location]:
    if not isinstance(value, dict) or text_of(value) is not None:
        if (text := text_of(value)) and text.strip():
            yield {"text": text.strip()}
        return
    address = value.get("address", value)
    yielded = False
    for each_address in each(address):
        if not isinstance(each_address, dict) or text_of(each_address) is not None:
            if (text := text_of(each_address)) and text.strip():
                yielded = True
                yield {"text": text.strip()}
            continue
        localities: list[str | None] = [*texts(each_address.get("addressLocality"))] or [None]
        for locality in localities:
            place = _place(value, each_address, locality)
            if place is not None:
                yielded = True
                yield place
    if not yielded and address is not value and (name := name_of(value)):
        yield {"text": name.strip()}


def _place(value: dict[str, Any], address: dict[str, Any], locality: str | None) -> Location | None:
    region, country = (name_of(address.get(f"address{part}")) for part in ("Region", "Country"))
    # Programs write null and N/A for what they do not know.
    locality, region, country = (
        None if name and states_nothing("location", name) else name
        for name in (locality, region, country)
    )
    parts = [name.strip() for name in (locality, region, country) if name and name.strip()]
    kinds = types(value.get("@type"))
    area = next((field for kind, field in _AREAS.items() if kind in kinds), None)
    name = name_of(value)
    if not parts and name and area is not None:
        parts = [name.strip()]
        known: dict[str, str | None] = {area: name}
        inner, _, outer = name.rpartition(",")
        # Two letters may be a state.
        if area != "country" and inner and len(outer.strip()) > 2 and country_code(outer):
            known = {area: inner.strip(), "country": outer.strip()}
    else:
        known = {"city": locality, "region": region, "country": country}
    # The name is the locality, so it says all there is.
    if name is not None and name == locality and address is not value:
        parts = [name]
    street = text_of(address.get("streetAddress"))
    text = ", ".join(dict.fromkeys(parts)) or (name or "").strip() or street
    if not text:
        return None
    known["country"] = _country(known.get("country"))
    return {"text": text, **stated(known)}


def _country(name: str | None) -> str | None:
    """Return an ISO 3166-1 code. Two letters that are none are handed on, as intake names them."""
    if name is None:
        return None
    code = name.strip().upper()
    return country_code(name) or (code if len(code) == 2 and code.isascii() else None)


def country_of(places: list[Location]) -> str | None:
    """Return the country that all places are in, as far as they state one that is known."""
    countries = {code for place in places if (code := country_code(place.get("country", "")))}
    return countries.pop() if len(countries) == 1 else None


def written(job: Job) -> dict[str, Any]:
    """Return the properties that say where a posting is: ``jobLocation``, and for the countries of
    a remote job ``applicantLocationRequirements``.

    A place has its text as its name, and its parts as its address. Where no part is known but
    the country, the text is the locality, which search engines ask for, and there is no name.
    """
    stated_places = job.locations
    if job.country is not None and not any(place.country for place in stated_places):
        # It holds for all of them, or is all there is.
        stated_places = [
            replace(place, country=job.country) for place in stated_places or [Place("")]
        ]
    at: list[dict[str, Any]] = []
    live: list[dict[str, Any]] = []
    for place in stated_places:
        is_country = place.country is not None and country_code(place.text) == place.country
        if is_country and job.workplace is Workplace.REMOTE:
            live.append({"@type": "Country", "name": place.text})
            continue
        named = is_country or place.city is not None or place.region is not None
        address = {
            "@type": "PostalAddress",
            "addressLocality": place.city if named else place.text,
            "addressRegion": place.region,
            "addressCountry": place.country,
        }
        name = place.text if named else None
        at.append(stated({"@type": "Place", "name": name, "address": stated(address)}))
    return {"jobLocation": _alone(at), "applicantLocationRequirements": _alone(live)}


def _alone(values: list[dict[str, Any]]) -> Any:
    return values[0] if len(values) == 1 else values


def read_back(found: dict[str, Any]) -> tuple[list[Location], str | None]:
    """Return the places of a posting that :func:`written` has made, and the country of all."""
    result: list[Location] = []
    names = ("addressLocality", "addressRegion", "addressCountry")
    for value in each(found.get("jobLocation")):
        address = first(value.get("address")) if isinstance(value, dict) else None
        if isinstance(address, dict):
            city, region, country = (text_of(address.get(name)) for name in names)
            name = text_of(value.get("name"))
            if name is None and city is None:
                return [], country
            place = {"text": city} if name is None else {"text": name, "city": city}
            result.append(stated({**place, "region": region, "country": country}))
    result.extend(
        stated({"text": name, "country": country_code(name)})
        for value in each(found.get("applicantLocationRequirements"))
        if (name := name_of(value))
    )
    countries = {place.get("country") for place in result}
    return result, countries.pop() if len(countries) == 1 else None
