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
class IntakeWarning:
    """A value of a stored posting that was not taken as it came: left out, cut or turned round.

    ``index`` is the posting's position in the input (from 0), ``field`` the field it concerns,
    ``name`` what the source calls it, ``kind`` the type of the value; ``reason`` completes the
    sentence "<field> ...". A value that was left out is in ``attributes`` under ``name``.
    """

    index: int
    source_job_id: str | None
    field: str
    name: str
    kind: str
    reason: str


@dataclass(slots=True, frozen=True)
class UpsertResult:
    """What an upsert did with one posting; ``version`` is the one that is stored now.

    ``warnings`` are the values that were not taken as they came; ``reopened`` says whether the
    posting was closed before, and is open again.
    """

    id: uuid.UUID
    outcome: Outcome
    version: int
    warnings: tuple[IntakeWarning, ...] = ()
    reopened: bool = False


@dataclass(slots=True, frozen=True)
class Rejection:
    """A posting that was not stored: its position in the input (from 0), its id at the source
    if it had one, and everything that was wrong with it."""

    index: int
    source_job_id: str | None
    reasons: tuple[Fault, ...]


@dataclass(slots=True, kw_only=True)
class UpsertReport:
    """How many postings of a batch were stored, which were not, and which of their values were
    not taken as they came."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    warnings: list[IntakeWarning] = field(default_factory=list)
