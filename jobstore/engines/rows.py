"""Rows of the tables that hold postings to records, and back; alike for all engines with tables.

Only conversions live here: no statement is run, and no database is known. Times are integers of
microseconds since 1970-01-01 UTC, decimals and JSON are text, ids are 16 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID, SafeUUID

from jobstore.derived.digests import content_digest, opening_digest, seen_digest
from jobstore.derived.micros import from_micros, to_micros
from jobstore.derived.places import from_mappings, mappings, only, only_one, says_more
from jobstore.derived.record import Derived, Opening
from jobstore.records import (
    EmploymentType,
    ExperienceLevel,
    Job,
    JobSummary,
    Location,
    SalaryPeriod,
    Status,
    Workplace,
)

_P = ParamSpec("_P")
_T = TypeVar("_T")

# The columns of table posting that make a JobSummary, in the order of _fill.
SUMMARY_COLUMNS = (
    "id",
    "version",
    "status",
    "source",
    "source_job_id",
    "title",
    "company",
    "location",
    "locations",
    "country",
    "workplace",
    "employment_type",
    "experience_level",
    "industry",
    "skills",
    "salary_min",
    "salary_max",
    "salary_currency",
    "salary_period",
    "salary_text",
    "url",
    "applicant_count",
    "posted_at",
    "expires_at",
    "first_seen_at",
    "last_seen_at",
)
# ... and those that a Job has beside them, followed by the columns of table posting_text.
DETAIL_COLUMNS = (
    "apply_url",
    "company_url",
    "company_size",
    "updated_at",
    "closed_at",
)
TEXT_COLUMNS = ("description", "plain", "attributes")
OPENED_COLUMNS = ("opened_at", "opened_by", "opened_run", "opened_digest")
JOB_COLUMNS = SUMMARY_COLUMNS + DETAIL_COLUMNS + TEXT_COLUMNS


def _members(enum: type[StrEnum]) -> dict[Any, Any]:
    # A look-up is three times as fast as calling the enum, and None stays None.
    return {None: None, **{member.value: member for member in enum}}


_STATUS = _members(Status)
_WORKPLACE = _members(Workplace)
_EMPLOYMENT = _members(EmploymentType)
_EXPERIENCE = _members(ExperienceLevel)
_PERIOD = _members(SalaryPeriod)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def plain(amount: Decimal | None) -> str | None:
    """Return an amount as it is stored."""
    return None if amount is None else format(amount, "f")


class DamagedRow(ValueError):
    """A row holds what no writer puts there."""


def sound(convert: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make a function raise DamagedRow when stored values make no sense."""

    @wraps(convert)
    def converted(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return convert(*args, **kwargs)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise DamagedRow(type(error).__name__) from error

    return converted


# Amounts and lists of skills recur, and reading one costs ten times as much as looking it up.
_decimal = lru_cache(maxsize=16_384)(Decimal)


@lru_cache(maxsize=16_384)
def _texts(array: str) -> tuple[str, ...]:
    return tuple(json.loads(array))


@lru_cache(maxsize=1024)
def _places(array: str) -> tuple[Location, ...]:
    return tuple(from_mappings(json.loads(array)))


def stored_places(
    location: str | None, places: str | None, country: str | None = None
) -> list[Location]:
    """Return the places of a posting, of its columns."""
    return only(location, country) if places is None else [*_places(places)]


# UUID refuses to set attributes, but its slots do not. Calling an enum is slow.
_set_int = UUID.__dict__["int"].__set__
_set_safety = UUID.__dict__["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown


def _uuid(octets: bytes) -> UUID:
    """Do what UUID(bytes=...) does, in two fifths of the time that its checks of all forms take."""
    if len(octets) != 16:
        raise ValueError("an id has 16 bytes")
    found = UUID.__new__(UUID)
    _set_int(found, int.from_bytes(octets, "big"))
    _set_safety(found, _UNKNOWN)
    return found


def _fill(found: JobSummary | Job, row: Sequence[Any]) -> None:
    """Set what summaries and jobs have in common, from a row of ``SUMMARY_COLUMNS``.

    Each result of a search is made here: with a call of so many keywords, a summary took twice
    as long, and a job more than three times.
    """
    (
        octets,
        found.version,
        status,
        found.source,
        found.source_job_id,
        found.title,
        found.company,
        location,
        places,
        country,
        workplace,
        employment_type,
        experience_level,
        found.industry,
        skills,
        salary_min,
        salary_max,
        found.salary_currency,
        salary_period,
        found.salary_text,
        found.url,
        found.applicant_count,
        posted_at,
        expires_at,
        first_seen_at,
        last_seen_at,
    ) = row
    found.id = _uuid(octets)
    found.status = _STATUS[status]
    found.location, found.country = location, country
    # What stored_places does, without two calls for each row.
    if places is None:
        found.locations = [] if location is None else [only_one(location, country)]
    else:
        found.locations = [*_places(places)]
    found.workplace = _WORKPLACE[workplace]
    found.employment_type = _EMPLOYMENT[employment_type]
    found.experience_level = _EXPERIENCE[experience_level]
    found.skills = [] if skills is None else [*_texts(skills)]
    found.salary_min = None if salary_min is None else _decimal(salary_min)
    found.salary_max = None if salary_max is None else _decimal(salary_max)
    found.salary_period = _PERIOD[salary_period]
    found.posted_at = None if posted_at is None else from_micros(posted_at)
    found.expires_at = None if expires_at is None else from_micros(expires_at)
    found.first_seen_at = from_micros(first_seen_at)
    found.last_seen_at = from_micros(last_seen_at)


def _summary(row: Sequence[Any]) -> JobSummary:
    found = JobSummary.__new__(JobSummary)
    _fill(found, row)
    found.snippet = None
    found.also_on = ()
    return found


_SUMMARIZED = len(SUMMARY_COLUMNS)


@sound
def summaries_from_rows(rows: Iterable[Sequence[Any]]) -> list[JobSummary]:
    """Make a summary of each row that begins with ``SUMMARY_COLUMNS``."""
    return [_summary(row[:_SUMMARIZED]) for row in rows]


@sound
def job_from_row(row: Sequence[Any]) -> Job:
    """Make a job of a row that begins with ``JOB_COLUMNS``."""
    found = Job.__new__(Job)
    _fill(found, row[:_SUMMARIZED])
    (
        found.apply_url,
        found.company_url,
        found.company_size,
        updated_at,
        closed_at,
        found.description,
        plain,
        attributes,
    ) = row[_SUMMARIZED : len(JOB_COLUMNS)]
    found.updated_at = from_micros(updated_at)
    found.closed_at = _moment(closed_at)
    found.description_text = found.description if plain is None else plain
    found.attributes = {} if attributes is None else json.loads(attributes)
    return found


def opening_from(values: Sequence[Any]) -> Opening | None:
    """Make an opening of the values of ``OPENED_COLUMNS``."""
    at, actor, run, *_ = values
    return None if at is None else Opening(from_micros(at), actor, run)


def opening_parameters(derived: Derived) -> dict[str, Any]:
    """Return the columns that are written once, when a posting is stored."""
    if (opening := derived.opening) is None:
        return dict.fromkeys(OPENED_COLUMNS)
    at, (_, actor, run) = to_micros(opening.at), opening
    return {
        "opened_at": at,
        "opened_by": actor,
        "opened_run": run,
        "opened_digest": opening_digest(derived.job.id.bytes, at, actor, run),
    }


def text_parameters(job: Job) -> tuple[str | None, str | None, str | None]:
    """Return ``TEXT_COLUMNS`` of a job; the plain text only where it is not the description."""
    plain = None if job.description_text == job.description else job.description_text
    return job.description, plain, to_json(job.attributes)


def posting_parameters(derived: Derived) -> dict[str, Any]:
    """Return what the statements that write a posting bind, by column name.

    ``place``, ``listed_at`` and ``listed_tie`` are left to the caller; who inserts one adds
    :func:`opening_parameters`.
    """
    job, yearly = derived.job, derived.yearly
    found = {
        "id": job.id.bytes,
        "version": job.version,
        "status": job.status,
        "source": job.source,
        "source_job_id": job.source_job_id,
        "title": job.title,
        "company": job.company,
        "location": job.location,
        "locations": to_json(mappings(job.locations)) if says_more(job) else None,
        "country": job.country,
        "workplace": job.workplace,
        "employment_type": job.employment_type,
        "experience_level": job.experience_level,
        "industry": job.industry,
        "skills": to_json(job.skills),
        "salary_min": plain(job.salary_min),
        "salary_max": plain(job.salary_max),
        "salary_currency": job.salary_currency,
        "salary_period": job.salary_period,
        "salary_text": job.salary_text,
        "url": job.url,
        "applicant_count": job.applicant_count,
        "posted_at": _micros(job.posted_at),
        "expires_at": _micros(job.expires_at),
        "first_seen_at": to_micros(job.first_seen_at),
        "last_seen_at": to_micros(job.last_seen_at),
        "apply_url": job.apply_url,
        "company_url": job.company_url,
        "company_size": job.company_size,
        "updated_at": to_micros(job.updated_at),
        "closed_at": _micros(job.closed_at),
        "yearly_min": yearly and yearly[0],
        "yearly_max": yearly and yearly[1],
    }
    values = [value for name, value in found.items() if name not in _SIGHTINGS]
    found["digest"] = content_digest(values, *text_parameters(job))
    return found


_SIGHTINGS = frozenset({"first_seen_at", "last_seen_at"})


# The columns of statement every_posting that follow those of a job.
PLACE = len(JOB_COLUMNS)
DESCRIPTION, PLAIN = JOB_COLUMNS.index("description"), JOB_COLUMNS.index("plain")
LISTED_AT, LISTED_TIE = PLACE + 1, PLACE + 2
OPENED = slice(PLACE + 3, PLACE + 7)
_YEARLY_MIN, _YEARLY_MAX, DIGEST, SEEN_DIGEST = range(OPENED.stop, OPENED.stop + 4)
# All of them. An engine that keeps no places has a value without meaning there.
POSTING_COLUMNS = (
    *JOB_COLUMNS,
    *("place", "listed_at", "listed_tie"),
    *OPENED_COLUMNS,
    *("yearly_min", "yearly_max", "digest", "seen_digest"),
)
_SEEN = slice(SUMMARY_COLUMNS.index("first_seen_at"), len(SUMMARY_COLUMNS))


def row_digests(row: Sequence[Any]) -> tuple[bytes, bytes, bytes | None]:
    """Return the digests that belong to a row of statement every_posting: of what the posting says,
    of when it was seen, and of when it was stored, if that is known."""
    values = (
        *row[: _SEEN.start],
        *row[_SEEN.stop : DESCRIPTION],
        row[_YEARLY_MIN],
        row[_YEARLY_MAX],
    )
    first, last = row[_SEEN]
    seen = seen_digest(row[0], first, last, row[LISTED_AT], row[LISTED_TIE])
    at, actor, run, _ = row[OPENED]
    opened = None if at is actor is run is None else opening_digest(row[0], at, actor, run)
    return content_digest(values, *row[DESCRIPTION:PLACE]), seen, opened


def stored_digests(row: Sequence[Any]) -> tuple[bytes, bytes, bytes | None]:
    """Return the digests that stand in a row, as :func:`row_digests` gives what they should be."""
    return row[DIGEST], row[SEEN_DIGEST], row[OPENED][-1]


def to_json(value: list[Any] | dict[str, Any]) -> str | None:
    """Return a list or an object as JSON text, ``None`` when it is empty."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else None
