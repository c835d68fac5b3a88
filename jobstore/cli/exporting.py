"""The command that passes postings on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import spare
from jobstore.cli.filters import takes_query
from jobstore.cli.output import counted
from jobstore.records import SearchQuery

if TYPE_CHECKING:
    from jobstore.records import Job
    from jobstore.store import JobStore


@takes_query
@partial(takes_call, json=False)
def export(
    query: SearchQuery,
    call: Call,
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="jsonl, csv or schema-org.")
    ] = "jsonl",
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to; packed if it ends in .gz. - is stdout.",
        ),
    ] = "-",
    spreadsheet_safe: Annotated[
        bool,
        typer.Option(
            "--spreadsheet-safe",
            help="csv: put an apostrophe before what a spreadsheet would compute.",
        ),
    ] = False,
    applications: Annotated[
        bool,
        typer.Option(
            "--applications",
            help="jsonl: with your applications, their stages, notes and contacts.",
        ),
    ] = False,
) -> None:
    """Write postings out: all of them, or those that a search finds.

    The newest come first. A file is written whole or not at all. jsonl keeps all that a source
    said, the status and when it was seen, and `jobstore import` takes it back; versions, revisions
    and applications are the store's own and begin anew. schema-org leaves out what it has no
    property for, such as attributes.
    """
    from jobstore.cli.progress import Progress
    from jobstore.exchange import EXPORT_FORMATS, export

    if format not in EXPORT_FORMATS:
        raise typer.BadParameter(f"choose from {', '.join(EXPORT_FORMATS)}", param_hint="--format")
    if spreadsheet_safe and format != "csv":
        raise typer.BadParameter("is for --format csv", param_hint="--spreadsheet-safe")
    if applications and format != "jsonl":
        raise typer.BadParameter("is for --format jsonl", param_hint="--applications")
    if output != "-":
        spare(output, "--output", call.settings.store.url)
    filter = None if query == SearchQuery() else query

    async def work(opened: JobStore) -> int:
        total = await opened.count(filter)
        tracked = await _tracked(opened) if applications else None
        with Progress("export", total, quiet=call.quiet) as progress:

            async def jobs() -> AsyncGenerator[Job, None]:
                async for job in opened.stream(filter):
                    yield job
                    progress.advance(1, 1)

            async with aclosing(jobs()) as listed:
                return await export(
                    listed, output, format, spreadsheet_safe=spreadsheet_safe, beside=tracked
                )

    call.say(f"{counted(call.run(work), 'posting')} written")


async def _tracked(store: JobStore) -> Callable[[Job], dict[str, Any]]:
    """Return what gives the applications for a posting, as an export holds them."""
    from jobstore.lifecycle.applying import as_mapping

    found: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    async for each in store.stream_applications():
        found[each.job_id].append(as_mapping(each))
    return lambda job: {"applications": found[job.id]} if job.id in found else {}
