"""schema.org JobPosting as JSON-LD, alone or inside a web page (https://schema.org/JobPosting).

A document may be one posting, a list, a ``@graph``, or anything that holds postings further
down. What our fields hold in full is not repeated in ``attributes``; the rest of a posting is
kept there under its own name, so nothing is lost.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from jobstore.exchange.cells import digest, link, listed, stated
from jobstore.exchange.documents import first_mark, json_rows
from jobstore.exchange.identity import board_of, identity
from jobstore.exchange.json_ld import (
    Nodes,
    each,
    expanded,
    first,
    job_postings,
    link_of,
    name_of,
    nodes,
    text_of,
    texts,
)
from jobstore.exchange.pages import KEPT, Page, pages
from jobstore.exchange.pay import salary
from jobstore.exchange.places import country_of, locations, read_back, written
from jobstore.exchange.rows import BrokenFile, Record, Row
from jobstore.intake.given import Translated
from jobstore.intake.lists import LONGEST, items
from jobstore.json_text import embeddable
from jobstore.records import EmploymentType, Job, Workplace

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
_NAMES = {
    "title": "title",
    "company": "hiringOrganization",
    "location": "jobLocation",
    "locations": "jobLocation",
    "country": "jobLocation",
    "workplace": "jobLocationType",
    "employment_type": "employmentType",
    "industry": "industry",
    "description": "description",
    "skills": "skills",
    "url": "url",
    "company_url": "hiringOrganization",
    "posted_at": "datePosted",
    "expires_at": "validThrough",
    "salary_min": "baseSalary",
    "salary_max": "baseSalary",
    "salary_currency": "baseSalary",
    "salary_period": "baseSalary",
    "salary_text": "baseSalary",
}
_SCHEME = re.compile("https?://", re.IGNORECASE)
_SAID = ("@context", "@type", "title", "description", "url", "datePosted", "validThrough")


def read(stream: io.BufferedReader, name: str, *, source: str | None = None) -> Iterator[Record]:
    """Read a JSON-LD file or a page.

    The source is ``source``, or else the host of the posting's or the organisation's address,
    or else ``schema-org``. Raises BrokenFile when there is no JobPosting at all.
    """
    page = first_mark(stream) == b"<"
    empty = True
    for part in pages(stream, name) if page else _parts(json_rows(stream, name)):
        for record in _records(part, source):
            empty = False
            yield record
    if empty:
        what = "page" if page else "file"
        raise BrokenFile(f"{name} holds no schema.org JobPosting; the {what} gives nothing.")


def _parts(rows: Iterable[Row]) -> Iterator[Page]:
    """Cut rows into parts of a size within which one may refer to another."""
    part, size = Page(), 0
    for row in rows:
        part.scripts.append(row)
        size += len(row.raw or "")
        if size > KEPT:
            yield part
            part, size = Page(), 0
    yield part


def _records(part: Page, source: str | None) -> Iterator[Record]:
    # What one script says of an organisation, another may refer to.
    known = nodes(row.value for row in part.scripts)
    for row in part.scripts:
        if row.fault is not None:
            yield row.broken()
            continue
        for found in job_postings(row.value):
            raw = row.raw if found is row.value else json.dumps(found, ensure_ascii=False)
            record = Row(row.line, None, None, raw)
            try:
                yield record.record(posting(found, source, base=part.address, known=known))
            except Exception as error:  # whatever a posting holds, it costs that posting alone
                yield record.broken(f"cannot be translated ({type(error).__name__})")


def posting(
    found: dict[str, Any],
    source: str | None = None,
    *,
    base: str | None = None,
    known: Nodes | None = None,
) -> Translated:
    """Translate one JobPosting.

    On a board that is known source and id are those of the address. Elsewhere the id is the value
    of ``identifier``, or else the address without tracking, or else a digest of title,
    organisation and location. Dates and times without an offset are taken as
    UTC; a ``validThrough`` without a time lasts until the end of that day. The description keeps
    its HTML. Addresses may be relative to ``base``, the page's own; ``known`` are the things
    that the document names by their ``@id``.
    """
    found = expanded(found, known or {})
    company = first(found.get("hiringOrganization"))
    url = _url(found, base)
    site = _site(company, base)
    identifier = first(found.get("identifier"))
    workplace = _workplace(found.get("jobLocationType"))
    if _is_ours(identifier):
        places, country = read_back(found)
    else:
        places = locations(found, remote=workplace == "remote")
        country = country_of(places)
    result: dict[str, Any] = {
        "source": source or _source(identifier, url, site),
        "source_job_id": _key(identifier, url),
        "title": text_of(found.get("title")) or text_of(found.get("name")),
        "company": _company(company),
        "location": "; ".join(place["text"] for place in places),
        "locations": places,
        "country": country,
        "workplace": workplace,
        "employment_type": _employment_type(found.get("employmentType")),
        "industry": ", ".join(texts(found.get("industry"))),
        "description": _description(found.get("description")),
        "skills": _skills(found.get("skills")),
        "url": url,
        "company_url": site,
        "posted_at": text_of(found.get("datePosted")),
        "expires_at": text_of(found.get("validThrough")),
        **salary(found),
    }
    if not result["source_job_id"]:
        parts = ("title", "company", "location")
        result["source_job_id"] = digest(result[part] for part in parts)
    rest = {
        key: value
        for key, value in found.items()
        if key not in _SAID or (key[0] != "@" and isinstance(value, list | dict))
    }
    translated = Translated(stated({**result, "attributes": stated(rest)}))
    translated.origin = lambda field: _origin(found, field)
    return translated


def _origin(found: dict[str, Any], field: str) -> tuple[str, Any] | None:
    name = _NAMES.get(field)
    return None if name is None or name not in found else (name, found[name])


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
    if isinstance(identifier, dict) and "@value" not in identifier:
        identifier = identifier.get("value")
    value = text_of(identifier)
    return value.strip() if value else None


def _url(found: dict[str, Any], base: str | None) -> Any:
    url = link(link_of(found.get("url")), base)
    name = found.get("@id")
    if url is None and isinstance(name, str) and name.startswith("http"):
        url = name
    return _joined(url, base)


def _joined(url: Any, base: str | None) -> Any:
    """Return an address that may be relative to ``base`` as a whole one."""
    if not isinstance(url, str) or base is None or _SCHEME.match(url):
        return url
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _company(company: Any) -> str | None:
    name = name_of(company)
    if name is None and isinstance(company, dict):
        return name_of(company.get("parentOrganization"))
    return name


def _site(company: Any, base: str | None) -> str | None:
    """Return the address of an organisation; what is no address stays in the attributes alone."""
    if not isinstance(company, dict):
        return None
    for value in each([company.get("url"), company.get("sameAs")]):
        found: str | None = link(link_of(value), base)
        if isinstance(found, str) and _SCHEME.match(found):
            return found
    return None


def _workplace(kind: Any) -> str | None:
    names = [part for text in texts(kind) for part in listed(text)]
    # https://schema.org/TELECOMMUTE is written as well.
    short = [name.rsplit("/", 1)[-1].upper() for name in names]
    known = next((_WORKPLACES[name] for name in short if name in _WORKPLACES), None)
    return known or next(iter(names), None)


def _employment_type(kind: Any) -> Any:
    """Return the kinds as they are written: one, or a list; intake reads them."""
    names = [item if not isinstance(item, dict) else name_of(item) for item in each(kind)]
    found = [name for name in names if name is not None]
    return found[0] if len(found) == 1 else found


def _description(value: Any) -> str | None:
    parts = list(each(value))
    if len(parts) > 1 and all(isinstance(part, str) for part in parts):
        return "\n".join(parts)
    return text_of(value)


def _skills(value: Any) -> list[str]:
    """Return names of skills; prose about skills stays in the attributes alone."""
    names = texts(value)
    if len(names) == 1 and not isinstance(first(value), dict):
        if len(names[0]) > LONGEST:
            return []
        names = items(names[0].replace("\n", ","))
    return [name for name in names if isinstance(name, str) and 0 < len(name) <= _LONGEST_SKILL]


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
            **written(job),
            "jobLocationType": "TELECOMMUTE" if job.workplace is Workplace.REMOTE else None,
            "employmentType": job.employment_type and _EMPLOYMENT_TYPES[job.employment_type],
            "industry": job.industry,
            "skills": job.skills,
            "baseSalary": _base_salary(job),
            "url": job.url,
        }
    )


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
