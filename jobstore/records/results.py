"""What came of writing postings."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from jobstore.errors import Fault


class Outcome(StrEnum):
    """What an upsert did."""

    INSERTED = "inserted"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(slots=True, frozen=True)
class UpsertResult:
    """What an upsert did with one posting; ``version`` is the one that is stored now."""

    id: uuid.UUID
    outcome: Outcome
    version: int


@dataclass(slots=True, frozen=True)
class Rejection:
    """A posting that was not stored: its position in the input (from 0), its id at the source
    if it had one, and everything that was wrong with it."""

    index: int
    source_job_id: str | None
    reasons: tuple[Fault, ...]


@dataclass(slots=True, kw_only=True)
class UpsertReport:
    """How many postings of a batch were stored, and which were not."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejection] = field(default_factory=list)
