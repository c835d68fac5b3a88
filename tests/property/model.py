"""What a store does, in plain Python over a dict: the yardstick of the stateful test.

Written from the public documentation, and sharing nothing with the store but its records. What
texts mean is in :mod:`.texts`. Slow and obvious on purpose.
"""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unicodedata import normalize
from uuid import UUID

from jobstore import (
    ApplicantStatistics,
    FacetCount,
    Job,
    JobPosting,
    JobSummary,
    Location,
    Revision,
    SalaryQuartiles,
    SearchQuery,
    Statistics,
    Status,
    job_id,
)
from tests.property.texts import Text, plain, says, score

Fields = dict[str, Any]

CONTENT = tuple(
    field.name
    for field in fields(JobPosting)
    if field.name
    not in (
        "source",
        "source_job_id",
        "status",
        "first_seen_at",
        "last_seen_at",
        "closed_at",
    )
)
SUMMARY = tuple(field.name for field in fields(JobSummary) if field.name != "snippet")
PER_YEAR = {"hour": 2080, "day": 260, "week": 52, "month": 12, "year": 1, None: 1}


def _stated(value: Any) -> bool:
    return value is not None and value not in ("", [], {})


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _gaps_filled(stored: Job, fresh: Fields, stated: Fields) -> Fields:
    """What an older sighting tells: only what is not known, and no half of a salary."""
    kept = {name: value for name, value in fresh.items() if not _stated(getattr(stored, name))}
    if stored.salary_min is not None or stored.salary_max is not None:
        kept = {n: v for n, v in kept.items() if n not in ("salary_min", "salary_max")}
    if stored.country is not None:
        kept["country"] = stored.country
    if "attributes" in stated:
        kept["attributes"] = {**stated["attributes"], **stored.attributes}
    return kept


class Contradiction(Exception):
    """The salary's minimum would be above its maximum."""


class Absent(Exception):
    """No posting has that id."""


class Conflict(Exception):
    """The posting is at another version."""


class Model:
    """A store, as a dict of jobs."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}
        self.history: dict[UUID, list[Revision]] = {}
        # Postings of equal time: the one that came to it last is the newest.
        self._listed: dict[UUID, tuple[datetime, int]] = {}
        self._arrivals = 0

    def copy(self) -> Model:
        """Return a model that changes independently."""
        return copy.deepcopy(self)

    def upsert(self, posting: Fields, now: datetime) -> tuple[UUID, str, int]:
        """Store a posting; return id, outcome and version."""
        id = job_id(posting["source"], posting["source_job_id"])
        stored = self.jobs.get(id)
        stated = {name: value for name, value in posting.items() if _stated(value)}
        if stored is None:
            self._put(self._first(id, stated, now))
            return id, "inserted", 1
        seen = stated.get("last_seen_at", now)
        fresh = {name: stated[name] for name in CONTENT if name in stated}
        if "attributes" in fresh:
            fresh["attributes"] = {**stored.attributes, **fresh["attributes"]}
        if ("salary_min" in fresh) != ("salary_max" in fresh):
            _fit_other_end(stored, fresh)
        texts = [place.text for place in stored.locations]
        if "locations" not in fresh and len(texts) > 1 and fresh.get("location") in texts:
            del fresh["location"]
            fresh.pop("country", None)
        if stated.get("last_seen_at", stored.last_seen_at) < stored.last_seen_at:
            fresh = _gaps_filled(stored, fresh, stated)
        else:
            status = stated.get("status", "open")
            seen_by_then = stated.get("last_seen_at")
            closed_after = stored.closed_at and seen_by_then and seen_by_then < stored.closed_at
            expires = fresh.get("expires_at", stored.expires_at)
            stays = "status" not in stated and expires is not None and expires <= seen
            if status == "closed" or not (closed_after or stays):
                fresh["status"] = status
        fresh |= _places(stored, fresh)
        job = self._changed(stored, fresh, now, stated.get("closed_at", seen))
        job.first_seen_at = min(stored.first_seen_at, stated.get("first_seen_at", seen))
        job.last_seen_at = max(stored.last_seen_at, seen)
        self._put(job)
        return id, "updated" if job.version > stored.version else "unchanged", job.version

    def _first(self, id: UUID, stated: Fields, now: datetime) -> Job:
        first = stated.get("first_seen_at")
        seen = stated.get("last_seen_at") or max(now, first or now)
        status = stated.get("status", "open")
        content = {name: stated[name] for name in CONTENT if name in stated}
        content |= _places(None, content)
        return Job(
            id=id,
            version=1,
            status=Status(status),
            source=stated["source"],
            source_job_id=stated["source_job_id"],
            first_seen_at=first or seen,
            last_seen_at=seen,
            updated_at=now,
            closed_at=stated.get("closed_at", seen) if status == "closed" else None,
            **content,
        )

    def update(self, id: UUID, changes: Fields, expected: int | None, now: datetime) -> Job:
        """Set fields of a posting."""
        low, high = changes.get("salary_min"), changes.get("salary_max")
        if low is not None and high is not None and low > high:
            raise Contradiction
        stored = self.jobs.get(id)
        if stored is None:
            raise Absent
        if expected is not None and expected != stored.version:
            raise Conflict
        empty: Fields = {"skills": [], "locations": [], "attributes": {}}
        wanted = {
            name: value if _stated(value) else empty.get(name) for name, value in changes.items()
        }
        wanted |= _places(stored, wanted)
        job = self._changed(stored, wanted, now, now)
        if None not in (ends := [job.salary_min, job.salary_max]) and ends != sorted(ends):
            raise Contradiction
        self._put(job)
        return job

    def delete(self, id: UUID) -> bool:
        """Remove a posting; tell whether it was there."""
        self.history.pop(id, None)
        self._listed.pop(id, None)
        return self.jobs.pop(id, None) is not None

    def _changed(self, stored: Job, fresh: Fields, now: datetime, closed: datetime) -> Job:
        previous = {
            name: getattr(stored, name)
            for name, value in fresh.items()
            if _as_json(getattr(stored, name)) != _as_json(value)
        }
        job = replace(stored, **{name: fresh[name] for name in previous})
        if _is_plain(stored) and _is_plain(job):
            previous.pop("locations", None)
        if job.status == "open":
            job.closed_at = None
        elif stored.status == "open":
            job.closed_at = closed
        if previous:
            job.version += 1
            job.updated_at = now
            revision = Revision(job.version, now, previous)
            self.history.setdefault(job.id, []).insert(0, revision)
        return job

    def _put(self, job: Job) -> None:
        # No text of the vocabulary has markup.
        job.description_text = job.description
        self.jobs[job.id] = job
        when = listed_at(job)
        if job.id not in self._listed or self._listed[job.id][0] != when:
            self._arrivals += 1
            self._listed[job.id] = (when, self._arrivals)

    def newest(self) -> list[Job]:
        """Return everything, newest first."""
        return sorted(self.jobs.values(), key=lambda job: self._listed[job.id], reverse=True)

    def search(
        self, query: SearchQuery, text: Text | None, now: datetime, window: int = 500
    ) -> list[Job]:
        """Return all matches in their order; ``text`` is what ``query.text`` means, and
        ``window`` how many are ranked by relevance against each other."""
        found = [job for job in self.newest() if self._matches(job, query, text, now)]
        if query.sort == "salary":
            return sorted(found, key=lambda job: -(yearly(job) or (0, -math.inf))[1])
        if query.sort == "applicants":
            return sorted(found, key=lambda job: -_or(job.applicant_count, -math.inf))
        if query.sort == "expires":
            return sorted(found, key=lambda job: (job.expires_at is None, job.expires_at or now))
        if query.sort == "relevance" and text is not None:
            windows = [found[start : start + window] for start in range(0, len(found), window)]
            return [job for w in windows for job in sorted(w, key=lambda job: -score(job, text))]
        return found

    def _matches(self, job: Job, query: SearchQuery, text: Text | None, now: datetime) -> bool:
        for name in ("source", "company", "industry"):
            wanted, value = _several(getattr(query, name)), getattr(job, name)
            if wanted and (value is None or plain(value) not in {plain(one) for one in wanted}):
                return False
        texts = {
            job.location,
            *(text for place in job.locations for text in (place.text, place.city)),
        }
        found = {plain(text) for text in texts if text}
        if query.location and found.isdisjoint(map(plain, _several(query.location))):
            return False
        if query.country and _countries(job).isdisjoint(_several(query.country)):
            return False
        for name in (
            "workplace",
            "employment_type",
            "experience_level",
            "status",
            "salary_currency",
        ):
            wanted = _several(getattr(query, name))
            if wanted and getattr(job, name) not in wanted:
                return False
        skills = {plain(skill) for skill in job.skills}
        if not all(plain(skill) in skills for skill in _several(query.skills)):
            return False
        ends = yearly(job)
        if query.salary_min is not None and not (ends and ends[1] >= float(query.salary_min)):
            return False
        if query.salary_max is not None and not (ends and ends[0] <= float(query.salary_max)):
            return False
        crowd = job.applicant_count
        if query.applicants_min is not None and _or(crowd, -1) < query.applicants_min:
            return False
        if query.applicants_max is not None and _or(crowd, math.inf) > query.applicants_max:
            return False
        past = job.expires_at is not None and job.expires_at <= now
        if query.expired is not None and past is not query.expired:
            return False
        when = self._listed[job.id][0]
        if query.posted_since is not None and when < query.posted_since:
            return False
        if query.posted_until is not None and when > query.posted_until:
            return False
        return text is None or says(job, text)

    def facet(self, name: str, jobs: Sequence[Job]) -> list[tuple[str, int]]:
        """Return the ten most frequent values of a field, in the form they are compared by."""
        counts: Counter[str] = Counter()
        for job in jobs:
            value = getattr(job, name)
            values = value if isinstance(value, list) else [value]
            if name == "location":
                values = [place.text for place in job.locations]
            elif name == "country":
                values = list(_countries(job))
            counts.update({compared(name, one) for one in values if one})
        # Equal amounts stand in the order of composed letters, as Hangul is written.
        return sorted(counts.items(), key=lambda pair: (-pair[1], normalize("NFC", pair[0])))[:10]

    def statistics(self, now: datetime) -> Statistics:
        """Return the statistics by counting everything anew."""
        jobs = list(self.jobs.values())
        today = now.astimezone(UTC).date()
        days = [today - timedelta(days=back) for back in range(29, -1, -1)]
        listed = Counter(when.astimezone(UTC).date() for when, _ in self._listed.values())
        return Statistics(
            total=len(jobs),
            by_status=_count(job.status for job in jobs),
            by_source=_count(job.source for job in jobs),
            by_employment_type=_count(job.employment_type for job in jobs),
            by_experience_level=_count(job.experience_level for job in jobs),
            by_workplace=_count(job.workplace for job in jobs),
            top_companies=_largest(job.company for job in jobs),
            top_locations=_largest(
                text for job in jobs for text in {plain(place.text) for place in job.locations}
            ),
            per_day={day: listed[day] for day in days},
            salaries=_quartiles(jobs),
            applicants=_applicants(jobs),
        )


def _places(stored: Job | None, fresh: Fields) -> Fields:
    """Where the work is, as all three fields say it together."""
    location = getattr(stored, "location", None)
    country = fresh["country"] if "country" in fresh else getattr(stored, "country", None)
    places = fresh.get("locations") or []
    if places:
        location = fresh.get("location") or "; ".join(place.text for place in places)
        stated = {place.country for place in places}
        if "country" not in fresh:
            if len(stated) == 1 and None not in stated:
                (country,) = stated
            elif any(each not in (None, country) for each in stated):
                country = None
        if len(places) == 1 and places[0] == Location(places[0].text):
            places = [Location(places[0].text, country=country)]
    elif "locations" in fresh or ("location" in fresh and fresh["location"] != location):
        location = fresh.get("location")
        places = [Location(location, country=country)] if location else []
    elif stored and not _is_plain(stored):
        places = stored.locations
    else:
        places = [Location(location, country=country)] if location else []
    return {"location": location, "locations": places, "country": country}


def _is_plain(job: Job) -> bool:
    return job.locations == ([Location(job.location, country=job.country)] if job.location else [])


def _countries(job: Job) -> set[str]:
    return {each for each in (job.country, *(place.country for place in job.locations)) if each}


def _fit_other_end(stored: Job, fresh: Fields) -> None:
    """The stored end of a range stays if it is of the same kind and fits the new one."""
    kinds = ("salary_currency", "salary_period")
    same = all(name not in fresh or fresh[name] == getattr(stored, name) for name in kinds)
    low = fresh.get("salary_min", stored.salary_min)
    high = fresh.get("salary_max", stored.salary_max)
    if not same or low is None or high is None or low > high:
        fresh.setdefault("salary_min", None)
        fresh.setdefault("salary_max", None)


def listed_at(job: Job) -> datetime:
    """Return when a posting was posted, or first seen where that lies a day and more ahead."""
    if job.posted_at is None or job.posted_at > job.first_seen_at + timedelta(days=1):
        return job.first_seen_at
    return job.posted_at


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _or(value: int | None, otherwise: float) -> float:
    return otherwise if value is None else value


def compared(name: str, value: str) -> str:
    folded = name in ("source", "company", "location", "industry", "skills")
    return plain(value) if folded else str(value)


def yearly(job: Job) -> tuple[float, float] | None:
    """Return a salary's range as amounts per year."""
    ends = [end for end in (job.salary_min, job.salary_max) if end is not None]
    if not ends:
        return None
    factor = PER_YEAR[job.salary_period]
    return float(min(ends) * factor), float(max(ends) * factor)


def _count(values: Iterable[Any]) -> dict[str, int]:
    return dict(Counter(str(value) for value in values if value is not None))


def _largest(values: Iterable[str | None]) -> list[FacetCount]:
    counts = Counter(plain(value) for value in values if value is not None)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [FacetCount(value, amount) for value, amount in ordered[:10]]


def _quartiles(jobs: Iterable[Job]) -> dict[str, SalaryQuartiles]:
    middles: dict[str, list[float]] = {}
    for job in jobs:
        ends = yearly(job)
        if ends is not None and job.salary_currency is not None:
            middles.setdefault(job.salary_currency, []).append(sum(ends) / 2)
    found = {}
    for currency, values in middles.items():
        values.sort()
        ranks = [math.ceil(len(values) * quarter / 4) for quarter in (1, 2, 3)]
        found[currency] = SalaryQuartiles(
            len(values), *(Decimal(repr(values[rank - 1])) for rank in ranks)
        )
    return found


def _applicants(jobs: Iterable[Job]) -> ApplicantStatistics:
    counts = [job.applicant_count for job in jobs if job.applicant_count is not None]
    if not counts:
        return ApplicantStatistics()
    return ApplicantStatistics(
        count=len(counts),
        average=sum(counts) / len(counts),
        minimum=min(counts),
        maximum=max(counts),
        low=sum(count <= 10 for count in counts),
        medium=sum(10 < count <= 50 for count in counts),
        high=sum(count > 50 for count in counts),
    )
