"""schema.org JobPosting as JSON-LD, alone or inside a web page (https://schema.org/JobPosting).

A document may be one posting, a list, a ``@graph``, or anything that holds postings further
down. What our fields hold in full is not repeated in ``attributes``; the rest of a posting is
kept there under its own name, so nothing is lost.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from jobstore.exchange.cells import digest, in_utc, link, listed, stated
from jobstore.exchange.documents import first_mark, json_rows
from jobstore.exchange.identity import board_of, identity
from jobstore.exchange.json_ld import country, first, job_postings, location, name_of, text_of
from jobstore.exchange.pages import scripts
from jobstore.exchange.rows import BrokenFile, Record, Row
from jobstore.intake.countries import country_code
from jobstore.intake.salaries import parse_salary
from jobstore.intake.spellings import look_up
from jobstore.json_text import embeddable
from jobstore.records import EmploymentType, Job, Location, Workplace

SOURCE = "schema-org"

# The name of the identifier in our own exports, which names the source as well.
_OURS = "jobstore"
_LONGEST_SKILL = 80
_WORKPLACES = {"TELECOMMUTE": "remote", "ONSITE": "onsite", "HYBRID": "hybrid"}
# The values that Google for Jobs knows (https://developers.google.com/search/docs/appearance/
# structured-data/job-posting).
_EMPLOYMENT_TYPES = {
    EmploymentType.FULL_TIME: "FULL_TIME",
    EmploymentType.PART_TIME: "PART_TIME",
    EmploymentType.CONTRACT: "CONTRACTOR",
    EmploymentType.TEMPORARY: "TEMPORARY",
    EmploymentType.INTERNSHIP: "INTERN",
    EmploymentType.VOLUNTEER: "VOLUNTEER",
    EmploymentType.PER_DIEM: "PER_DIEM",
    EmploymentType.OTHER: "OTHER",
}
# Fields that hold a property in full, so that attributes need not keep it.
_SAID = ("@context", "@type", "title", "description", "url", "datePosted", "validThrough")


def read(stream: io.BufferedReader, name: str, *, source: str | None = None) -> Iterator[Record]:
    """Read a JSON-LD file or a page.

    The source is ``source``, or else the host of the posting's or the organisation's address,
    or else ``schema-org``. Raises BrokenFile when there is no JobPosting at all.
    """
    page = first_mark(stream) == b"<"
    empty = True
    for row in scripts(stream, name) if page else json_rows(stream, name):
        if row.fault is not None:
            empty = False
            yield row.broken()
            continue
        for found in job_postings(row.value):
            empty = False
            raw = row.raw if found is row.value else json.dumps(found, ensure_ascii=False)
            yield Row(row.line, None, None, raw).record(posting(found, source))
    if empty:
        what = "page" if page else "file"
        raise BrokenFile(f"{name} holds no schema.org JobPosting; the {what} gives nothing.")


def posting(found: dict[str, Any], source: str | None = None) -> dict[str, Any]:
    """Translate one JobPosting.

    On a board that is known source and id are those of the address. Elsewhere the id is the value
    of ``identifier``, or else the address without tracking, or else a digest of title,
    organisation and location. Dates and times without an offset are taken as
    UTC; a ``validThrough`` without a time lasts until the end of that day. Of several
    locations and employment types the first is taken. The description keeps its HTML.
    """
    company = first(found.get("hiringOrganization"))
    place = first(found.get("jobLocation"))
    url = link(text_of(found.get("url")))
    if url is None and str(found.get("@id")).startswith("http"):
        url = found["@id"]
    site = _site(company)
    identifier = first(found.get("identifier"))
    title = found.get("title") or found.get("name")
    result: dict[str, Any] = {
        "source": source or _source(identifier, url, site),
        "source_job_id": _key(identifier, url),
        "title": title,
        "company": name_of(company),
        "location": location(place),
        "country": country(place),
        "workplace": _workplace(found.get("jobLocationType")),
        "employment_type": _employment_type(found.get("employmentType")),
        "industry": _names(found.get("industry")),
        "description": found.get("description"),
        "skills": _skills(found.get("skills")),
        "url": url,
        "company_url": site,
        "posted_at": in_utc(text_of(found.get("datePosted"))),
        "expires_at": in_utc(text_of(found.get("validThrough")), end_of_day=True),
        **_salary(found),
    }
    if not result["source_job_id"]:
        result["source_job_id"] = digest((title, result["company"], result["location"]))
    rest = {key: value for key, value in found.items() if key not in _SAID}
    return stated({**result, "attributes": stated(rest)})


def _source(identifier: Any, url: str | None, site: str | None) -> str:
    if _is_ours(identifier):
        return str(identifier.get("name"))
    return next(filter(None, (identity(address)[0] for address in (url, site) if address)), SOURCE)


def _key(identifier: Any, url: str | None) -> str | None:
    key = identity(url)[1] if url else None
    if key and url and board_of(url) and not _is_ours(identifier):
        return key
    return _value(identifier) or key


def _is_ours(identifier: Any) -> bool:
    return isinstance(identifier, dict) and identifier.get("propertyID") == _OURS


def _value(identifier: Any) -> str | None:
    value = first(identifier.get("value")) if isinstance(identifier, dict) else identifier
    return None if isinstance(value, dict) or value is None else str(value).strip()


def _site(company: Any) -> str | None:
    if not isinstance(company, dict):
        return None
    site: str | None = link(text_of(company.get("url")) or text_of(company.get("sameAs")))
    return site


def _workplace(kind: Any) -> str | None:
    kinds = listed(kind)
    names = [str(name).upper() for name in kinds] if isinstance(kinds, list) else []
    return next((_WORKPLACES[name] for name in names if name in _WORKPLACES), None)


def _employment_type(kind: Any) -> Any:
    """Return the first kind that we know, or else the first, which intake names as a fault.

    Several kinds are a list; a text that joins them with commas is a fault of the source.
    """
    kinds = [kind] if isinstance(kind, str) else kind
    if isinstance(kinds, dict):
        return name_of(kinds)
    if not isinstance(kinds, list):
        return kinds
    for name in kinds:
        try:
            if isinstance(name, str) and look_up(EmploymentType, name):
                return name
        except KeyError:
            continue
    return first(kinds)


def _names(value: Any) -> str | None:
    names = [name_of(item) for item in (value if isinstance(value, list) else [value])]
    return ", ".join(name for name in names if isinstance(name, str)) or None


def _skills(value: Any) -> list[str]:
    """Return names of skills; prose about skills stays in the attributes alone."""
    values = value if isinstance(value, list) else [value]
    names = [name for item in values if (name := name_of(item)) is not None]
    if isinstance(value, str):
        names = listed(value.replace("\n", ","))
    return [name for name in names if len(name) <= _LONGEST_SKILL]


def _salary(found: dict[str, Any]) -> dict[str, Any]:
    base = first(found.get("baseSalary"))
    currency = found.get("salaryCurrency")
    if isinstance(base, str) and not base.replace(".", "", 1).isdigit():
        return parse_salary(base)
    if not isinstance(base, dict):
        base = {"value": base}
    value = first(base.get("value"))
    amounts = value if isinstance(value, dict) else base
    single = amounts.get("value") if not isinstance(amounts.get("value"), dict) else None
    low, high = amounts.get("minValue", single), amounts.get("maxValue", single)
    if low is None and high is None:
        return {}
    return {
        "salary_min": low,
        "salary_max": high,
        "salary_currency": text_of(base.get("currency") or currency),
        "salary_period": text_of(amounts.get("unitText") or base.get("unitText")),
    }


class SchemaOrgWriter:
    """Writes postings as one JSON array of JobPosting documents, an element per line.

    It can stand in a page's ``<script type="application/ld+json">`` as it is.
    """

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._mark = "["

    def write(self, job: Job) -> None:
        """Write one posting."""
        element = embeddable(json.dumps(document(job), ensure_ascii=False))
        self._stream.write(f"{self._mark}\n{element}")
        self._mark = ","

    def finish(self) -> None:
        """Close the array."""
        self._stream.write("[]\n" if self._mark == "[" else "\n]\n")


def document(job: Job) -> dict[str, Any]:
    """Return one posting as a JobPosting, with the properties that Google for Jobs reads.

    What schema.org has no property for (``attributes``, ``experience_level``, the applicant
    count, when it was seen) is left out; ``jsonl`` keeps everything.
    """
    places = _places(job)
    countries = [each for each in places if job.workplace is Workplace.REMOTE and _is_country(each)]
    return stated(
        {
            "@context": "https://schema.org/",
            "@type": "JobPosting",
            "identifier": {
                "@type": "PropertyValue",
                "propertyID": _OURS,
                "name": job.source,
                "value": job.source_job_id,
            },
            "title": job.title,
            "description": job.description,
            "datePosted": job.posted_at and job.posted_at.isoformat(),
            "validThrough": job.expires_at and job.expires_at.isoformat(),
            "hiringOrganization": stated(
                {"@type": "Organization", "name": job.company, "sameAs": job.company_url}
            ),
            "jobLocation": _alone([_place(each) for each in places if each not in countries]),
            "applicantLocationRequirements": _alone(
                [{"@type": "Country", "name": each.text} for each in countries]
            ),
            "jobLocationType": "TELECOMMUTE" if job.workplace is Workplace.REMOTE else None,
            "employmentType": job.employment_type and _EMPLOYMENT_TYPES[job.employment_type],
            "industry": job.industry,
            "skills": job.skills,
            "baseSalary": _base_salary(job),
            "url": job.url,
        }
    )


def _places(job: Job) -> list[Location]:
    """Return the places of a posting, in its country where none of them states one."""
    if job.country is None or any(each.country for each in job.locations):
        return job.locations
    return [replace(each, country=job.country) for each in job.locations or [Location("")]]


def _is_country(place: Location) -> bool:
    """Tell whether a place is a country as a whole: where the applicants of a remote job live."""
    return place.country is not None and country_code(place.text) == place.country


def _place(place: Location) -> dict[str, Any]:
    parts = {"addressRegion": place.region, "addressCountry": place.country}
    # A name that is the locality tells a reader that it says all there is.
    locality = place.city or (None if place.region else place.text)
    address = {"@type": "PostalAddress", "addressLocality": locality, **parts}
    return stated({"@type": "Place", "name": place.text, "address": stated(address)})


def _alone(values: list[dict[str, Any]]) -> Any:
    return values[0] if len(values) == 1 else values


def _base_salary(job: Job) -> dict[str, Any] | None:
    if job.salary_min is None and job.salary_max is None:
        return None
    amounts = {
        "@type": "QuantitativeValue",
        "minValue": _amount(job.salary_min),
        "maxValue": _amount(job.salary_max),
        "unitText": job.salary_period and job.salary_period.value.upper(),
    }
    salary = {"@type": "MonetaryAmount", "currency": job.salary_currency, "value": stated(amounts)}
    return stated(salary)


def _amount(amount: Decimal | None) -> int | float | str | None:
    """Return the amount as a number, or as text where a number would lose digits."""
    if amount is None:
        return None
    if amount == int(amount):
        return int(amount)
    return float(amount) if Decimal(repr(float(amount))) == amount else f"{amount:f}"
