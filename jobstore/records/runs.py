"""How a run of a scraper ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class RunReport:
    """A run of a scraper: what it saw, what it closed, and what its guards said.

    ``scope`` is ``None`` for all of a source; ``whole`` says that it was a whole catalogue.
    ``state`` is ``complete`` (what it did not see was missed), ``guarded`` (a guard did not believe
    it: it closed nothing), ``broken`` (it did not come to its end: it closed nothing more),
    ``completing`` (it does so now, or was killed then), ``repeated`` (another run of the same time
    took its place) or ``late`` (a run of a later time came before it: it closed nothing).
    ``verdict`` says why, in a sentence.

    ``seen`` are the postings that it was given; of these some were ``inserted``, ``updated``,
    ``unchanged`` and ``reopened``. ``open_before`` were open in its scope before it, of which it
    did not see those ``missed``. ``closed`` were closed for that, ``expired`` since their
    ``expires_at`` had passed. Times are in UTC; with ``seen_at`` both are that time.
    """

    run: str
    source: str
    scope: str | None
    whole: bool
    state: str
    started_at: datetime
    ended_at: datetime
    verdict: str = ""
    seen: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    reopened: int = 0
    open_before: int = 0
    missed: int = 0
    closed: int = 0
    expired: int = 0
    actor: str | None = None
