"""Searches that were saved, and what is new of one."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
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

    It, or its :attr:`token`, is given to :meth:`jobstore.JobStore.acknowledge` once they are dealt
    with. ``query`` and ``looked_until`` (microseconds since 1970-01-01 UTC) are the store's own.
    """

    name: str
    items: tuple[Job, ...]
    query: str
    looked_until: int

    @property
    def token(self) -> str:
        """A text that another program can acknowledge them with: it has their ids."""
        ids = [job.id.hex for job in self.items]
        told = json.dumps([self.looked_until, self.query, ids], separators=(",", ":"))
        return urlsafe_b64encode(zlib.compress(told.encode())).decode()

    def __iter__(self) -> Iterator[Job]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
