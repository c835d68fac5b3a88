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
from jobstore.search.criteria import Criteria

_SQL = named_statements.load("postgres")

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]

WALKED = 1000
"""So many postings are walked through first, and at least twice as many as a page has matches."""
GATHERED = 5000
"""So many matches may always be gathered at once."""
# At 1,000,000 postings walking past one takes 4.7 us of the server's processor, since its words
# lie outside of its row, and gathering a match 1.9, since it is read to be sorted. Of a word that
# 36,000 postings have, all took 68 ms, and 836 out of the newest 28,000 postings 12 ms.
# What is estimated may be off by so many times.
_MARGIN = 2
# So many times as far it is walked, where enough matches are expected there.
_FAR = 4

_DATES = ("posted_since", "posted_until")
_BOUNDS = ("salary_min", "salary_max", "applicants_min", "applicants_max")


class Counted(NamedTuple):
    """How many matches were counted, whether that is all, and how: ``walked`` says among how many
    of the newest postings, ``None`` if they were gathered."""

    amount: int
    is_all: bool
    walked: int | None = None

    @property
    def total(self) -> tuple[int, bool]:
        """The total of a page, and whether there may be more matches than that."""
        return counting.total(self.amount, is_all=self.is_all)


class Lookup:
    """The matches of some criteria, within a transaction that sees one state of the store."""

    def __init__(self, conn: Connection, criteria: Criteria) -> None:
        self._conn = conn
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
        self.shape = Shape(frozenset(self._bound))
        self._number: float | None = None
        self._planned: float | None = None
        self._counted: Counted | None = None

    async def page(
        self, shape: Shape, limit: int, columns: tuple[str, ...] = (), **bound: Any
    ) -> list[Row]:
        """Return the first ``limit`` rows of a shape in its order: the columns of
        :data:`.statements.LISTED`, the rank if there is one, and ``columns``."""
        if shape.is_listed:
            return await self._rows(statements.listed(shape, columns), limit=limit, **bound)
        walk, most = statements.walked(shape, columns), max(WALKED, 2 * limit)
        rows = await self._rows(walk, limit=limit, most=most, **bound)
        if len(rows) >= limit:
            return rows
        number = await self._postings()
        expected = max(len(rows) / most * number, await self._expected())
        if expected > GATHERED:
            enough = math.ceil(_MARGIN * limit * number / expected)
            if enough <= _FAR * WALKED:
                rows = await self._rows(walk, limit=limit, most=enough, **bound)
                if len(rows) >= limit:
                    return rows
            # Matches among as many postings of the order as ought to have enough of them: what two
            # indexes say is compared, and no others are read.
            down_to = await self._rows(statements.nth(shape), most=_MARGIN * enough, **bound)
            if down_to:
                near = bound | {"down_to": down_to[0][0]}
                rows = await self._gathered(shape.also("down_to"), limit, None, columns, **near)
                if len(rows) >= limit:
                    return [row[:-1] for row in rows]
        # What is gathered in part is of no use.
        most = round(2 * _MARGIN * max(GATHERED, expected))
        rows = await self._gathered(shape, limit, most, columns, **bound)
        amount = rows[0][-1] if rows else 0
        if shape == self.shape:
            self._counted = Counted(amount, is_all=amount < most)
        if amount < most:
            return [row[:-1] for row in rows]
        return await self._rows(statements.listed(shape, columns), limit=limit, **bound)

    async def all(self, shape: Shape, columns: tuple[str, ...], **bound: Any) -> list[Row]:
        """Return all rows of a shape with bounds that few postings lie between."""
        rows = await self._gathered(shape, None, None, columns, **bound)
        return [row[:-1] for row in rows]

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
        most = counting.MAX_COUNTED + 1
        if self.shape.is_listed:
            rows = await self.page(self.shape, most, columns)
        elif counted.amount < counting.LEAST_COUNTED and not counted.is_all:
            # A page shows that there are more.
            rows = await self.page(self.shape, min(counting.LEAST_COUNTED, most), columns)
        elif counted.walked is None:
            rows = await self._gathered(self.shape, most, None, columns)
            rows = [row[:-1] for row in rows]
        else:
            walk = statements.walked(self.shape, columns)
            rows = await self._rows(walk, limit=most, most=counted.walked)
        return [row[len(statements.LISTED) :] for row in rows]

    async def count(self) -> int:
        """Count all matches."""
        if "match" not in self._bound:
            return await self._single(statements.count(self.shape))
        ((amount,),) = await self._by_words(statements.capped(self.shape), most=None)
        return int(amount)

    async def _count(self) -> Counted:
        most = counting.MAX_COUNTED + 1
        if self.shape.is_listed:
            amount = await self._single(statements.capped(self.shape), most=most)
            return Counted(amount, is_all=amount < most)
        ((amount, walked),) = await self._rows(statements.counted(self.shape), most=WALKED)
        if walked < WALKED:
            return Counted(amount, is_all=True, walked=WALKED)
        expected = max(amount / walked * await self._postings(), await self._expected())
        if amount >= most or expected > GATHERED:
            return Counted(amount, is_all=False, walked=walked)
        ((amount,),) = await self._by_words(statements.capped(self.shape), most=most)
        return Counted(amount, is_all=amount < most)

    async def _gathered(
        self,
        shape: Shape,
        limit: int | None,
        most: int | None,
        columns: tuple[str, ...],
        **bound: Any,
    ) -> list[Row]:
        return await self._by_words(
            statements.gathered(shape, columns), limit=limit, most=most, **bound
        )

    async def _by_words(self, sql: str, **bound: Any) -> list[Row]:
        """Return rows of a statement that the server must not answer by a walk."""
        await self._rows(_SQL["use_walks"], walks="off")
        rows = await self._rows(sql, **bound)
        await self._rows(_SQL["use_walks"], walks="on")
        return rows

    async def _postings(self) -> float:
        """Return about how many postings there are, as the server keeps it."""
        if self._number is None:
            ((number,),) = await self._rows(_SQL["postings_about"])
            self._number = max(0.0, number)
        return self._number

    async def _expected(self) -> float:
        """Return how many postings the server expects to have the words, each by itself."""
        if self._planned is None:
            self._planned = 0.0
            if "match" in self._bound:
                ((plan,),) = await self._rows(_SQL["matches_about"])
                self._planned = float(plan[0]["Plan"]["Plan Rows"])
        return self._planned

    async def _rows(self, sql: str, **bound: Any) -> list[Row]:
        # As bytes, since psycopg takes text only as it stands in a program.
        cursor = await self._conn.execute(sql.encode(), self._bound | bound, prepare=False)
        return await cursor.fetchall()

    async def _single(self, sql: str, **bound: Any) -> int:
        number: int = (await self._rows(sql, **bound))[0][0]
        return number
