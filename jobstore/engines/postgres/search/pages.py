"""Search on PostgreSQL: pages, totals and facets, each call inside one transaction.

These functions run on a connection that sees one state of the store. What SQL looks like is
in :mod:`.statements`; how a row becomes a record, in :mod:`jobstore.engines.rows`.
"""

from __future__ import annotations

import json
from asyncio import to_thread
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from jobstore.engines.page_values import TEXTS, facet_columns, summaries
from jobstore.engines.page_values import facets as facets_of
from jobstore.engines.postgres.search.lookup import Connection, Lookup, Row
from jobstore.engines.postgres.search.sorting import Hit, by_newest, by_number, by_relevance
from jobstore.engines.postgres.search.statements import GROUP, SOONEST
from jobstore.engines.protocol import Asked, Found, Position
from jobstore.engines.rows import (
    JOB_COLUMNS,
    SUMMARY_COLUMNS,
    job_from_row,
    sound,
)
from jobstore.records import Job, Sort
from jobstore.search import counting
from jobstore.search.criteria import Criteria

T = TypeVar("T")

# So many rows and characters take about a millisecond of Python, which the event loop can spare.
_ROWS, _CHARACTERS = 64, 100_000

_RANKS = {Sort.SALARY: "yearly_max", Sort.APPLICANTS: "applicant_count", Sort.EXPIRES: SOONEST}


async def search(conn: Connection, criteria: Criteria, asked: Asked) -> Found:
    """Return one page of matches."""
    limit, after, total, names, snippets, with_groups = asked
    lookup = Lookup(conn, criteria, counts=total is None)
    texts = TEXTS if snippets and criteria.text and criteria.text.required else ()
    columns = SUMMARY_COLUMNS + texts + ((GROUP,) if with_groups else ())
    hits = await _hits(lookup, criteria.sort, limit + 1, after, columns)
    values = await lookup.newest(facet_columns(names), len(hits)) if names else []
    if total is None:
        if after is None and len(hits) <= min(limit, counting.MAX_COUNTED):
            # A first page that is the last one is all there is.
            total = counting.total(len(hits))
        else:
            # The page itself may have found more than may be counted.
            total = (await lookup.counted(len(hits))).total
    more = len(hits) > limit
    hits = hits[:limit]
    rows = [hit.row for hit in hits if hit.row]
    if hits and not rows:
        found = await lookup.rows_at([hit.id for hit in hits], columns)
        rows = [found[hit.id] for hit in hits]
    groups: list[Row] = []
    if with_groups:
        groups = [each for row in rows if row[-1] for each in sound(_group)(row)]
        rows = [row[:-1] for row in rows]
    return Found(
        items=await _spared(rows, lambda: sound(summaries)(rows, criteria.text if texts else None)),
        position=hits[-1].position if more else None,
        total=total[0],
        total_capped=total[1],
        facets=await _spared(values, lambda: sound(facets_of)(names, values)),
        groups=groups,
    )


def _group(row: Row) -> list[Row]:
    """Return who is in the group of a posting, of its row of a page."""
    return [(row[0], UUID(id).bytes, source, url) for id, source, url in json.loads(row[-1])]


async def scan(
    conn: Connection, criteria: Criteria, *, limit: int, after: Position | None = None
) -> tuple[list[Job], Position | None]:
    """Return at most ``limit`` whole postings that follow ``after``, newest first, whatever
    the criteria's own order, and the position to go on from (``None`` at the end)."""
    rows, position = await scan_columns(conn, criteria, JOB_COLUMNS, limit=limit, after=after)
    jobs = await _spared(rows, lambda: [job_from_row(row) for row in rows])
    return jobs, position


async def scan_columns(
    conn: Connection,
    criteria: Criteria,
    columns: tuple[str, ...],
    *,
    limit: int,
    after: Position | None = None,
) -> tuple[list[Row], Position | None]:
    """Do what :func:`scan` does, with some columns of postings."""
    hits = await by_newest(Lookup(conn, criteria), limit + 1, after, columns)
    more = len(hits) > limit
    hits = hits[:limit]
    return [hit.row for hit in hits if hit.row], hits[-1].position if more else None


async def count(conn: Connection, criteria: Criteria) -> int:
    """Count all matches, one by one."""
    return await Lookup(conn, criteria).count()


async def _hits(
    lookup: Lookup, sort: Sort, limit: int, after: Position | None, columns: tuple[str, ...]
) -> list[Hit]:
    """Return a page in its order, with its columns if they were read on the way."""
    if sort in _RANKS:
        return await by_number(lookup, _RANKS[sort], limit, after, columns)
    if sort is Sort.RELEVANCE and lookup.criteria.text and lookup.criteria.text.required:
        return await by_relevance(lookup, limit, after)
    return await by_newest(lookup, limit, after, columns)


async def _spared(rows: Sequence[Row], work: Callable[[], T]) -> T:
    """Return what ``work`` makes of rows; on a thread, if the event loop should not wait for it."""
    size = sum(len(value) for row in rows for value in row if isinstance(value, str))
    if len(rows) <= _ROWS and size <= _CHARACTERS:
        return work()
    return await to_thread(work)
