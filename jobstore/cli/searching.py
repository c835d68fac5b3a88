"""The commands that look: search, recent, show, count and stats."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from jobstore.cli.common import (
    STORE_DEFAULT,
    JsonOption,
    LimitOption,
    QuietOption,
    StoreOption,
    with_store,
)
from jobstore.cli.filters import takes_query
from jobstore.cli.output import console, print_json, say
from jobstore.records import SearchQuery, Sort

if TYPE_CHECKING:
    from jobstore.records import Job, Page
    from jobstore.store import JobStore

CursorOption = Annotated[
    str | None,
    typer.Option("--cursor", metavar="TEXT", help="Go on where a page ended (next_cursor)."),
]


@takes_query
def search(
    query: SearchQuery,
    sort: Annotated[
        Sort,
        typer.Option("--sort", metavar="ORDER", help="newest, relevance, salary or applicants."),
    ] = Sort.NEWEST,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", metavar="NAME", help="Count values, such as company. Repeatable."),
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Search the postings.

    JSON: {"items", "next_cursor", "total", "total_capped"}, and "facets" when asked for. A
    total is counted up to 1,000; beyond that it is 1001 and total_capped is true.
    """
    query = dataclasses.replace(query, sort=sort)
    facets = tuple(facet or ())

    async def work(opened: JobStore) -> Page:
        return await opened.search(query, limit=limit, cursor=cursor, facets=facets)

    _give_page(with_store(store, work), bool(facets), json, quiet)


def recent(
    days: Annotated[
        int, typer.Option("--days", metavar="N", help="Listed in the last N days.")
    ] = 7,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the newest postings.

    JSON: {"items", "next_cursor", "total", "total_capped"}.
    """

    async def work(opened: JobStore) -> Page:
        return await opened.recent(days=days, limit=limit, cursor=cursor)

    _give_page(with_store(store, work), False, json, quiet)


def show(
    key: Annotated[
        str, typer.Argument(metavar="ID|SOURCE", help="The posting's id (a UUID), or its source.")
    ],
    source_job_id: Annotated[
        str | None, typer.Argument(metavar="SOURCE_JOB_ID", help="Its id there, after a source.")
    ] = None,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show one posting with everything that is known about it.

    JSON: the posting.
    """
    id = read_id(key) if source_job_id is None else None

    async def work(opened: JobStore) -> Job:
        from jobstore.errors import JobNotFound

        if id is not None:
            return await opened.get(id)
        job = await opened.find(key, source_job_id or "")
        if job is None:
            raise JobNotFound("No posting has this source and id.")
        return job

    job = with_store(store, work)
    if json:
        print_json(job)
    elif not quiet:
        from jobstore.cli.views import job_view

        console().print(job_view(job))


@takes_query
def count(
    query: SearchQuery,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Count the postings, or those that a search finds, exactly.

    JSON: {"count"}.
    """

    async def work(opened: JobStore) -> int:
        return await opened.count(None if query == SearchQuery() else query)

    number = with_store(store, work)
    if json:
        print_json({"count": number})
    else:
        say(f"{number:,}", quiet=quiet)


def stats(
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show what the store holds, in figures.

    JSON: the statistics.
    """

    async def work(opened: JobStore) -> Any:
        return await opened.statistics()

    statistics = with_store(store, work)
    if json:
        print_json(statistics)
    elif not quiet:
        from jobstore.cli.views import statistics_view

        console().print(statistics_view(statistics))


def read_id(text: str) -> UUID:
    """Return ``text`` as an id, or end the command as wrong usage."""
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a posting's id (a UUID)") from None


def _give_page(page: Page, facets: bool, json: bool, quiet: bool) -> None:
    if json:
        answer = {
            "items": page.items,
            "next_cursor": page.next_cursor,
            "total": page.total,
            "total_capped": page.total_capped,
        }
        print_json(answer | {"facets": page.facets} if facets else answer)
    elif not quiet:
        from jobstore.cli.views import page_view

        console().print(page_view(page))
        if page.next_cursor:
            # In one piece, however narrow the terminal is, so that it can be copied.
            say(f"More: the same again with --cursor {page.next_cursor}")
