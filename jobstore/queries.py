"""The questions about many postings that a store answers, and its signed cursors.

What is asked is checked here; an engine finds the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobstore.collapsing import collapsed
from jobstore.engines.protocol import Asked, Engine, Found, Position
from jobstore.errors import Fault, InvalidQuery
from jobstore.events import Observer, Watch
from jobstore.postings import Postings, check_id, check_limit
from jobstore.records import NOBODY, Job, Origin, Page, Revision, SearchQuery, Sort, Statistics
from jobstore.search import cursor as cursors
from jobstore.search.criteria import Criteria, check_facets, check_query
from jobstore.search.summary import shape

# Postings read at a time by stream.
_SCAN = 256

_DAY_NONE = datetime(1, 1, 1, tzinfo=UTC)
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


class Queries(Postings):
    """The operations on single postings, and what a store is asked about many of them."""

    def __init__(
        self,
        engine: Engine,
        observers: tuple[Observer, ...],
        clock: Callable[[], datetime],
        origin: Origin = NOBODY,
    ) -> None:
        super().__init__(engine, observers, clock, origin)
        self._engine = engine

    async def search(
        self,
        query: SearchQuery | None = None,
        *,
        limit: int = 20,
        cursor: str | None = None,
        facets: Sequence[str] = (),
        snippets: bool = True,
    ) -> Page:
        """Return one page of the postings that ``query`` matches.

        ``query.text`` is a list of words that must all occur in the title, company, location,
        skills or description, in any case, with or without accents. ``"a phrase"`` must
        occur as it stands, ``-word`` or ``NOT word`` must not occur, ``prefix*`` stands for all
        words that begin so, ``a OR b`` needs one of both (``x a OR b`` means x and one of a, b),
        parentheses are groups, and ``title:``, ``company:`` or ``location:`` before any of them
        looks only there. ``C++``, ``C#``, ``.NET`` and ``R`` are words; ``node`` finds Node.js.
        ``notes`` of the page say how parts of a text were understood.

        ``query.sort``: ``newest`` (by ``posted_at``, else ``first_seen_at``), ``salary`` and
        ``applicants`` (highest first, those without one last), ``expires`` (the soonest
        ``expires_at`` first, those without one last), or ``relevance`` (where the words occur,
        ranked within each 500 of the newest matches).

        ``limit``: 1 to 1,000 postings a page. ``cursor``: the ``next_cursor`` of a page of the
        same query; pages neither repeat nor skip a posting that did not move. ``facets``:
        fields whose most frequent values are counted. ``snippets=False`` saves the time to
        cut excerpts out of descriptions.

        Raises InvalidQuery with every fault, also for a cursor that this store did not make.
        """
        with self._watch("search") as watch:
            criteria = _checked(query, watch)
            search = collapsed if query is None or query.collapse_duplicates else _every
            page = await self._page(criteria, criteria, limit, cursor, facets, snippets, search)
            watch.rows = len(page.items)
            return page

    async def recent(self, days: float = 7, limit: int = 20, *, cursor: str | None = None) -> Page:
        """Return the postings listed in the last ``days`` days (up to 36,500), newest first."""
        with self._watch("recent") as watch:
            if not is_number(days) or not 0 < days <= 36_500:
                raise InvalidQuery([Fault("days", "must be a number above 0, at most 36,500")])
            since = max(self._clock() - timedelta(days=days), _OLDEST)
            criteria = Criteria(posted_since=since)
            _tell_shape(criteria, watch)
            # The bound moves with the clock; cursors are signed for the number of days.
            signed = Criteria(posted_since=_DAY_NONE + timedelta(days=days))
            page = await self._page(criteria, signed, limit, cursor, (), False)
            watch.rows = len(page.items)
            return page

    async def _page(
        self,
        criteria: Criteria,
        signed: Criteria,
        limit: int,
        cursor: str | None,
        facets: Sequence[str],
        snippets: bool,
        search: Callable[[Engine, Criteria, Asked], Awaitable[Found]] | None = None,
    ) -> Page:
        check_limit(limit)
        key = self._engine.cursor_key
        last = None if cursor is None else cursors.decode(key, signed, cursor)
        criteria = criteria.at((last and last.as_of) or self._clock())
        after, total = (None, None) if last is None else (last.position, last.total)
        asked = Asked(limit, after, total, check_facets(facets), snippets)
        found = await (search or _every)(self._engine, criteria, asked)
        following = None
        if found.position is not None:
            known = (found.total, found.total_capped)
            mark = cursors.Mark(found.position, known, criteria.as_of)
            following = cursors.encode(key, signed, mark)
        return Page(
            items=found.items,
            next_cursor=following,
            total=found.total,
            total_capped=found.total_capped,
            facets=found.facets,
            notes=criteria.notes,
        )

    async def stream(self, query: SearchQuery | None = None) -> AsyncIterator[Job]:
        """Yield every posting that ``query`` matches, whole, newest first.

        Memory is bounded: a few hundred are read at a time. ``query.sort`` must be
        ``newest``. Postings that are written meanwhile may or may not be among them; one that
        did not move is yielded exactly once. Raises InvalidQuery.
        """
        criteria = check_query(query).at(self._clock())
        if criteria.sort is not Sort.NEWEST:
            raise InvalidQuery([Fault("sort", "a stream is always sorted by newest")])
        after: Position | None = None
        while True:
            with self._watch("stream") as watch:
                _tell_shape(criteria, watch)
                jobs, after = await self._engine.scan(criteria, limit=_SCAN, after=after)
                watch.rows = len(jobs)
            for job in jobs:
                yield job
            if after is None:
                return

    async def count(self, query: SearchQuery | None = None) -> int:
        """Count the postings that ``query`` matches, exactly.

        Without a query (or with an empty one) the kept total is read; with one, the time grows
        with the number of matches.
        """
        with self._watch("count") as watch:
            return await self._engine.count(_checked(query, watch).at(self._clock()))

    async def statistics(self) -> Statistics:
        """Return totals and breakdowns of everything stored; no posting is read for them."""
        with self._watch("statistics"):
            return await self._engine.statistics()

    async def revisions(self, id: UUID | str) -> list[Revision]:
        """Return what earlier versions of a posting held, newest first.

        Empty for a posting that never changed, and for one that does not exist.
        """
        with self._watch("revisions") as watch:
            found = await self._engine.revisions(check_id(id))
            watch.rows = len(found)
            return found


async def _every(engine: Engine, criteria: Criteria, asked: Asked) -> Found:
    return await engine.search(criteria, asked)


def _checked(query: SearchQuery | None, watch: Watch) -> Criteria:
    criteria = check_query(query)
    _tell_shape(criteria, watch)
    return criteria


def _tell_shape(criteria: Criteria, watch: Watch) -> None:
    if watch.observed:
        watch.shape = shape(criteria)


def is_number(value: object) -> bool:
    """Tell whether a value is a number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)
