"""Postings that may be the same opening, as they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(slots=True, frozen=True, kw_only=True)
class Duplicate:
    """What another posting is to one that was asked about.

    ``id``: the other posting. ``verdict``: ``same``, ``maybe`` (a person has to look) or
    ``different``. ``actor`` is the person who said so, ``None`` for the rules; ``at`` is when.
    ``rules`` is what the rules say, whatever a person said: ``different`` where they keep nothing.
    ``reasons``: what the rules looked at, each ``{"kind", "speaks_for", "sentence", "figures"}``;
    ``speaks_for`` is true for one opening, false against it, ``None`` for neither. ``together``
    tells whether both are in one group.
    """

    id: UUID
    verdict: str
    at: datetime
    actor: str | None = None
    rules: str = "different"
    reasons: list[dict[str, Any]] = field(default_factory=list)
    together: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Pair:
    """Two postings that the rules join, or leave to a person; ``reasons`` as of Duplicate."""

    ids: tuple[UUID, UUID]
    verdict: str
    at: datetime
    reasons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, frozen=True, kw_only=True)
class Compared:
    """How far a search for duplicates has got: ``looked_at`` changed postings of ``total``, of
    which ``compared`` were compared with others; ``same`` and ``maybe`` count the pairs found."""

    looked_at: int = 0
    total: int = 0
    compared: int = 0
    same: int = 0
    maybe: int = 0
