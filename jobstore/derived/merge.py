"""What a stored posting becomes when it is seen again or edited.

Pure functions on records, shared by every engine: no I/O, no SQL, no validation of input.
The rule: a scrape never destroys knowledge. A field that the new posting does not state keeps
the value that is stored; clearing one takes an explicit update.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from jobstore.derived.places import FIELDS as PLACES
from jobstore.derived.places import moves, only, says_again, says_more, settled
from jobstore.errors import Fault, InvalidPosting
from jobstore.intake.markup import plain_text
from jobstore.records import (
    COMPANY_NOT_STATED,
    MAX_ATTRIBUTES,
    Job,
    JobPosting,
    Outcome,
    Status,
    job_id,
)

# The keys never change, and when a posting was seen is not part of what it says.
_APART = {"source", "source_job_id", "status", "first_seen_at", "last_seen_at", "closed_at"}
# The fields whose change makes a new version.
CONTENT_FIELDS = tuple(each.name for each in fields(JobPosting) if each.name not in _APART)

# Cached, since a batch asks for each id several times.
key_id = lru_cache(maxsize=2048)(job_id)


@dataclass(slots=True, frozen=True)
class Merged:
    """The result of a merge: what to store, the outcome of the upsert, and the values that were
    replaced, by field."""

    job: Job
    outcome: Outcome
    previous: dict[str, Any]


def merge(stored: Job | None, posting: JobPosting, now: datetime) -> Merged:
    """Merge a checked posting into what is stored under its key.

    ``now`` is the time of this sighting, unless the posting brings its own times. A posting
    without a status is open, since it was just seen. One that says that it was seen before
    the stored posting was last seen only adds what is not known, and one that says that it was
    seen before the stored posting was closed does not open it. Nor does one that says of itself
    that it is over: it would be closed and opened again with each sighting.

    Raises InvalidPosting when the attributes together would pass their limit.
    """
    if stored is None:
        return Merged(_first(posting, now), Outcome.INSERTED, {})
    checked: Any = posting  # intake has narrowed the types that a posting may be made with
    seen: datetime = checked.last_seen_at or now
    # Only a time that is given makes a sighting old: the clock may have been set back.
    if checked.last_seen_at is not None and checked.last_seen_at < stored.last_seen_at:
        fresh = _unknown(stored, posting)
    else:
        fresh = _stated(stored, posting)
        status = checked.status or Status.OPEN
        expires = fresh.get("expires_at", stored.expires_at)
        is_over = checked.status is None and expires is not None and expires <= seen
        is_late = _closed_since(stored, checked.last_seen_at)
        if status is Status.CLOSED or not (is_over or is_late):
            fresh["status"] = status
    if moves(stored, fresh):
        fresh |= settled(stored, fresh)
    previous = differences(stored, fresh)
    if "attributes" in previous and len(_json(fresh["attributes"])) > MAX_ATTRIBUTES:
        reason = f"would grow beyond {MAX_ATTRIBUTES:,} characters; clear some by an update"
        raise InvalidPosting([Fault("attributes", reason)])
    job = replace(
        stored,
        **{name: fresh[name] for name in previous},
        first_seen_at=min(stored.first_seen_at, checked.first_seen_at or seen),
        last_seen_at=max(stored.last_seen_at, seen),
    )
    read_description(job, previous)
    job.closed_at = _closed_at(job, stored, checked.closed_at or seen)
    return _merged(stored, job, previous, now)


def edit(
    stored: Job, changes: Mapping[str, Any], now: datetime, closed_at: datetime | None = None
) -> Merged:
    """Set the fields of a stored posting to checked values; ``None`` and empty clear them.

    ``closed_at`` is when it was closed, if that is not now.

    Raises InvalidPosting when the salary's minimum would be above its maximum.
    """
    fresh = {**changes, **settled(stored, changes)}
    previous = differences(stored, fresh)
    job = replace(stored, **{name: fresh[name] for name in previous})
    if _contradicts(job.salary_min, job.salary_max):
        raise InvalidPosting([Fault("salary_min", "must not be above salary_max")])
    read_description(job, previous)
    job.closed_at = _closed_at(job, stored, closed_at or now)
    return _merged(stored, job, previous, now)


def _merged(stored: Job, job: Job, previous: dict[str, Any], now: datetime) -> Merged:
    if "locations" in previous and not (says_more(stored) or says_more(job)):
        # Location and country tell it all.
        del previous["locations"]
    if not previous:
        return Merged(job, Outcome.UNCHANGED, previous)
    job.version += 1
    job.updated_at = now
    return Merged(job, Outcome.UPDATED, previous)


def join(job: Job, other: Job | None, source: str, source_job_id: str, now: datetime) -> Merged:
    """Give a stored posting another key, and make one of it and what is stored under that key.

    What was seen last wins, as status and in each field that it states; the other one fills the
    rest. It was first seen when the first of both was. The replaced values are the key that
    ``job`` had, and what the posting that was seen earlier said otherwise.
    """
    keys: dict[str, Any] = {"source": source, "source_job_id": source_job_id}
    previous = differences(job, keys)
    newer, older = (job, other or job)
    if other is not None and job.last_seen_at <= other.last_seen_at:
        newer, older = other, job
    # A stored posting has all fields of one that comes in.
    fresh = _unknown(newer, cast("JobPosting", older))
    if len(_json(fresh.get("attributes", {}))) > MAX_ATTRIBUTES:
        del fresh["attributes"]
    fresh |= settled(newer, fresh)
    joined = replace(
        newer,
        **fresh,
        source=source,
        source_job_id=source_job_id,
        id=key_id(source, source_job_id),
        version=job.version + (1 if other is None else other.version),
        first_seen_at=min(newer.first_seen_at, older.first_seen_at),
        updated_at=now,
    )
    read_description(joined, fresh)
    said = {
        name: value
        for name in (*CONTENT_FIELDS, "status")
        if (value := getattr(older, name)) not in (None, [], {})
    }
    if not (says_more(older) or says_more(joined)):
        said.pop("locations", None)
    previous |= {name: said[name] for name in differences(joined, said)}
    return Merged(joined, Outcome.UPDATED, previous)


def _first(posting: JobPosting, now: datetime) -> Job:
    checked: Any = posting
    seen = checked.last_seen_at or max(now, checked.first_seen_at or now)
    status = Status(checked.status or Status.OPEN)
    content = {name: getattr(posting, name) for name in CONTENT_FIELDS}
    if posting.locations:
        content |= settled(None, {name: value for name in PLACES if (value := content[name])})
    else:
        content["locations"] = only(posting.location, posting.country)
    return Job(
        id=key_id(posting.source, posting.source_job_id),
        source=posting.source,
        source_job_id=posting.source_job_id,
        version=1,
        status=status,
        first_seen_at=checked.first_seen_at or seen,
        last_seen_at=seen,
        updated_at=now,
        closed_at=(checked.closed_at or seen) if status is Status.CLOSED else None,
        description_text=_without_markup(posting.description),
        **content,
    )


def read_description(job: Job, previous: Mapping[str, Any]) -> None:
    """Read the description anew, if it is among the fields that have changed."""
    # Only where it changed: the words that are indexed are those of the text that is stored,
    # however another version of the parser would read the same description.
    if "description" in previous:
        job.description_text = _without_markup(job.description)


def _without_markup(description: str | None) -> str | None:
    return None if description is None else plain_text(description)


def _stated(stored: Job, posting: JobPosting) -> dict[str, Any]:
    """Return the content that the posting states, and the salary's other end if it has to go."""
    fresh = {
        name: value
        for name in CONTENT_FIELDS
        if (value := getattr(posting, name)) is not None and value != [] and value != {}
    }
    if posting.company == COMPANY_NOT_STATED:
        del fresh["company"]
    if "attributes" in fresh:
        fresh["attributes"] = {**stored.attributes, **fresh["attributes"]}
    if ("salary_min" in fresh) != ("salary_max" in fresh):
        # One end of a range is stated. The stored other end belongs to it only if both are
        # amounts of the same kind and in the right order.
        kept = "salary_max" if "salary_min" in fresh else "salary_min"
        low = fresh.get("salary_min", stored.salary_min)
        high = fresh.get("salary_max", stored.salary_max)
        same_kind = all(
            fresh.get(name, getattr(stored, name)) == getattr(stored, name)
            for name in ("salary_currency", "salary_period")
        )
        if not same_kind or _contradicts(low, high):
            fresh[kept] = None
    if "locations" not in fresh and says_again(stored, fresh.get("location")):
        # Who names one place of a posting says nothing against the others.
        fresh.pop("location")
        fresh.pop("country", None)
    return fresh


def _unknown(stored: Job, posting: JobPosting) -> dict[str, Any]:
    """Return the content of an older sighting that the stored posting does not have."""
    fresh = {
        name: value
        for name, value in _stated(stored, posting).items()
        if getattr(stored, name) in (None, [], {})
    }
    if stored.country is not None:
        fresh["country"] = stored.country
    if posting.attributes:
        fresh["attributes"] = {**posting.attributes, **stored.attributes}
    if not fresh.keys().isdisjoint(("salary_min", "salary_max")) and _has_salary(stored):
        # One end of a salary does not go with another end of another time.
        fresh.pop("salary_min", None)
        fresh.pop("salary_max", None)
    return fresh


def _has_salary(job: Job) -> bool:
    return job.salary_min is not None or job.salary_max is not None


def differences(stored: Job, fresh: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of the fields that ``fresh`` has otherwise."""
    return {
        name: old
        for name, value in fresh.items()
        if (old := getattr(stored, name)) != value
        # To Python, 1 and True are equal; to JSON they are not.
        or (name == "attributes" and _json(old) != _json(value))
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _contradicts(low: Any, high: Any) -> bool:
    return low is not None and high is not None and bool(low > high)


def _closed_since(stored: Job, seen_at: datetime | None) -> bool:
    """Tell whether the stored posting was closed after this sighting, by its own time."""
    return seen_at is not None and stored.closed_at is not None and seen_at < stored.closed_at


def _closed_at(job: Job, stored: Job, when: datetime) -> datetime | None:
    if job.status is Status.OPEN:
        return None
    return stored.closed_at or when
