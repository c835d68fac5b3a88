"""The history of a posting, as it is told, and what is written down of who wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class Origin(NamedTuple):
    """Who wrote something, in which run of a scraper, and why."""

    actor: str | None = None
    run: str | None = None
    reason: str | None = None


NOBODY = Origin()
"""The origin of a write that nobody put a name to."""


@dataclass(slots=True, frozen=True, kw_only=True)
class HistoryEntry:
    """One event in the life of a posting.

    ``kind``: ``opened`` (stored for the first time), ``changed``, ``closed``, ``reopened``,
    ``joined`` (given another key, or made one with another posting), ``duplicate`` (somebody said
    what it and another posting are to each other), ``repost``, ``refused`` (its page answered
    with an error), ``application`` (a stage of one) or ``deleted``. ``at`` is when it was
    written, and of a stage when it was reached, in UTC; ``None`` where that is not known any
    more. ``version`` is the version that the event made, ``None`` where it made none. ``actor``
    is who wrote, ``run`` in which run, ``reason`` why; each ``None`` where nobody said.
    ``changes`` has what was there before and what came, by field. ``detail`` is what else belongs
    to an event, as JSON has it.
    """

    kind: str
    at: datetime | None
    version: int | None = None
    actor: str | None = None
    run: str | None = None
    reason: str | None = None
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much history was removed, or would be; it is true if that is anything.

    ``versions`` are earlier versions of postings, ``events`` what happened to them besides,
    ``deletions`` records that a posting was removed, ``runs`` those of scrapers.
    """

    versions: int = 0
    events: int = 0
    deletions: int = 0
    runs: int = 0

    def __bool__(self) -> bool:
        return any((self.versions, self.events, self.deletions, self.runs))
