"""The commands that look: search, recent, show, count and stats."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import LimitOption
from jobstore.cli.filters import takes_query
from jobstore.records import SearchQuery, Sort

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.records import Application, Job, Page
    from jobstore.store import JobStore

CursorOption = Annotated[
    str | None,
    typer.Option("--cursor", metavar="TEXT", help="Go on where a page ended (next_cursor)."),
]


@takes_query
@takes_call
def search(
    query: SearchQuery,
    call: Call,
    sort: Annotated[
        Sort,
        typer.Option(
            "--sort", metavar="ORDER", help="newest, relevance, salary, applicants or expires."
        ),
    ] = Sort.NEWEST,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", metavar="NAME", help="Count values, such as company. Repeatable."),
    ] = None,
    each_duplicate: Annotated[
        bool,
        typer.Option("--each-duplicate", help="A row for each board that has an opening."),
    ] = False,
) -> None:
    """Search the postings. An opening that several boards have is one row, with the others in it.

    JSON: {"items", "next_cursor", "total", "total_capped", "notes"}, and "facets" when asked for.
    A total is counted up to 1,000, and where that would take long less far; then there are at least
    so many and total_capped is true. Notes say how the text was understood, where it may mean
    something else.
    """
    query = dataclasses.replace(query, sort=sort, collapse_duplicates=not each_duplicate)
    facets = tuple(facet or ())
    page = call.run(lambda store: store.search(query, limit=limit, cursor=cursor, facets=facets))
    more = {"facets": page.facets} if facets else {}
    _give_page(call, page, {**more, "notes": page.notes})
    _say_notes(call, page.notes)


@takes_call
def recent(
    call: Call,
    days: Annotated[
        int, typer.Option("--days", metavar="N", help="Listed in the last N days.")
    ] = 7,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
) -> None:
    """Show the newest postings.

    JSON: {"items", "next_cursor", "total", "total_capped"}.
    """
    _give_page(call, call.run(lambda store: store.recent(days=days, limit=limit, cursor=cursor)))


@takes_call
def show(
    call: Call,
    key: Annotated[
        str, typer.Argument(metavar="ID|SOURCE", help="The posting's id (a UUID), or its source.")
    ],
    source_job_id: Annotated[
        str | None, typer.Argument(metavar="SOURCE_JOB_ID", help="Its id there, after a source.")
    ] = None,
) -> None:
    """Show one posting with everything that is known about it.

    JSON: the posting.
    """
    id = read_id(key) if source_job_id is None else None

    async def work(opened: JobStore) -> tuple[Job, list[Application]]:
        from jobstore.errors import JobNotFound

        if id is not None:
            job = await opened.get(id)
        elif (found := await opened.find(key, source_job_id or "")) is not None:
            job = found
        else:
            raise JobNotFound("No posting has this source and id.")
        # JSON is the posting alone.
        return job, [] if call.json else await opened.applications(job_id=job.id, limit=1)

    job, applications = call.run(work)

    def view() -> RenderableType:
        from jobstore.cli.views import job_view

        return job_view(job, applications[0] if applications else None)

    call.give(job, view)


@takes_query
@takes_call
def count(query: SearchQuery, call: Call) -> None:
    """Count the postings, or those that a search finds, exactly.

    JSON: {"count"}.
    """
    number = call.run(lambda store: store.count(None if query == SearchQuery() else query))
    call.give({"count": number}, f"{number:,}")

    from jobstore.search.criteria import check_query

    _say_notes(call, check_query(query).notes)


@takes_call
def stats(call: Call) -> None:
    """Show what the store holds, in figures.

    JSON: the statistics.
    """
    statistics = call.run(lambda store: store.statistics())

    def view() -> RenderableType:
        from jobstore.cli.views import statistics_view

        return statistics_view(statistics)

    call.give(statistics, view)


def read_id(text: str) -> UUID:
    """Return ``text`` as an id, or end the command as wrong usage."""
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a posting's id (a UUID)") from None


def _say_notes(call: Call, notes: list[str]) -> None:
    for note in notes:
        call.say(f"Note: {note}")


def _give_page(call: Call, page: Page, more: dict[str, Any] | None = None) -> None:
    def view() -> RenderableType:
        from jobstore.cli.views import page_view

        return page_view(page)

    answer = {
        "items": page.items,
        "next_cursor": page.next_cursor,
        "total": page.total,
        "total_capped": page.total_capped,
    }
    call.give(answer | (more or {}), view)
    if page.next_cursor:
        call.say(f"More: the same again with --cursor {page.next_cursor}")
