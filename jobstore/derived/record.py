"""The record of what follows from one posting: each part is computed when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from jobstore.derived.counters import Counter, counters_of
from jobstore.derived.listing import listed_at
from jobstore.derived.places import spoken
from jobstore.derived.salaries import YearlyRange, yearly_range
from jobstore.records import Job, job_id
from jobstore.search.words import index_text


class Words(NamedTuple):
    """The texts of a posting as a full-text index takes them in; an engine adds its own words."""

    title: str
    company: str
    locations: tuple[str, ...]
    skills: tuple[str, ...]
    description: str | None


class Opening(NamedTuple):
    """When a posting was first stored, by whom, and in which run."""

    at: datetime
    actor: str | None
    run: str | None


class Derived:
    """A posting and what follows from it, whatever the engine.

    ``opening``: ``None`` for a posting that was stored before openings were written down.
    """

    def __init__(self, job: Job, opening: Opening | None = None) -> None:
        self.job = job
        self.opening = opening

    @cached_property
    def id(self) -> UUID:
        """The id that belongs to the key of the posting."""
        return job_id(self.job.source, self.job.source_job_id)

    @property
    def listed_at(self) -> datetime:
        """The time a posting is listed under."""
        return listed_at(self.job.posted_at, self.job.first_seen_at)

    @cached_property
    def yearly(self) -> YearlyRange | None:
        """The salary range as amounts per year."""
        job = self.job
        return yearly_range(job.salary_min, job.salary_max, job.salary_period)

    @property
    def counters(self) -> Iterator[tuple[Counter, int]]:
        """The counters that the posting adds to, and by how much."""
        # Not cached: they are read once, and keeping those of a whole batch would cost the
        # garbage collector time.
        return counters_of(self.job, self.listed_at, self.yearly)

    @cached_property
    def words(self) -> Words:
        """The texts that searches look into, in the form in which they are compared."""
        job = self.job
        return Words(
            index_text(job.title),
            index_text(job.company),
            tuple(map(index_text, spoken(job.location, job.locations))),
            tuple(map(index_text, job.skills)),
            job.description_text and index_text(job.description_text),
        )
