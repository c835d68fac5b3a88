"""What the rest of a row says about its pay text: whose dollars they are, and for how long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jobstore.intake.countries import country_code
from jobstore.intake.salaries import parse_salary
from jobstore.intake.sentinels import without_salary
from jobstore.intake.validation import reader

# A host of one country. Endings such as .co and .io are of any.
_HOST = re.compile(
    r"https?://(?:([a-z]{2})\.[\w-]+\.com|(?:[\w-]+\.)+(?:com?\.([a-z]{2})|(ca|au|nz)))(?![\w.-])",
    re.IGNORECASE,
)
_UNITS = ("salary_currency", "salary_period")


def salary_in_text(text: str, checked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the pay text of a row states; none if the row says otherwise."""
    parsed = parse_salary(
        text,
        currency=checked.get("salary_currency"),
        country=_country(checked),
        period=checked.get("salary_period"),
    )
    if any(checked.get(unit) not in (None, parsed.get(unit)) for unit in _UNITS):
        return {}
    sound, wrong = reader()(parsed)
    return {} if wrong or without_salary(sound) else sound


def _country(checked: Mapping[str, Any]) -> str | None:
    """Return the country whose dollars a pay text means: the posting's, or that of its first
    place or of its host, as ``ca.indeed.com`` and ``seek.com.au`` have one."""
    if country := checked.get("country"):
        return str(country)
    for place in checked.get("locations") or ():
        if place.country:
            return str(place.country)
    last = (checked.get("location") or "").rpartition(",")[2].strip()
    # Two and three letters are a state more often: San Francisco, CA.
    if len(last) > 3 and (country := country_code(last)):
        return country
    found = _HOST.match(checked.get("url") or "")
    return country_code(found[1] or found[2] or found[3]) if found else None
