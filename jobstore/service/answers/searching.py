"""Searches, and what the store is asked about many postings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from jobstore.errors import Fault, InvalidQuery
from jobstore.records import FacetCount, JobSummary, SearchQuery, Statistics
from jobstore.search.criteria import FACETS
from jobstore.service.parameters import suggested
from jobstore.store import JobStore

Answer = dict[str, Any]

FIELDS = tuple(each.name for each in fields(JobSummary))
"""What a posting of a page has."""


async def search(
    store: JobStore,
    query: SearchQuery,
    *,
    limit: int,
    cursor: str | None = None,
    facets: Iterable[str] = (),
    only: Iterable[str] = (),
) -> Answer:
    """Return a page: ``items``, ``next_cursor``, ``total`` and whether it is exact, ``facets``.

    ``only`` are the fields of each posting that are wanted, all without it. Raises InvalidQuery.
    """
    wanted = _checked(only, FIELDS)
    page = await store.search(
        query,
        limit=limit,
        cursor=cursor,
        facets=tuple(facets),
        snippets=not wanted or "snippet" in wanted,
    )
    return {
        "items": _narrowed(page.items, wanted),
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_is_exact": not page.total_capped,
        "facets": page.facets,
        "notes": page.notes,
    }


async def statistics(store: JobStore) -> Statistics:
    """Return totals and breakdowns of all that is stored."""
    return await store.statistics()


async def values(store: JobStore, field: str, query: SearchQuery) -> list[FacetCount]:
    """Return the most frequent values of a field among what matches. Raises InvalidQuery."""
    if field not in FACETS:
        raise InvalidQuery([Fault("field", f"{field!r} {suggested(field, FACETS)}")])
    page = await store.search(query, limit=1, facets=(field,), snippets=False)
    return page.facets[field]


def _checked(only: Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(only))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InvalidQuery(
            Fault("fields", f"{each!r} {suggested(each, known)}") for each in unknown
        )
    return wanted


def _narrowed(items: list[Any], wanted: tuple[str, ...]) -> list[Any]:
    if not wanted:
        return items
    return [{name: getattr(item, name) for name in wanted} for item in items]
