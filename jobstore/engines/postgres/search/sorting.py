"""The orders of search results, each by keyset: where one page ended the next one begins.

Each function returns up to ``limit`` hits that follow ``after``. A posting's position is made of
what orders it, and of ``(listed_at, listed_tie, id)``: two transactions at once may have given the
same tie, then the id decides.
"""

from __future__ import annotations

from asyncio import to_thread
from typing import Any, NamedTuple

from jobstore.engines.page_values import RANKED, score
from jobstore.engines.postgres.search.lookup import Lookup, Row
from jobstore.engines.postgres.search.statements import LISTED, Shape
from jobstore.engines.protocol import Position
from jobstore.engines.rows import sound
from jobstore.search import ranking
from jobstore.search.cursor import strange
from jobstore.search.grammar import Expression

_KEYS = len(LISTED)
_BEFORE_ALL = bytes(16).hex()


class Hit(NamedTuple):
    """A match: its position, and the columns that were asked for if they were read already."""

    id: bytes
    position: Position
    row: Row | None = None


async def by_newest(
    lookup: Lookup, limit: int, after: Position | None, columns: tuple[str, ...] = ()
) -> list[Hit]:
    """Newest first; the position is ``(listed_at, listed_tie, id)``."""
    shape, bound = _following(lookup.shape, after)
    rows = await lookup.page(shape, limit, columns, **bound)
    return [Hit(row[2], _position(row), row[_KEYS:]) for row in rows]


async def by_number(
    lookup: Lookup, ranked_by: str, limit: int, after: Position | None, columns: tuple[str, ...]
) -> list[Hit]:
    """Highest number first, equal ones newest first, postings without a number last.

    The position is ``(number or None, listed_at, listed_tie, id)``.
    """
    hits: list[Hit] = []
    rest = None
    if after and after[0] is None:
        rest = after[1:]
    else:
        shape = lookup.shape.also("has_rank")._replace(ranked_by=ranked_by)
        bound: dict[str, Any] = {}
        if after:
            shape, bound = _following(shape, after[1:])
            bound["after_rank"] = after[0]
        rows = await lookup.page(shape, limit, columns, **bound)
        hits = [Hit(row[2], (row[3], *_position(row)), row[_KEYS + 1 :]) for row in rows]
        if len(hits) == limit:
            return hits
    shape, words = lookup.unranked(ranked_by)
    shape, bound = _following(shape, rest)
    rows = await lookup.page(shape, limit - len(hits), columns, **bound | words)
    return hits + [Hit(row[2], (None, *_position(row)), row[_KEYS:]) for row in rows]


async def by_relevance(lookup: Lookup, limit: int, after: Position | None) -> list[Hit]:
    """Best first among the newest 500 matches, then among the next 500, and so on.

    A posting's score is the sum, over the words, phrases and OR-groups that it must have, of
    the best column each of them stands in; equal scores newest first. The position is the
    window's first and last ``(listed_at, listed_tie, id)``, the score and the posting's own: a
    window keeps its ends, so what is inserted or deleted meanwhile moves nothing else.
    """
    text = lookup.criteria.text
    if text is None or not text.required:
        return await by_newest(lookup, limit, after)
    if after and len(after) != 3 * _KEYS + 1:
        # One of another engine, of which the store is a copy, has other windows.
        raise strange()
    hits: list[Hit] = []
    ends: Position = after[: 2 * _KEYS] if after else ()
    cut = after[2 * _KEYS :] if after else None
    while True:
        if cut:
            rows = await _window(lookup, ends)
        else:
            shape, bound = _following(lookup.shape, ends[_KEYS:])
            rows = await lookup.page(shape, ranking.WINDOW, RANKED, **bound)
            if rows:
                ends = (*_position(rows[0]), *_position(rows[-1]))
        # A window takes some milliseconds.
        scored = await to_thread(_scored, text, rows)
        hits += [
            Hit(bytes.fromhex(key[-1]), (*ends, *key)) for key in scored if cut is None or key < cut
        ]
        if len(hits) >= limit:
            return hits[:limit]
        if len(rows) < ranking.WINDOW and not cut:
            return hits
        cut = None


async def _window(lookup: Lookup, ends: Position) -> list[Row]:
    top, bottom = ends[:_KEYS], ends[_KEYS:]
    shape = lookup.shape.also("top", "bottom")
    return await lookup.all(shape, RANKED, **_bound("top", top), **_bound("bottom", bottom))


@sound
def _scored(text: Expression, rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return ``(score, listed_at, listed_tie, id)`` of each row, best first."""
    return sorted(((score(text, row[_KEYS:]), *_position(row)) for row in rows), reverse=True)


def _following(shape: Shape, after: Position | None) -> tuple[Shape, dict[str, Any]]:
    """Return the shape of what follows a posting in its order, and what is bound to that."""
    return (shape.also("after"), _bound("after", after)) if after else (shape, {})


def _bound(name: str, position: Position) -> dict[str, Any]:
    # Where the store is a copy, of an engine whose ties are never shared, no id is needed.
    at, tie, id = (*position, _BEFORE_ALL)[:_KEYS]
    return {f"{name}_at": at, f"{name}_tie": tie, f"{name}_id": bytes.fromhex(str(id))}


def _position(row: Row) -> Position:
    # Hexadecimal digits sort as the bytes do.
    at, tie, id, *_ = row
    return at, tie, id.hex()
