"""The filters of a search as links: each that is set without it, and each that may be set with it.

Every link repeats the whole query, so there are few of them where the query is long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from jobstore.search.words import fold
from jobstore.service.page.rendering import address
from jobstore.service.page.texts import words

Given = dict[str, Any]

COUNTED = (
    *("workplace", "employment_type", "experience_level", "country"),
    *("company", "skills", "source", "status"),
)
"""What is counted beside a search, in the order in which it is shown."""

# Values of a facet that are shown.
_VALUES = 8
# Filters that are shown as being set.
_CHIPS = 50
# Characters of all addresses together, so that a page is light whatever it is asked.
_ROOM = 20_000
# What is no filter, or has a field of its own that anybody sees.
_NO_FILTERS = ("text", "sort", "limit", "cursor")


class Chip(NamedTuple):
    """A filter that is set: what it is, its value, and the address without it."""

    name: str
    value: str
    address: str


class Value(NamedTuple):
    """A value of a facet: how often it is there, and where it is added or taken out."""

    value: str
    number: int
    address: str
    is_chosen: bool


class Narrowing(NamedTuple):
    """What is set, how many more filters are, what may be set, and whether that was cut short."""

    chips: list[Chip]
    more_chips: int
    facets: list[tuple[str, list[Value]]]
    is_short: bool


NONE = Narrowing([], 0, [], False)
"""What is offered beside a search that cannot be answered."""


def narrowing(given: Given, counted: Mapping[str, Any]) -> Narrowing:
    """Return the links of a search that was answered; ``counted`` are its facets."""
    links = _ROOM // len(address("/", given))
    filters = [
        (name, each)
        for name, value in given.items()
        if name not in _NO_FILTERS
        for each in (value if isinstance(value, list) else [value])
    ]
    chips = [_chip(given, *each) for each in filters[: min(_CHIPS, links // 2)]]
    values = min(_VALUES, (links - len(chips)) // len(COUNTED))
    facets = _facets(given, counted, values)
    is_short = any(len(counted.get(name, ())) > values for name in COUNTED) and values < _VALUES
    return Narrowing(chips, len(filters) - len(chips), facets, is_short)


def without(given: Mapping[str, Any], *names: str) -> Given:
    """Return what is given without some names."""
    return {name: value for name, value in given.items() if name not in names}


def _chip(given: Given, name: str, value: str) -> Chip:
    every = given[name]
    left = [other for other in every if other != value] if isinstance(every, list) else None
    return Chip(words(name), value, address("/", without(given, "cursor") | {name: left}))


def _facets(given: Given, counted: Mapping[str, Any], most: int) -> list[tuple[str, list[Value]]]:
    found = []
    base = without(given, "cursor")
    for name in COUNTED:
        chosen = base.get(name, [])
        values = []
        for each in counted.get(name, [])[:most]:
            same = [value for value in chosen if fold(value) == fold(each.value)]
            left = [value for value in chosen if value not in same]
            there = base | {name: left if same else [*chosen, each.value]}
            values.append(Value(each.value, each.count, address("/", there), bool(same)))
        if values:
            found.append((name, values))
    return found
