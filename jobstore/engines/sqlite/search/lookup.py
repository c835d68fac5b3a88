"""One search on one connection: the criteria, made ready for any number of statements.

Only statements are run here; which ones and in which order is decided in :mod:`.sorting` and
:mod:`.pages`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cached_property
from typing import Any, NamedTuple

from jobstore.engines import conditions, named_statements
from jobstore.engines.sqlite.search import statements
from jobstore.engines.sqlite.search.budget import Sample
from jobstore.engines.sqlite.search.match import Match, Part, match
from jobstore.engines.sqlite.search.statements import Shape
from jobstore.engines.sqlite.watch import look, watched
from jobstore.search import counting
from jobstore.search.criteria import Criteria

_SQL = named_statements.load("sqlite")

Row = tuple[Any, ...]

MAX_SORTED = 2000
"""The most matches that are sorted at once by something else than time."""

# With at most so many parts, the order in which FTS5 joins them does not matter.
_FREELY_JOINED = 2
# Reading so many more rows of one word takes as long as seeking the next word.
_PASSED = 32


class Counted(NamedTuple):
    """The newest matches as far as they are counted: their places, and whether that is all."""

    places: list[int]
    is_all: bool

    @property
    def total(self) -> tuple[int, bool]:
        """The total of a page, and whether there may be more matches than that."""
        return counting.total(len(self.places), is_all=self.is_all)


class Lookup:
    """The matches of some criteria, within a :func:`snapshot`.

    ``is_costly`` tells that finding matches may cost far more than reading them. Raises
    InvalidQuery when a prefix stands for too many words.
    """

    def __init__(self, conn: sqlite3.Connection, criteria: Criteria) -> None:
        self._conn = conn
        self.criteria = criteria
        self.match: Match = match(criteria, self._words_from)
        self._sample = Sample(conn)
        is_composed = len(self.match.required) > _FREELY_JOINED
        self.is_costly = is_composed or self.match.is_wide
        if is_composed and not self.match.is_impossible:
            self.match = self.match.ordered(self._amounts)
        self._bound: dict[str, Any] = {"match": self.match.query(), **conditions.bound(criteria)}
        self.shape = Shape(not self.match.is_empty, conditions.named(self._bound) - {"match"})

    @property
    def is_everything(self) -> bool:
        """Whether every posting matches."""
        return not self.shape.words and not self.shape.conditions

    def page(
        self,
        shape: Shape,
        limit: int,
        columns: tuple[str, ...] = (),
        texts: tuple[str, ...] = (),
        **bound: Any,
    ) -> list[Row]:
        """Return the rows of :func:`jobstore.engines.sqlite.search.statements.page`."""
        return self._rows(statements.page(shape, columns, texts), limit=limit, **bound)

    @cached_property
    def newest(self) -> list[int]:
        """The places of the newest matches, at most one more than MAX_SORTED."""
        return self.places(MAX_SORTED + 1)

    def places(self, limit: int) -> list[int]:
        """Return the places of the newest matches, newest first."""
        return self._place_list(self.shape, limit=limit)

    @cached_property
    def counted(self) -> Counted:
        """The newest matches, counted within the budget, but at most one more than MAX_COUNTED."""
        most, least = counting.MAX_COUNTED + 1, counting.LEAST_COUNTED
        if not self._has_budget:
            places = self.places(most)
            return Counted(places, is_all=len(places) < most)
        # FTS5 has no end but that of its lists: told where to stop, it still goes on to the next
        # match. So those that a page needs come first, and only then it is looked how far to go; by
        # then the next match is not far.
        places = self.places(least)
        if len(places) < least:
            return Counted(places, is_all=True)
        floor = self._floor()
        if floor is None or places[-1] >= floor:
            shape, bound = self.shape.also("below"), {"below": places[-1]}
            if floor is not None:
                shape, bound = shape.also("down_to"), bound | {"down_to": floor}
            places += self._place_list(shape, limit=most - least, **bound)
        return Counted(places, is_all=floor is None and len(places) < most)

    def having(self, word: str, limit: int) -> list[int]:
        """Return the places of the newest matches that have one more facet word."""
        shape = self.shape._replace(words=True)
        return self._place_list(shape, limit=limit, match=self.match.query(word))

    def highest(self, column: str, floor: float, ceiling: float) -> int | float | None:
        """Return the highest number, from ``floor`` to below ``ceiling``, of any posting."""
        sql = statements.highest(column)
        number: int | float | None = self._rows(sql, floor=floor, ceiling=ceiling)[0][0]
        return number

    def total(self, first: Sequence[int] = ()) -> tuple[int, bool]:
        """Return the total of a page, and whether there may be more matches than that.

        ``first`` are the places of the newest matches, as many as are known.
        """
        most, least = counting.MAX_COUNTED + 1, counting.LEAST_COUNTED
        known: list[int] | None = self.__dict__.get("newest")
        if known is not None and (len(known) <= MAX_SORTED or len(known) >= most):
            return counting.total(len(known))
        if self.match.is_plain:
            return counting.total(self._number(statements.capped(self.shape), limit=most))
        if self.is_costly or "counted" in self.__dict__ or len(first) < least:
            return self.counted.total
        if (floor := self._floor()) is None:
            return counting.total(self._number(statements.capped(self.shape), limit=most))
        if first[least - 1] < floor:
            return counting.total(least, is_all=False)
        sql = statements.capped(self.shape.also("down_to"))
        return counting.total(self._number(sql, limit=most, down_to=floor), is_all=False)

    def count(self) -> int:
        """Count all matches."""
        return self._number(statements.count(self.shape))

    def rows_at(
        self, places: Sequence[int], columns: tuple[str, ...], texts: tuple[str, ...] = ()
    ) -> list[Row]:
        """Return the rows of :func:`jobstore.engines.sqlite.search.statements.rows_at`."""
        return self._rows(statements.rows_at(columns, texts), places=json.dumps(places))

    def ranked_at(
        self, places: Sequence[int], column: str, limit: int, after: Sequence[Any] | None
    ) -> list[Row]:
        """Return the rows of :func:`jobstore.engines.sqlite.search.statements.ranked_at`; ``after``
        is the position that they follow."""
        sql = statements.ranked_at(column, below=bool(after))
        bound = dict(zip(("rank", "after_at", "after_tie"), after or (), strict=False))
        return self._rows(sql, places=json.dumps(places), limit=limit, **bound)

    def _place_list(self, shape: Shape, **bound: Any) -> list[int]:
        found: list[int] = json.loads(self._rows(statements.place_list(shape), **bound)[0][0])
        return found

    @cached_property
    def _amounts(self) -> dict[Part, int]:
        """How many of the newest postings have each part."""
        return self._sample.amounts(self.match.required)

    @property
    def _has_budget(self) -> bool:
        """Whether counting may have to end before the last match."""
        # Many alternatives take longer to be sought than to be read, so they are sought once.
        return not (
            conditions.FEW & self.shape.conditions
            or self.match.is_plain
            or self.match.is_wide
            or self._sample.is_whole
        )

    def _floor(self) -> int | None:
        """Return the place down to which matches are counted, ``None`` for all of them."""
        if not self._has_budget:
            return None
        since, until = map(self._bound.get, ("posted_since", "posted_until"))
        return self._sample.floor(self.match, self._amounts, since, until)

    def _words_from(self, stem: str, limit: int) -> list[str]:
        found: list[str] = []
        again = _PASSED
        while again == _PASSED:
            # No word has a character below U+0001, so this is the least text after it.
            start = found[-1] + "\x01" if found else stem
            with closing(self._conn.execute(_SQL["words_from"], {"start": start})) as rows:
                for (word,) in watched(rows):
                    if found and word == found[-1]:
                        again += 1
                        if again == _PASSED:
                            break
                    elif len(found) == limit or not word.startswith(stem):
                        return found
                    else:
                        found.append(word)
                        again = 0
                else:
                    return found
        return found

    def _rows(self, sql: str, **bound: Any) -> list[Row]:
        look()
        return self._conn.execute(sql, self._bound | bound).fetchall()

    def _number(self, sql: str, **bound: Any) -> int:
        number: int = self._rows(sql, **bound)[0][0]
        return number
