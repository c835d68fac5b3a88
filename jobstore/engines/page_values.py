"""What a page shows of the rows of its matches, the same on every engine.

Pure functions on values of columns: no statement is run, and which rows they are is an engine's
concern.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from jobstore.derived.places import counted_values, spoken
from jobstore.engines.rows import stored_places, summaries_from_rows
from jobstore.records import FacetCount, JobSummary
from jobstore.search import counting, ranking
from jobstore.search.excerpts import Excerpts
from jobstore.search.grammar import Expression

TEXTS = ("description", "plain")
"""The columns that excerpts are cut from."""

RANKED = (*ranking.RANKED, "locations")
"""The columns of table posting that :func:`score` is given: the words of its fields, and those of
all places."""

# Facets that the places of a posting have values of too.
_OF_PLACES = frozenset(("location", "country"))


def summaries(
    rows: Sequence[Sequence[Any]],
    expression: Expression | None,
    watched: Callable[[Iterable[Any]], Iterator[Any]] = iter,
) -> list[JobSummary]:
    """Return what a page shows of rows; with an ``expression`` they end in :data:`TEXTS`.

    What is gone through is gone through by ``watched``, which may end it.
    """
    items = summaries_from_rows(watched(rows))
    if expression is not None and items:
        excerpts = Excerpts(expression)
        for row, item in zip(rows, watched(items), strict=True):
            description, plain = row[-len(TEXTS) :]
            item.snippet = excerpts.snippet(item.title, description if plain is None else plain)
    return items


def score(expression: Expression, row: Sequence[Any]) -> int:
    """Return what a match is worth, of its columns of :data:`RANKED`."""
    *columns, places = row
    said = [_spoken(name, text, places) for name, text in zip(ranking.RANKED, columns, strict=True)]
    return ranking.score(expression, said)


def _spoken(column: str, text: str | None, places: str | None) -> str:
    if not text:
        return ""
    if column == "skills":
        return ranking.spoken(json.loads(text))
    if column == "location" and places is not None:
        return ranking.spoken(spoken(text, stored_places(text, places)))
    return ranking.spoken([text])


def facet_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of table posting that :func:`facets` needs for facets."""
    return names if _OF_PLACES.isdisjoint(names) else (*names, "locations")


def facets(
    names: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
    watched: Callable[[Iterable[Any]], Iterator[Any]] = iter,
) -> dict[str, list[FacetCount]]:
    """Count the values of facets among rows of :func:`facet_columns`.

    What is gone through is gone through by ``watched``, which may end it.
    """
    return {
        name: counting.most_frequent(name, _stated(name, column, rows, watched))
        for column, name in enumerate(names)
    }


def _stated(
    name: str,
    column: int,
    rows: Sequence[Sequence[Any]],
    watched: Callable[[Iterable[Any]], Iterator[Any]],
) -> Iterator[tuple[list[str], int]]:
    """Yield the values that postings have in a column, and how many have just those."""
    if name in _OF_PLACES:
        pairs = Counter((row[column], row[-1]) for row in rows)
        for (value, places), amount in watched(pairs.items()):
            location = value if name == "location" else None
            yield counted_values(name, value, stored_places(location, places)), amount
        return
    for text, amount in watched(Counter(row[column] for row in rows if row[column]).items()):
        yield json.loads(text) if name == "skills" else [text], amount
