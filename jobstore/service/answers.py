"""What the store answers, as plain values: the same, whoever asks.

Each function asks the store once and returns what is written as JSON. Who asks, and how an answer
is dressed, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any
from uuid import UUID

from jobstore.errors import Fault, InvalidQuery, JobNotFound
from jobstore.records import Job, JobSummary, SearchQuery
from jobstore.service.parameters import suggested
from jobstore.store import JobStore

Answer = dict[str, Any]

FIELDS_OF_SUMMARY = tuple(each.name for each in fields(JobSummary))
FIELDS_OF_JOB = tuple(each.name for each in fields(Job))


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
    wanted = _checked(only, FIELDS_OF_SUMMARY)
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


async def posting(store: JobStore, id: UUID) -> Job:
    """Return a posting by its id. Raises JobNotFound."""
    return await store.get(id)


async def posting_of(store: JobStore, source: str, source_job_id: str) -> Job:
    """Return a posting by its key. Raises JobNotFound."""
    found = await store.find(source, source_job_id)
    if found is None:
        raise JobNotFound("No posting has this source and id.")
    return found


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
