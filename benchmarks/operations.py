"""The operations that are measured: a name, what it is asked, and the call on the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.draws import Draws
from jobstore.errors import InvalidQuery
from jobstore.records import SearchQuery, Sort
from jobstore.store import JobStore

Call = Callable[[JobStore], Awaitable[Any]]

FACETS = ("company", "workplace", "employment_type")
ANY_FILTERS, FOUR_FILTERS = "any filters", "four filters"
EVENLY = ", even draws"
"""What the names of operations on postings of even draws end with."""
FIFTIETH = 49
"""Pages of 20 to turn over before the fiftieth."""


@dataclass(slots=True, frozen=True)
class Operation:
    """One line of the table: its name and its calls, each with parameters of its own."""

    name: str
    calls: list[Call]


async def reading_operations(draws: Draws, store: JobStore) -> list[Operation]:
    """Return the operations that read, with parameters drawn from the data of ``store``."""
    ids = [row.id for row in draws.rows]
    keys = [(row.source, row.source_job_id) for row in draws.rows]
    common = draws.common()
    return [
        Operation("count", [lambda s: s.count()]),
        Operation("get", [_get(id) for id in ids]),
        Operation("find", [_find(*key) for key in keys]),
        Operation("recent", [_recent(1 + number % 30) for number in range(60)]),
        Operation("company search", _searches(draws.company())),
        Operation("statistics", [lambda s: s.statistics()]),
        Operation("title search", _searches(draws.title())),
        Operation("first page", _searches(draws.words())),
        Operation("fiftieth page", await _fiftieth(store, common)),
        Operation("common words", _searches(common)),
        Operation("complex query", _searches(draws.complex())),
        Operation(ANY_FILTERS, _searches(draws.filtered())),
        Operation("facets", _searches(draws.words(), facets=FACETS)),
        Operation("no match", _searches(draws.strangers())),
        Operation("prefix", await _answered(store, draws.prefix())),
        Operation("sort by salary", _searches(draws.sorted_by(Sort.SALARY))),
        Operation("sort by applicants", _searches(draws.sorted_by(Sort.APPLICANTS))),
        Operation("relevance", _searches(draws.sorted_by(Sort.RELEVANCE))),
    ]


def even_operations(draws: Draws) -> list[Operation]:
    """Return the operations that postings of even draws make hard."""
    return [
        Operation(f"first page{EVENLY}", _searches(draws.words())),
        Operation(f"{ANY_FILTERS}{EVENLY}", _searches(draws.filtered())),
        Operation(f"{FOUR_FILTERS}{EVENLY}", _searches(draws.four())),
    ]


def _get(id: Any) -> Call:
    return lambda store: store.get(id)


def _find(source: str, key: str) -> Call:
    return lambda store: store.find(source, key)


def _recent(days: int) -> Call:
    return lambda store: store.recent(days=days)


def _search(query: SearchQuery, **options: Any) -> Call:
    return lambda store: store.search(query, **options)


def _searches(queries: list[SearchQuery], **options: Any) -> list[Call]:
    return [_search(query, **options) for query in queries]


async def _answered(store: JobStore, queries: list[SearchQuery]) -> list[Call]:
    """Leave out prefixes that the store refuses as too short."""
    calls = []
    for query in queries:
        try:
            await store.search(query, limit=1)
        except InvalidQuery:
            continue
        calls.append(_search(query))
    return calls


async def _fiftieth(store: JobStore, queries: list[SearchQuery]) -> list[Call]:
    """Return calls for the fiftieth page of those queries that have so many."""
    calls: list[Call] = []
    for query in queries:
        cursor = None
        for _ in range(FIFTIETH):
            page = await store.search(query, limit=20, cursor=cursor, snippets=False)
            cursor = page.next_cursor
            if cursor is None:
                break
        else:
            calls.append(_search(query, cursor=cursor))
        if len(calls) == 40:
            break
    return calls
