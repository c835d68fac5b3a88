"""One search on one connection: the criteria, made ready for any number of statements.

Three ways lead to matches. Walking goes through postings in the order of the answer, and looks
at each; it is short where matches are common. Gathering takes all matches from the index of words,
and sorts them; it is short where they are rare. In between, the matches of the index are compared
with the first postings of the order, as many as ought to have enough, and only what both have is
read. How common matches are is seen from the statistics that the server keeps: from what is stored
alone, never from a clock. The server's own choice would be to walk until a page is full, which
takes seconds where common words seldom meet.

Which pages these make is decided in :mod:`.sorting` and :mod:`.pages`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from jobstore.derived.facet_words import APPLICANTS, EXPIRES, YEARLY_MAX, Buckets
from jobstore.engines import conditions, named_statements
from jobstore.engines.postgres.search import statements
from jobstore.engines.postgres.search.match import lacking, match
from jobstore.engines.postgres.search.statements import Shape
from jobstore.search import counting
from jobstore.search.criteria import Criteria

_SQL = named_statements.load("postgres")

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]

WALKED = 1000
"""So many postings are walked through at least, and more where a page may need them."""
GATHERED = 5000
"""Where up to so many matches of a word are expected, all are gathered: as many are expected of
each word that statistics do not know."""
TRIED = 2000
"""The same for several words; and where there are more than expected, it is ended at so many."""
WALKING = 36
"""Walking past a posting takes about as long as reading so many entries of the index of words,
since its words lie outside of its row (``make bench-postgres`` prints both)."""
# Reading a match's row takes as long as passing so many in the index of an order.
_PASSING = 16
# What is estimated may be off by so many times.
_MARGIN = 2
# So many times as far it is looked, where too little was found.
_FAR = 8

# The words of postings that do not state what ranks.
_MISSING: dict[str, Buckets] = {
    "yearly_max": YEARLY_MAX,
    "applicant_count": APPLICANTS,
    statements.SOONEST: EXPIRES,
}


class Counted(NamedTuple):
    """How many matches were counted, and whether that is all."""

    amount: int
    is_all: bool

    @property
    def total(self) -> tuple[int, bool]:
        """The total of a page, and whether there may be more matches than that."""
        return counting.total(self.amount, is_all=self.is_all)


class Lookup:
    """The matches of some criteria, within a transaction that sees one state of the store."""

    def __init__(self, conn: Connection, criteria: Criteria, *, counts: bool = False) -> None:
        """``counts``: whether a total will be asked for, which a page may find on its way."""
        self._conn = conn
        self._counts = counts
        self.criteria = criteria
        found = match(criteria)
        self._bound = conditions.bound(criteria)
        if found.query is not None:
            self._bound["match"] = found.query
        if found.phrases is not None:
            self._bound["phrases"] = found.phrases
        self.shape = Shape(conditions.named(self._bound))
        self._plans: dict[tuple[str, Any], float] = {}
        self._required = found.required
        self._may_walk = True
        self._counted: Counted | None = None

    def unranked(self, ranked_by: str) -> tuple[Shape, dict[str, Any]]:
        """Return the shape of those matches that do not state what ranks, and what is bound."""
        word = _MISSING[ranked_by].missing()
        shape = self.shape.also(f"without_{ranked_by}", "match")
        return shape, {"match": lacking(self._bound.get("match"), word)}

    async def page(
        self, shape: Shape, limit: int, columns: tuple[str, ...] = (), **bound: Any
    ) -> list[Row]:
        """Return the first ``limit`` rows of a shape in its order: the columns of
        :data:`.statements.LISTED`, the rank if there is one, and ``columns``."""
        if shape.is_listed:
            sql = statements.listed(shape, columns)
            return await self._rows(sql, walks=True, limit=limit, **bound)
        if shape.conditions & conditions.FEW:
            rows, amount = await self._gathered(shape, limit, None, columns, **bound)
            self._has_counted(shape, Counted(amount, is_all=True))
            return rows
        if shape == self.shape and self._counted is not None and self._counted.is_all:
            expected: float = self._counted.amount
        else:
            expected = await self._expected(shape, bound)
        if expected <= (GATHERED if len(self._required) == 1 else TRIED):
            rows, amount = await self._gathered(shape, limit, TRIED, columns, **bound)
            if amount < TRIED:
                self._has_counted(shape, Counted(amount, is_all=True))
                return rows
            if amount > counting.MAX_COUNTED:
                self._has_counted(shape, Counted(amount, is_all=False))
            expected = max(expected, TRIED)
        # So many postings ought to have as many matches.
        among = await self._expected(shape, bound, among=True)
        enough = math.ceil(limit * among / expected)
        if enough * WALKING <= (await self._entries() if self._required else expected):
            most = max(WALKED, _MARGIN * enough)
            rows = await self._walked(shape, limit, most, columns, **bound)
            if len(rows) >= limit:
                return rows
            expected = min(expected, _MARGIN * limit * among / most)
            enough = _FAR * most
        else:
            enough *= _MARGIN
        passing = _PASSING
        while enough < min(among, passing * expected):
            # What two indexes say is compared, and only matches up to there are read.
            found = await self._rows(statements.nth(shape), walks=True, most=enough, **bound)
            if not found:
                break
            near = bound | _bottom(found[0])
            rows, _ = await self._gathered(shape.also("bottom"), limit, None, columns, **near)
            if len(rows) >= limit:
                return rows
            # Those that are left are few, if they are not all of them older.
            expected = min(expected, _MARGIN * limit * among / enough)
            enough, passing = _FAR * enough, 1
        rows, amount = await self._gathered(shape, limit, None, columns, **bound)
        self._has_counted(shape, Counted(amount, is_all=True))
        return rows

    async def all(self, shape: Shape, columns: tuple[str, ...], **bound: Any) -> list[Row]:
        """Return all rows of a shape with bounds that few postings lie between."""
        rows, _ = await self._gathered(shape, None, None, columns, **bound)
        return rows

    async def rows_at(self, ids: list[bytes], columns: tuple[str, ...]) -> dict[bytes, Row]:
        """Return ``columns`` of some postings, by their ids."""
        uuids = [UUID(bytes=id) for id in ids]
        rows = await self._rows(statements.rows_at(columns), ids=uuids)
        return {row[0]: row[1:] for row in rows}

    async def counted(self, known: int = 0) -> Counted:
        """Return how many matches there are, as far as it is cheap to count them; ``known`` have
        been found already."""
        if self._counted is None:
            self._counted = await self._count()
        least = counting.LEAST_COUNTED
        if max(known, self._counted.amount) < least and not self._counted.is_all:
            found = len(await self.page(self.shape, least))
            self._counted = Counted(found, is_all=found < least)
        return self._counted._replace(amount=max(known, self._counted.amount))

    async def newest(self, columns: tuple[str, ...], known: int = 0) -> list[Row]:
        """Return ``columns`` of those newest matches that :meth:`counted` tells, newest first."""
        most = counting.MAX_COUNTED + 1
        if self._counted is None and await self._is_counted_whole():
            # What is read then is counted as well.
            rows = await self.page(self.shape, most, columns)
            self._has_counted(self.shape, Counted(len(rows), is_all=len(rows) < most))
            return [row[len(statements.LISTED) :] for row in rows]
        counted = await self.counted(known)
        rows = await self.page(self.shape, min(counted.amount, most), columns)
        return [row[len(statements.LISTED) :] for row in rows]

    async def count(self) -> int:
        """Count all matches."""
        if "match" not in self._bound:
            return await self._single(statements.count(self.shape), walks=True)
        return await self._single(statements.capped(self.shape), walks=False, most=None)

    async def _count(self) -> Counted:
        if not await self._is_counted_whole():
            sql = statements.counted(self.shape)
            return Counted(await self._single(sql, walks=True, most=WALKED), is_all=False)
        most, sql = counting.MAX_COUNTED + 1, statements.capped(self.shape)
        amount = await self._single(sql, walks=self.shape.is_listed, most=most)
        return Counted(amount, is_all=amount < most)

    async def _is_counted_whole(self) -> bool:
        """Tell whether all matches are counted, as far as a total tells them, or a lower bound."""
        if self.shape.is_listed or self.shape.conditions & conditions.FEW:
            return True
        return await self._entries() <= counting.BUDGET

    def _has_counted(self, shape: Shape, counted: Counted) -> None:
        if shape == self.shape and (counted.is_all or self._counted is None):
            self._counted = counted

    async def _walked(
        self, shape: Shape, limit: int, most: int, columns: tuple[str, ...], **bound: Any
    ) -> list[Row]:
        """Return the first ``limit`` rows among the first ``most`` ones of the order."""
        bound |= {"walks": True, "limit": limit, "most": most}
        # A total follows from what is stored, and not from how much a page shows.
        is_total = self._counts and shape == self.shape and self._counted is None and most == WALKED
        if not is_total or await self._is_counted_whole():
            return await self._rows(statements.walked(shape, columns), **bound)
        rows = await self._rows(statements.surveyed(shape, columns), **bound)
        self._has_counted(shape, Counted(rows[0][-1] if rows else 0, is_all=False))
        return [row[:-1] for row in rows]

    async def _gathered(
        self,
        shape: Shape,
        limit: int | None,
        most: int | None,
        columns: tuple[str, ...],
        **bound: Any,
    ) -> tuple[list[Row], int]:
        """Return the first ``limit`` rows of a shape, and how many of up to ``most`` there are."""
        sql = statements.gathered(shape, columns)
        rows = await self._rows(sql, walks=False, limit=limit, most=most, **bound)
        return [row[:-1] for row in rows], rows[0][-1] if rows else 0

    async def _expected(self, shape: Shape, bound: dict[str, Any], *, among: bool = False) -> float:
        """Return how many matches the server expects by its statistics; or ``among`` how many."""
        key = statements.foreseen(shape, not among), bound.get("match")
        if key not in self._plans:
            ((plan,),) = await self._rows(key[0], **bound)
            self._plans[key] = float(plan[0]["Plan"]["Plan Rows"])
        return self._plans[key]

    async def _entries(self) -> float:
        """Return about how many entries of the index of words are read: those of the rarest."""
        shape = Shape(frozenset(("match",)))
        return min([await self._expected(shape, {"match": each}) for each in self._required] or [0])

    async def _rows(self, sql: str, *, walks: bool | None = None, **bound: Any) -> list[Row]:
        """Return the rows of a statement; ``walks``: whether the server may walk, where it must, or
        must not."""
        if walks is not None and walks != self._may_walk:
            self._may_walk = walks
            await self._rows(_SQL["use_walks"], switch="on" if walks else "off")
        # As bytes, since psycopg takes text only as it stands in a program.
        cursor = await self._conn.execute(sql.encode(), self._bound | bound, prepare=False)
        return await cursor.fetchall()

    async def _single(self, sql: str, *, walks: bool, **bound: Any) -> int:
        number: int = (await self._rows(sql, walks=walks, **bound))[0][0]
        return number


def _bottom(keys: Row) -> dict[str, Any]:
    """Return what is bound to the place in an order that has these keys."""
    names = ("bottom_rank", "bottom_at", "bottom_tie", "bottom_id")
    return dict(zip(names[-len(keys) :], keys, strict=True))
