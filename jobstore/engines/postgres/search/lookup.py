"""One search on one connection: the criteria, made ready for any number of statements.

There are two ways to matches. Walking goes through postings in the order of the answer, and looks
at each; it is short where matches are common. Gathering takes all matches from the index of words,
and sorts them; it is short where they are rare. How common they are is seen from the first postings
that are walked through, and from the statistics that the server keeps: from what is stored
alone, never from a clock. The server's own choice goes by the words of a query one by one, and
takes seconds where common ones seldom meet; here each walk has an end.

Which pages these make is decided in :mod:`.sorting` and :mod:`.pages`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from jobstore.derived.micros import to_micros
from jobstore.engines import named_statements
from jobstore.engines.postgres.search import statements
from jobstore.engines.postgres.search.match import match
from jobstore.engines.postgres.search.statements import Shape
from jobstore.search import counting
from jobstore.search.criteria import CHANGED, UNTRACKED, Criteria

_SQL = named_statements.load("postgres")

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]

WALKED = 1000
"""So many postings are walked through at least, and more where a page may need them."""
GATHERED = 2000
"""Up to so many matches are gathered whole."""
WALKING = 36
"""Walking past a posting takes about as long as reading so many entries of the index of words,
since its words lie outside of its row (``make bench-postgres`` prints both)."""
# What is estimated may be off by so many times.
_MARGIN = 2
# So many times as far it is looked, where too little was found.
_FAR = 8

_DATES = ("posted_since", "posted_until")
_BOUNDS = ("salary_min", "salary_max", "applicants_min", "applicants_max")


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
        self._bound: dict[str, Any] = {}
        if found.query is not None:
            self._bound["match"] = found.query
        if found.phrases is not None:
            self._bound["phrases"] = found.phrases
        for name in _DATES:
            if (moment := getattr(criteria, name)) is not None:
                self._bound[name] = to_micros(moment)
        for name in _BOUNDS:
            if (number := getattr(criteria, name)) is not None:
                self._bound[name] = number
        if criteria.as_of is not None and criteria.expired is not None:
            name = "expired" if criteria.expired else "not_expired"
            self._bound[name] = to_micros(criteria.as_of)
        if criteria.application == UNTRACKED:
            self._bound["untracked"] = None
        elif criteria.application:
            self._bound["application"] = [*criteria.application]
        conditions = {*self._bound}
        if criteria.changed is not None:
            at, id, until_at, until_id = criteria.changed
            values = (at, UUID(bytes=id), until_at, UUID(bytes=until_id))
            self._bound |= zip(CHANGED, values, strict=True)
            conditions.add("changed")
        self.shape = Shape(frozenset(conditions))
        self._plans: dict[str, float] = {}
        self._may_walk = True
        self._counted: Counted | None = None

    async def page(
        self, shape: Shape, limit: int, columns: tuple[str, ...] = (), **bound: Any
    ) -> list[Row]:
        """Return the first ``limit`` rows of a shape in its order: the columns of
        :data:`.statements.LISTED`, the rank if there is one, and ``columns``."""
        if shape.is_listed:
            sql = statements.listed(shape, columns)
            return await self._rows(sql, walks=True, limit=limit, **bound)
        expected = await self._expected(shape)
        if expected <= GATHERED:
            # What is gathered in part is of no use; it tells that there are more.
            most = 2 * _MARGIN * GATHERED
            rows, amount = await self._gathered(shape, limit, most, columns, **bound)
            if amount < most:
                self._has_counted(shape, Counted(amount, is_all=True))
                return rows
            expected = most
        # So many postings ought to have as many matches.
        among = await self._expected(shape, among=True)
        enough = math.ceil(limit * among / expected)
        if enough * WALKING <= expected:
            rows = await self._walked(shape, limit, max(WALKED, _MARGIN * enough), columns, **bound)
            if len(rows) >= limit:
                return rows
            enough = max(WALKED, _MARGIN * enough) * _FAR
        else:
            enough *= _MARGIN
        while enough < among:
            # What two indexes say is compared, and only matches up to there are read.
            found = await self._rows(statements.nth(shape), walks=True, most=enough, **bound)
            if not found:
                break
            near = bound | _bottom(found[0])
            rows, amount = await self._gathered(shape.also("bottom"), limit, None, columns, **near)
            if len(rows) >= limit:
                if expected > counting.BUDGET:
                    self._has_counted(shape, Counted(amount, is_all=False))
                return rows
            enough *= _FAR
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

    async def counted(self) -> Counted:
        """Return how many matches there are, as far as it is cheap to count them."""
        if self._counted is None:
            self._counted = await self._count()
        return self._counted

    async def newest(self, columns: tuple[str, ...]) -> list[Row]:
        """Return ``columns`` of those newest matches that :meth:`counted` tells, newest first."""
        counted = await self.counted()
        # Where fewer were counted, a page shows that there are more.
        least = 0 if counted.is_all else counting.LEAST_COUNTED
        most = min(max(counted.amount, least), counting.MAX_COUNTED + 1)
        if self.shape.is_listed or not counted.is_all:
            rows = await self.page(self.shape, most, columns)
        else:
            rows, _ = await self._gathered(self.shape, most, None, columns)
        return [row[len(statements.LISTED) :] for row in rows]

    async def count(self) -> int:
        """Count all matches."""
        if "match" not in self._bound:
            return await self._single(statements.count(self.shape), walks=True)
        return await self._single(statements.capped(self.shape), walks=False, most=None)

    async def _count(self) -> Counted:
        most = counting.MAX_COUNTED + 1
        if self.shape.is_listed:
            amount = await self._single(statements.capped(self.shape), walks=True, most=most)
            return Counted(amount, is_all=amount < most)
        if await self._expected(self.shape) <= counting.BUDGET:
            amount = await self._single(statements.capped(self.shape), walks=False, most=most)
            return Counted(amount, is_all=amount < most)
        amount = await self._single(statements.counted(self.shape), walks=True, most=WALKED)
        return Counted(amount, is_all=False)

    def _has_counted(self, shape: Shape, counted: Counted) -> None:
        if shape == self.shape and (counted.is_all or self._counted is None):
            self._counted = counted

    async def _walked(
        self, shape: Shape, limit: int, most: int, columns: tuple[str, ...], **bound: Any
    ) -> list[Row]:
        """Return the first ``limit`` rows among the first ``most`` ones of the order."""
        bound |= {"walks": True, "limit": limit, "most": most}
        is_total = self._counts and shape == self.shape and self._counted is None
        if not is_total or await self._expected(shape) <= counting.BUDGET:
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

    async def _expected(self, shape: Shape, *, among: bool = False) -> float:
        """Return how many matches the server expects by its statistics; or ``among`` how many."""
        sql = statements.foreseen(shape, not among)
        if sql not in self._plans:
            ((plan,),) = await self._rows(sql)
            self._plans[sql] = float(plan[0]["Plan"]["Plan Rows"])
        return self._plans[sql]

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
