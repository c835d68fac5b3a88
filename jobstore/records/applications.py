"""Applications for postings: their states, stages, notes and contacts, and how many got how far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobstore.records.kinds import Status


class ApplicationState(StrEnum):
    """Where an application stands."""

    SAVED = "saved"
    APPLIED = "applied"
    INTERVIEWING = "interviewing"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    NO_RESPONSE = "no_response"


@dataclass(slots=True, frozen=True)
class Stage:
    """That an application came to a state: when (UTC), and who said so."""

    state: ApplicationState
    at: datetime
    actor: str | None = None


@dataclass(slots=True, frozen=True)
class Note:
    """What somebody wrote about an application, and when (UTC)."""

    text: str
    at: datetime
    actor: str | None = None


@dataclass(slots=True, frozen=True)
class Contact:
    """Somebody at the other side. Texts of at most 1,000 characters."""

    name: str
    email: str | None = None
    phone: str | None = None
    role: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Application:
    """An application for a posting, with what the posting says now.

    ``id`` is the application's own, ``job_id`` the posting's. ``stages`` has every state that it
    came to, the first one first. ``due_at`` is when something is to be done next, such as an
    interview. ``changed_at`` is when it was last written, all times in UTC.
    """

    id: UUID
    job_id: UUID
    state: ApplicationState
    stages: tuple[Stage, ...]
    notes: tuple[Note, ...] = ()
    contacts: tuple[Contact, ...] = ()
    applied_at: datetime | None = None
    due_at: datetime | None = None
    changed_at: datetime
    source: str
    source_job_id: str
    title: str
    company: str
    url: str | None = None
    posting_status: Status
    posting_closed_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class ApplicationStatistics:
    """How many applications are in each state, and how many got how far.

    ``reached`` is a funnel: how many were ``saved``, ``applied``, ``interviewing``, ``offered`` or
    ``accepted``, or came further, whatever became of them.
    """

    by_state: dict[str, int] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)
