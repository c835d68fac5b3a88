"""Search on SQLite: pages, totals and facets, each call inside one read transaction.

These functions run on the connection's own thread and await nothing. What SQL looks like is
in :mod:`.statements`; how a row becomes a record, in :mod:`~jobstore.engines.rows`.
"""

from __future__ import annotations

import sqlite3

from jobstore.derived.facet_words import APPLICANTS, EXPIRES, YEARLY_MAX, Buckets
from jobstore.engines import named_statements
from jobstore.engines.kept import Row
from jobstore.engines.page_values import TEXTS, facet_columns, summaries
from jobstore.engines.page_values import facets as facets_of
from jobstore.engines.protocol import Asked, Found, Position
from jobstore.engines.rows import (
    DETAIL_COLUMNS,
    SUMMARY_COLUMNS,
    TEXT_COLUMNS,
    job_from_row,
    sound,
)
from jobstore.engines.sqlite.search.lookup import Counted, Lookup
from jobstore.engines.sqlite.search.sorting import Hit, by_newest, by_number, by_relevance, hits_at
from jobstore.engines.sqlite.search.statements import KEYS, SOONEST
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.watch import watched
from jobstore.records import FacetCount, Job, JobSummary, Sort
from jobstore.search import counting
from jobstore.search.criteria import Criteria

_SQL = named_statements.load("sqlite")


@sound
def search(conn: sqlite3.Connection, criteria: Criteria, asked: Asked) -> Found:
    """Return one page of matches. Raises InvalidQuery for too short a prefix."""
    limit, after, total, names, snippets, groups = asked
    with snapshot(conn):
        lookup = Lookup(conn, criteria)
        if lookup.match.is_impossible:
            return Found(
                items=[],
                position=None,
                total=0,
                total_capped=False,
                facets={name: [] for name in names},
            )
        counted: Counted | None = None
        is_first = total is None and after is None
        if names or (is_first and lookup.is_costly and criteria.sort is Sort.NEWEST):
            # Matches take long to find, so they are found once, for the page and the total.
            counted = lookup.counted
        texts = TEXTS if snippets and criteria.text and criteria.text.required else ()
        hits = _hits(lookup, criteria.sort, limit + 1, after, counted, texts)
        if after is None and len(hits) <= min(limit, counting.MAX_COUNTED):
            # A first page that is the last one is all there is.
            counted = Counted([hit.place for hit in hits], is_all=True)
            total = total or counted.total
        elif total is None:
            # The page itself may have found more than may be counted.
            is_newest = after is None and criteria.sort is Sort.NEWEST
            amount, capped = lookup.total([hit.place for hit in hits] if is_newest else ())
            total = max(amount, counting.total(len(hits))[0]), capped
        more = len(hits) > limit
        hits = hits[:limit]
        items = _items(lookup, hits, criteria, texts)
        return Found(
            items=items,
            position=hits[-1].position if more else None,
            total=total[0],
            total_capped=total[1],
            facets=_facets(lookup, names, counted.places) if names and counted else {},
            groups=_groups(conn, items) if groups and items else [],
        )


@sound
def scan(
    conn: sqlite3.Connection, criteria: Criteria, *, limit: int, after: Position | None = None
) -> tuple[list[Job], Position | None]:
    """Return at most ``limit`` whole postings that follow ``after``, newest first, whatever
    the criteria's own order, and the position to go on from (``None`` at the end)."""
    columns = SUMMARY_COLUMNS + DETAIL_COLUMNS
    rows, position = scan_columns(conn, criteria, columns, TEXT_COLUMNS, limit=limit, after=after)
    return [job_from_row(row) for row in watched(rows)], position


def scan_columns(
    conn: sqlite3.Connection,
    criteria: Criteria,
    columns: tuple[str, ...],
    texts: tuple[str, ...] = (),
    *,
    limit: int,
    after: Position | None = None,
) -> tuple[list[Row], Position | None]:
    """Do what :func:`scan` does, with some columns of postings, and of their texts."""
    with snapshot(conn):
        lookup = Lookup(conn, criteria)
        if lookup.match.is_impossible:
            return [], None
        hits = by_newest(lookup, limit + 1, after, columns, texts)
    more = len(hits) > limit
    hits = hits[:limit]
    return [hit.row for hit in hits if hit.row], hits[-1].position if more else None


def count(conn: sqlite3.Connection, criteria: Criteria) -> int:
    """Count all matches, one by one."""
    with snapshot(conn):
        lookup = Lookup(conn, criteria)
        return 0 if lookup.match.is_impossible else lookup.count()


_NUMBERS: dict[Sort, tuple[str, Buckets]] = {
    Sort.SALARY: ("yearly_max", YEARLY_MAX),
    Sort.APPLICANTS: ("applicant_count", APPLICANTS),
    Sort.EXPIRES: (SOONEST, EXPIRES),
}


def _hits(
    lookup: Lookup,
    sort: Sort,
    limit: int,
    after: Position | None,
    counted: Counted | None,
    texts: tuple[str, ...],
) -> list[Hit]:
    """Return a page in its order; ``counted`` are the newest matches, if known."""
    if sort in _NUMBERS:
        column, scale = _NUMBERS[sort]
        return by_number(lookup, column, scale, limit, after)
    if sort is Sort.RELEVANCE:
        return by_relevance(lookup, limit, after)
    if counted is None or after is not None:
        return by_newest(lookup, limit, after, SUMMARY_COLUMNS, texts)
    hits = hits_at(lookup, counted.places[:limit], SUMMARY_COLUMNS, texts)
    if len(hits) < limit and not counted.is_all:
        last = hits[-1].position
        hits += by_newest(lookup, limit - len(hits), last, SUMMARY_COLUMNS, texts)
    return hits


def _items(
    lookup: Lookup, hits: list[Hit], criteria: Criteria, texts: tuple[str, ...]
) -> list[JobSummary]:
    if hits and not hits[0].row:
        hits = hits_at(lookup, [hit.place for hit in hits], SUMMARY_COLUMNS, texts)
    rows = [hit.row for hit in hits if hit.row]
    return summaries(rows, criteria.text if texts else None, watched)


def _groups(conn: sqlite3.Connection, items: list[JobSummary]) -> list[Row]:
    ids = b"".join([item.id.bytes for item in items])
    return conn.execute(_SQL["groups_of"], (ids,)).fetchall()


def _facets(
    lookup: Lookup, names: tuple[str, ...], places: list[int]
) -> dict[str, list[FacetCount]]:
    """Count values among the postings at some places."""
    rows = lookup.rows_at(places, facet_columns(names))
    return facets_of(names, [row[len(KEYS) :] for row in rows], watched)
