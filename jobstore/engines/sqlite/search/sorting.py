"""The orders of search results, each by keyset: where one page ended the next one begins.

Each function returns up to ``limit`` hits that follow ``after``. A posting's position is made
of what orders it, and of ``(listed_at, listed_tie)``, which no other posting shares.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from jobstore.derived.facet_words import EXACT, Buckets
from jobstore.derived.micros import to_micros
from jobstore.engines.page_values import RANKED, score
from jobstore.engines.protocol import Position
from jobstore.engines.sqlite.search.lookup import MAX_SORTED, Lookup, Row
from jobstore.engines.sqlite.search.match import quoted
from jobstore.engines.sqlite.search.statements import KEYS, SOONEST
from jobstore.engines.sqlite.watch import watched
from jobstore.search import ranking
from jobstore.search.criteria import Criteria
from jobstore.search.cursor import strange

# Two ends of a window, the score, and the posting's own.
_RANKED_POSITION = 7


class Hit(NamedTuple):
    """A match: its position, and the columns that were asked for if they were read already."""

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
    return _as_hits(lookup.page(shape, limit, columns, texts, **bound))


def hits_at(
    lookup: Lookup, places: list[int], columns: tuple[str, ...], texts: tuple[str, ...] = ()
) -> list[Hit]:
    """Return what :func:`by_newest` does for postings whose places are known, in their order.

    Raises KeyError for a place without a posting: the index has an entry too many.
    """
    found = {hit.place: hit for hit in _as_hits(lookup.rows_at(places, columns, texts))}
    return [found[place] for place in places]


def _as_hits(rows: list[Row]) -> list[Hit]:
    keys = len(KEYS)
    return [Hit(row[0], row[1:keys], row[keys:]) for row in rows]


def by_number(
    lookup: Lookup, column: str, scale: Buckets, limit: int, after: Position | None
) -> list[Hit]:
    """Highest number first, equal ones newest first, postings without a number last.

    The position is ``(number or None, listed_at, listed_tie)``. Up to 2,000 matches are sorted;
    of more, only as many as a page needs are read, from the highest bucket down.
    """
    hits: list[Hit] = []
    # Another engine, of which the store may be a copy, says more.
    after = after and after[:3]
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
    lookup: Lookup, column: str, scale: Buckets, limit: int, after: Position | None
) -> Iterator[list[Hit]]:
    """Yield hits with a number, in order; of each bucket at least ``limit`` if it has them."""
    if lookup.is_everything:
        yield _ranked(lookup, column, limit, after)
    elif len(lookup.newest) <= MAX_SORTED:
        yield _sorted(lookup, column, limit, after, lookup.newest)
    else:
        low, high = _limits(lookup.criteria, column)
        start: Any = after[0] if after else high
        walk = _Walk(lookup, column, scale, limit, start, after)
        yield from walk.down(low, math.nextafter(start, math.inf))


def _limits(criteria: Criteria, column: str) -> tuple[float, float]:
    """Return the bounds that the numbers of all matches lie between."""
    # salary_max bounds the lower end of a range, and results are sorted by the upper end.
    low, high = criteria.salary_min, None
    if column == "applicant_count":
        low, high = criteria.applicants_min, criteria.applicants_max
    elif column == SOONEST:
        # Times with their sign turned.
        now = None if criteria.as_of is None else -to_micros(criteria.as_of)
        low, high = (now, None) if criteria.expired else (None, now)
    return -math.inf if low is None else low, math.inf if high is None else high


class _Walk(NamedTuple):
    """A walk from the highest number down, by buckets that become finer where matches crowd.

    A bucket of at most MAX_SORTED matches is sorted. Of a larger one the next finer buckets are
    visited, and in the end single values, whose matches are in order already. Only buckets in
    which the index of the column has a number are asked for: at most the octaves of the scale,
    8 parts, 64 grains, and as many values as postings have within one grain, a 512th of an
    octave. That number is the one thing here which the data decides: it is 1 for counts below
    1,024, and at most 128 for whole yearly amounts around 100,000. What each bucket costs beyond
    its matches is what the full-text index takes to find no more, as with any words that
    seldom meet, and what the conditions on the row refuse in the edge buckets of a range.
    """

    lookup: Lookup
    column: str
    scale: Buckets
    limit: int
    start: float
    after: Position | None

    def down(self, floor: float, ceiling: float, level: int = 0) -> Iterator[list[Hit]]:
        """Yield the hits with numbers from ``floor`` to below ``ceiling``, in order."""
        while (number := self.lookup.highest(self.column, floor, ceiling)) is not None:
            word = quoted(self.scale.words(number)[level])
            start = self.scale.floor(number, level)
            if level == EXACT:
                yield self._equal(number, word)
            elif len(places := self.lookup.having(word, MAX_SORTED + 1)) <= MAX_SORTED:
                yield _sorted(self.lookup, self.column, self.limit, self.after, places)
            else:
                yield from self.down(max(floor, start), ceiling, level + 1)
            ceiling = start

    def _equal(self, number: float, word: str) -> list[Hit]:
        """Return the newest matches with one number."""
        shape = self.lookup.shape._replace(words=True)
        bound: dict[str, Any] = {"match": self.lookup.match.query(word)}
        if number > self.start:
            # Counts above 2^53 are too close together for the bounds of a walk, which are floats.
            return []
        if self.after and number == self.start:
            shape = shape.also("after")
            bound |= {"after_at": self.after[1], "after_tie": self.after[2]}
        rows = self.lookup.page(shape, self.limit, **bound)
        return [Hit(row[0], (number, *row[1:3])) for row in rows]


def _ranked(lookup: Lookup, column: str, limit: int, after: Position | None) -> list[Hit]:
    """Read every posting by the index on the column, which has exactly this order."""
    shape = lookup.shape._replace(ranked_by=column).also("has_rank")
    bound: dict[str, Any] = {}
    if after:
        shape = shape.also("below_rank")
        bound = {"rank": after[0], "after_at": after[1], "after_tie": after[2]}
    return [Hit(row[0], (row[3], *row[1:3])) for row in lookup.page(shape, limit, **bound)]


def _sorted(
    lookup: Lookup, column: str, limit: int, after: Position | None, places: list[int]
) -> list[Hit]:
    """Rank the matches at some places, which are few."""
    rows = lookup.ranked_at(places, column, limit, after)
    return [Hit(place, (number, *at)) for place, *at, number in rows]


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
    if after and len(after) != _RANKED_POSITION:
        # One of another engine, of which the store is a copy, has other windows.
        raise strange()
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
        if len(rows) < ranking.WINDOW and not cut:
            return hits
        cut = None


def _next_window(lookup: Lookup, ends: Position) -> list[Row]:
    if not ends:
        return lookup.page(lookup.shape, ranking.WINDOW, RANKED)
    _, _, at, tie = ends
    return lookup.page(
        lookup.shape.also("after"), ranking.WINDOW, RANKED, after_at=at, after_tie=tie
    )


def _window(lookup: Lookup, ends: Position) -> list[Row]:
    top_at, top_tie, bottom_at, bottom_tie = ends
    return lookup.page(
        lookup.shape.also("top", "bottom"),
        -1,
        RANKED,
        top_at=top_at,
        top_tie=top_tie,
        bottom_at=bottom_at,
        bottom_tie=bottom_tie,
    )


def _scored(lookup: Lookup, rows: list[Row]) -> list[tuple[Any, int]]:
    """Return ``(score, listed_at, listed_tie)`` and the place of each row, best first."""
    expression = lookup.criteria.text
    assert expression is not None
    scored = [
        ((score(expression, columns), at, tie), place) for place, at, tie, *columns in watched(rows)
    ]
    return sorted(scored, reverse=True)
