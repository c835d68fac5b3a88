"""Searches that were saved, and what is new of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from jobstore.records.postings import Job
from jobstore.records.searching import SearchQuery


@dataclass(slots=True, frozen=True)
class SavedSearch:
    """A search with a name.

    ``looked_until``: what changed last before that time was looked through and acknowledged.
    """

    name: str
    query: SearchQuery
    looked_until: datetime


@dataclass(slots=True, frozen=True)
class NewMatches:
    """Postings that match a saved search and were not acknowledged yet, oldest change first.

    It is given to :meth:`jobstore.JobStore.acknowledge` once they are dealt with. ``query`` and
    ``looked_until`` (microseconds since 1970-01-01 UTC) are the store's own.
    """

    name: str
    items: tuple[Job, ...]
    query: str
    looked_until: int

    def __iter__(self) -> Iterator[Job]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
