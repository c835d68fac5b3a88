"""Simplify's list of openings for graduates (``listings.json``).

Times are seconds since 1970. ``active`` false closes a posting. A posting all of whose locations
begin with "Remote" is remote. ``source`` there is who
contributed the entry; it, ``sponsorship`` and the rest stay in ``attributes``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from jobstore.exchange.cells import flag, from_epoch, link, stated
from jobstore.exchange.documents import json_objects
from jobstore.exchange.rows import Record, translated

SOURCE = "simplify"


def read(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """Read the list."""
    return translated(json_objects(stream, name), posting)


def posting(entry: dict[str, Any]) -> dict[str, Any]:
    """Translate one entry."""
    rest = stated(entry)
    take = rest.pop
    locations = take("locations", [])
    if not isinstance(locations, list):
        locations = [locations]
    remote = all(str(place).strip().lower().startswith("remote") for place in locations)
    active = flag(take("active", None))
    result = {
        "source": SOURCE,
        "source_job_id": take("id", None),
        "title": take("title", None),
        "company": take("company_name", None),
        "locations": [place for place in map(str, locations) if place.strip()],
        "workplace": "remote" if locations and remote else None,
        "url": take("url", None),
        "company_url": link(take("company_url", None)),
        "posted_at": from_epoch(take("date_posted", None), "seconds"),
        "status": "closed" if active is False else None,
    }
    return stated({**result, "attributes": rest})
