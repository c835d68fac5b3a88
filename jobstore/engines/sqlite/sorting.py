"""The orders of search results, each by keyset: where one page ended the next one begins.

Each function returns up to ``limit`` hits that follow ``after``. A posting's position is made
of what orders it, and of ``(listed_at, listed_tie)``, which no other posting shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jobstore.engines.protocol import Position
from jobstore.engines.sqlite.lookup import MAX_SORTED, Lookup, Row
from jobstore.statements.facets import Scale
from jobstore.statements.grammar import Term
from jobstore.statements.match import quoted
from jobstore.statements.search import KEYS, Shape
from jobstore.statements.words import words

WINDOW = 500
"""How many matches, newest first, are ranked by relevance against each other."""

# What a required part of the text is worth in these columns, best first.
_WEIGHTS = {"title": 8, "company": 4, "skills": 4, "location": 2}
_WEIGHT_ELSEWHERE = 1
_COLUMNS = tuple(_WEIGHTS)


class Hit(NamedTuple):
    """A match, where it stands, and the columns asked for, if they were read already."""

    place: int
    position: Position
    row: Row | None = None


def by_newest(
    lookup: Lookup,
    limit: int,
    after: Position | None,
    columns: tuple[str, ...] = (),
    texts: tuple[str, ...] = (),
) -> list[Hit]:
    """Newest first; the position is ``(listed_at, listed_tie)``."""
    shape = lookup.shape
    bound: dict[str, Any] = {}
    if after:
        shape, bound = shape.also("after"), {"after_at": after[0], "after_tie": after[1]}
    rows = lookup.page(shape, limit, columns, texts, **bound)
    keys = len(KEYS)
    return [Hit(row[0], row[1:keys], row[keys:]) for row in rows]


def by_number(
    lookup: Lookup, column: str, scale: Scale, limit: int, after: Position | None
) -> list[Hit]:
    """Highest number first, equal ones newest first, postings without a number last.

    The position is ``(number or None, listed_at, listed_tie)``. Up to 2,000 matches are sorted;
    of more, the buckets of the scale are read from the highest down, and each is sorted for
    itself: the cost is that of the buckets a page needs.
    """
    hits: list[Hit] = []
    rest = lookup.shape._replace(words=True)
    bound: dict[str, Any] = {}
    if after and after[0] is None:
        rest, bound = rest.also("after"), {"after_at": after[1], "after_tie": after[2]}
    else:
        for bucket in _buckets(lookup, column, scale, limit, after):
            hits += bucket
            if len(hits) >= limit:
                return hits[:limit]
    rows = lookup.page(
        rest,
        limit - len(hits),
        match=lookup.match.query(quoted(scale.missing())),
        **bound,
    )
    return hits + [Hit(row[0], (None, *row[1:3])) for row in rows]


def _buckets(
    lookup: Lookup, column: str, scale: Scale, limit: int, after: Position | None
) -> Iterator[list[Hit]]:
    """Yield hits with a number, in order; of each bucket at least ``limit`` if it has them."""
    if lookup.is_everything:
        # The index on the column has exactly this order.
        yield _ranked(lookup, lookup.shape, column, limit, after)
        return
    if len(lookup.newest) <= MAX_SORTED:
        yield _sorted(lookup, column, after, lookup.newest)
        return
    number: Any = after[0] if after else None
    for octave in scale.octaves_down(number):
        places = lookup.having(quoted(scale.octave(octave)), MAX_SORTED + 1)
        if len(places) <= MAX_SORTED:
            yield _sorted(lookup, column, after, places)
            continue
        for part in scale.parts_down(octave, number):
            word = quoted(scale.part(octave, part))
            shape = lookup.shape._replace(words=True)
            yield _ranked(lookup, shape, column, limit, after, match=lookup.match.query(word))


def _ranked(
    lookup: Lookup, shape: Shape, column: str, limit: int, after: Position | None, **bound: Any
) -> list[Hit]:
    """Let SQLite rank the matches."""
    shape = shape._replace(ranked_by=column).also("has_rank")
    if after:
        shape = shape.also("below_rank")
        bound |= {"rank": after[0], "after_at": after[1], "after_tie": after[2]}
    return [Hit(row[0], (row[3], *row[1:3])) for row in lookup.page(shape, limit, **bound)]


def _sorted(lookup: Lookup, column: str, after: Position | None, places: list[int]) -> list[Hit]:
    """Rank the matches at some places, which are few."""
    rows = lookup.rows_at(places, (column, *KEYS[1:])) if places else []
    hits = [Hit(place, tuple(key)) for place, *key in rows if key[0] is not None]
    hits.sort(key=_position, reverse=True)
    return [hit for hit in hits if not after or _position(hit) < after]


def _position(hit: Hit) -> Any:
    return hit.position


def by_relevance(lookup: Lookup, limit: int, after: Position | None) -> list[Hit]:
    """Best first among the newest 500 matches, then among the next 500, and so on.

    A posting's score is the sum, over the words, phrases and OR-groups that it must have, of
    the best column each of them stands in; equal scores newest first. The position is the
    window's first and last ``(listed_at, listed_tie)``, the score and the posting's own: a
    window keeps its ends, so what is inserted or deleted meanwhile moves nothing else.
    """
    text = lookup.criteria.text
    if text is None or not text.required:
        return by_newest(lookup, limit, after)
    hits: list[Hit] = []
    ends: Position = after[:4] if after else ()
    cut = after[4:] if after else None
    while True:
        rows = _window(lookup, ends) if cut else _next_window(lookup, ends)
        if rows and not cut:
            ends = (*rows[0][1:3], *rows[-1][1:3])
        for key, place in _scored(lookup, rows):
            if cut is None or key < cut:
                hits.append(Hit(place, (*ends, *key)))
        if len(hits) >= limit:
            return hits[:limit]
        if len(rows) < WINDOW and not cut:
            return hits
        cut = None


def _next_window(lookup: Lookup, ends: Position) -> list[Row]:
    if not ends:
        return lookup.page(lookup.shape, WINDOW, _COLUMNS)
    _, _, at, tie = ends
    return lookup.page(lookup.shape.also("after"), WINDOW, _COLUMNS, after_at=at, after_tie=tie)


def _window(lookup: Lookup, ends: Position) -> list[Row]:
    top_at, top_tie, bottom_at, bottom_tie = ends
    return lookup.page(
        lookup.shape.also("top", "bottom"),
        -1,
        _COLUMNS,
        top_at=top_at,
        top_tie=top_tie,
        bottom_at=bottom_at,
        bottom_tie=bottom_tie,
    )


def _scored(lookup: Lookup, rows: list[Row]) -> list[tuple[Any, int]]:
    """Return ``(score, listed_at, listed_tie)`` and the place of each row, best first."""
    expression = lookup.criteria.text
    assert expression is not None
    scored = []
    for place, at, tie, *texts in rows:
        texts = [f" {' '.join(words(text))} " if text else "" for text in texts]
        score = sum(_worth(group, texts) for group in expression.required)
        scored.append(((score, at, tie), place))
    return sorted(scored, reverse=True)


def _worth(group: tuple[Term, ...], texts: list[str]) -> int:
    """Return the weight of the best column in which one of the terms stands."""
    for (column, weight), text in zip(_WEIGHTS.items(), texts, strict=True):
        for term in group:
            end = "" if term.prefix else " "
            if term.field in (None, column) and f" {' '.join(term.words)}{end}" in text:
                return weight
    return _WEIGHT_ELSEWHERE
