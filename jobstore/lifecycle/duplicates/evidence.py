"""What speaks for and against two postings being one opening, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What two postings are to each other."""

    SAME = "same"
    MAYBE = "maybe"
    """A person has to look."""
    DIFFERENT = "different"


class Kind(StrEnum):
    """What a reason is about."""

    ADDRESS = "address"
    BOARD = "board"
    TEXT = "text"
    LENGTH = "length"
    """How much the shorter text says."""
    CHANGE = "change"
    """A place of the text that says something else in each: a number, a level, a city."""
    EMPLOYMENT = "employment"
    """Hours, contract, workplace and level, as titles and sources state them."""
    TITLE = "title"
    COMPANY = "company"
    PLACE = "place"
    SALARY = "salary"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: whether it speaks for one opening or against it (``None``: for neither), in a
    sentence and with its figures."""

    kind: Kind
    speaks_for: bool | None
    sentence: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on two postings, and all reasons that were looked at; the first one decided it."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
