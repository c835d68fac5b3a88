"""A search query, checked and normalised, in the form that every engine works from.

Rules about filters live here, and the identity of a query for its cursors. What a text means
is in :mod:`jobstore.search.grammar`; how a filter is answered is an engine's concern.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeVar

from jobstore.composition import composed
from jobstore.errors import Fault, InvalidQuery
from jobstore.intake.spellings import look_up
from jobstore.moments import in_utc
from jobstore.records import (
    ApplicationState,
    EmploymentType,
    ExperienceLevel,
    SearchQuery,
    Sort,
    Status,
    Workplace,
)
from jobstore.search.grammar import MAX_CHARACTERS, Expression, parse
from jobstore.search.words import fold

FACETS = (
    *("source", "company", "location", "country", "workplace", "employment_type"),
    *("experience_level", "industry", "status", "skills", "salary_currency"),
)
"""The fields that are compared as whole values, and whose values can be counted."""
FOLDED = frozenset(("source", "company", "location", "industry", "skills"))
"""Those compared without regard to case and accents; the others are codes of ours."""
UNTRACKED = ("none",)
"""What asks for postings without an application."""
MAX_ALTERNATIVES = 100
MAX_VALUE_CHARACTERS = 2000

E = TypeVar("E", bound=StrEnum)
Values = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a posting must satisfy, and the order of the answer.

    Each tuple holds alternatives in their comparable form (folded, or codes), sorted; an empty
    one is no filter. Of ``skills`` all are required. Salaries are amounts per year, times are in
    UTC; all bounds are inclusive. ``expired`` compares with ``as_of``, which :meth:`at` sets.
    ``changed`` leaves those that changed last behind a place in the order of changes and up to
    another one: a time in microseconds and an id, twice.
    """

    text: Expression | None = None
    source: Values = ()
    company: Values = ()
    location: Values = ()
    country: Values = ()
    workplace: Values = ()
    employment_type: Values = ()
    experience_level: Values = ()
    industry: Values = ()
    status: Values = ()
    skills: Values = ()
    salary_currency: Values = ()
    salary_min: float | None = None
    salary_max: float | None = None
    posted_since: datetime | None = None
    posted_until: datetime | None = None
    applicants_min: int | None = None
    applicants_max: int | None = None
    expired: bool | None = None
    application: Values = ()
    changed: tuple[int, bytes, int, bytes] | None = None
    as_of: datetime | None = None
    sort: Sort = Sort.NEWEST

    @property
    def is_empty(self) -> bool:
        """Whether every posting satisfies this."""
        return self is _EVERYTHING or all(getattr(self, name) in (None, ()) for name in _FILTERS)

    @property
    def notes(self) -> list[str]:
        """What is to be said about how the text was understood."""
        return [] if self.text is None else list(self.text.notes)

    def at(self, moment: datetime) -> Criteria:
        """Return the same criteria at a moment, which matters only where ``expired`` is asked."""
        return self if self.expired is None else dataclasses.replace(self, as_of=moment)

    @property
    def fingerprint(self) -> bytes:
        """A hash that equal criteria share in every process and release of this format."""
        asked = self
        if self.text is not None and self.text.notes:
            # What is said about a query changes nothing in it.
            asked = dataclasses.replace(self, text=self.text._replace(notes=()))
        # Few filters are asked for, and writing a value down takes longer than looking at it.
        lines = [
            unasked if value is default else f"{name}={value!r}"
            for name, value, default, unasked in zip(
                _SIGNED, _signed(asked), _DEFAULTS, _UNASKED, strict=True
            )
        ]
        content = "\n".join(filter(None, lines))
        return blake2b(content.encode("utf-8", "backslashreplace"), digest_size=16).digest()


_EVERYTHING = Criteria()
# Criteria that came later, and change no fingerprint where they are not asked for.
_LATER = frozenset(("application", "changed"))
_FILTERS = tuple(item.name for item in fields(Criteria) if item.name not in ("as_of", "sort"))
# What a fingerprint is made of, and what it has in the place of each that is not asked for.
_SIGNED = (*_FILTERS, "sort")
_signed = attrgetter(*_SIGNED)
_DEFAULTS = _signed(_EVERYTHING)
_UNASKED = [
    None if name in _LATER else f"{name}={default!r}"
    for name, default in zip(_SIGNED, _DEFAULTS, strict=True)
]


def check_query(query: SearchQuery | None) -> Criteria:
    """Check and normalise a query; ``None`` asks for everything, newest first.

    Raises InvalidQuery with every fault of every field.
    """
    if query is None:
        return _EVERYTHING
    if not isinstance(query, SearchQuery):
        raise InvalidQuery(f"a query must be a SearchQuery, not {type(query).__name__}")
    faults: list[Fault] = []
    checked: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        value = getattr(query, name)
        if value is None and name not in ("sort", _OF_PAGES):
            continue
        try:
            checked[name] = check(value)
        except ValueError as error:
            faults.append(Fault(name, str(error)))
        except InvalidQuery as error:
            faults.extend(error.faults)
    for low, high in _RANGES:
        if low in checked and high in checked and checked[low] > checked[high]:
            faults.append(Fault(low, f"must not be above {high}"))
    if faults:
        raise InvalidQuery(faults)
    # How a page shows what matches is no criterion.
    del checked[_OF_PAGES]
    return Criteria(**checked)


def check_facets(names: Iterable[str]) -> Values:
    """Return the facets asked for, each once. Raises InvalidQuery for unknown ones."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InvalidQuery([Fault("facets", "must be a tuple of names")])
    names = list(names)
    if not all(name in FACETS for name in names):
        raise InvalidQuery([Fault("facets", f"must be some of {', '.join(FACETS)}")])
    return tuple(dict.fromkeys(names))


def _plain_text(value: object, most: int = MAX_VALUE_CHARACTERS) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain lone surrogates") from None
    # Composing makes four characters one at most.
    if len(value) > 4 * most:
        raise ValueError(f"must have at most {most:,} characters")
    return value if value.isascii() else composed(value)


def _text(value: object) -> Expression | None:
    return parse(_plain_text(value, MAX_CHARACTERS))


def _alternatives(check: Callable[[object], str]) -> Callable[[object], Values]:
    def checked(value: object) -> Values:
        if isinstance(value, (list, tuple, set, frozenset)):
            if not value:
                raise ValueError("must name at least one alternative")
            if len(value) > MAX_ALTERNATIVES:
                raise ValueError(f"must have at most {MAX_ALTERNATIVES} alternatives")
            return tuple(sorted({check(one) for one in value}))
        return (check(value),)

    return checked


def _whole_value(value: object) -> str:
    text = _plain_text(value)
    if len(text) > MAX_VALUE_CHARACTERS:
        raise ValueError(f"must have at most {MAX_VALUE_CHARACTERS:,} characters")
    if not text.strip():
        raise ValueError("must not be blank")
    return fold(text)


def _member(kind: type[E]) -> Callable[[object], str]:
    def checked(value: object) -> str:
        try:
            member = look_up(kind, _plain_text(value).strip())
        except KeyError:
            member = None
        if member is None:
            raise ValueError(f"must be one of {', '.join(kind)}")
        return member.value

    return checked


def _code(pattern: str, what: str) -> Callable[[object], str]:
    def checked(value: object) -> str:
        code = _plain_text(value).strip()
        if not re.fullmatch(pattern, code):
            raise ValueError(f"must be {what}")
        return code.upper()

    return checked


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"must be a number, not {type(value).__name__}")
    # Neither a signalling NaN nor an int of a thousand digits becomes a float.
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        amount = math.nan
    if not math.isfinite(amount):
        raise ValueError("must be a finite number")
    if amount < 0:
        raise ValueError("must not be negative")
    return amount + 0.0  # minus zero becomes zero


def _applicants(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, not {type(value).__name__}")
    if value < 0:
        raise ValueError("must not be negative")
    if value >= 2**63:
        raise ValueError("must be below 2^63")
    return int(value)


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be True or False, not {type(value).__name__}")
    return value


def _applications(value: object) -> Values:
    found = _alternatives(lambda one: _plain_text(one).strip().lower())(value)
    if found != UNTRACKED and not {*found} <= {*ApplicationState}:
        raise ValueError(f"must be some of {', '.join(ApplicationState)}, or none")
    return found


def _sort(value: object) -> Sort:
    if isinstance(value, Sort):
        return value
    try:
        return Sort(_plain_text(value).strip().lower())
    except ValueError:
        raise ValueError(f"must be one of {', '.join(Sort)}") from None


_OF_PAGES = "collapse_duplicates"
_CHECKS: dict[str, Callable[[object], Any]] = {
    "text": _text,
    "source": _alternatives(_whole_value),
    "company": _alternatives(_whole_value),
    "location": _alternatives(_whole_value),
    "country": _alternatives(_code("[A-Za-z]{2}", "a country code of two letters")),
    "workplace": _alternatives(_member(Workplace)),
    "employment_type": _alternatives(_member(EmploymentType)),
    "experience_level": _alternatives(_member(ExperienceLevel)),
    "industry": _alternatives(_whole_value),
    "status": _alternatives(_member(Status)),
    "skills": _alternatives(_whole_value),
    "salary_currency": _alternatives(_code("[A-Za-z]{3}", "a currency code of three letters")),
    "salary_min": _amount,
    "salary_max": _amount,
    "posted_since": in_utc,
    "posted_until": in_utc,
    "applicants_min": _applicants,
    "applicants_max": _applicants,
    "expired": _yes_or_no,
    "application": _applications,
    "sort": _sort,
    _OF_PAGES: _yes_or_no,
}
_RANGES = (
    ("salary_min", "salary_max"),
    ("posted_since", "posted_until"),
    ("applicants_min", "applicants_max"),
)
