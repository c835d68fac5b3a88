"""The command that deletes: postings that are named, or those that filters find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import YesOption, confirm
from jobstore.cli.filters import TEXT_OPTION, takes_query
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.output import counted, fail_if, print_json, say
from jobstore.cli.searching import read_id
from jobstore.errors import JobStoreError
from jobstore.records import ApplicationState, SearchQuery

if TYPE_CHECKING:
    from jobstore.records import JobSummary
    from jobstore.store import JobStore

# Postings that are deleted at a time, and the most whose titles are shown before.
_STEP = 256
_SHOWN = 5


@partial(takes_query, text=TEXT_OPTION)
@takes_call
def delete(
    query: SearchQuery,
    call: Call,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", show_default=False, help="Ids of postings (UUIDs)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count them and delete nothing.")
    ] = False,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge",
            help="Leave no word of them in the store's files; others wait meanwhile.",
        ),
    ] = False,
    yes: YesOption = False,
) -> None:
    """Delete postings with everything kept about them, after asking: by ids, or by filters.

    That they were deleted, when and by whom, stays in their history, without their content. With
    --purge the store is then written anew as by 'vacuum --stop-writers': no word of theirs is left
    in its files, and logs, archives and backups from before keep them until they are removed.

    With filters, such as --source, all that they find are deleted, once they were counted and the
    newest shown, and no more than were counted. Interrupting (Ctrl-C, SIGTERM) keeps the
    others; the same again goes on.

    An id that is not in the store is named, and the exit code is 1 then; the others are deleted.
    Answering no gives 1 as well; without a terminal to ask on, --yes is needed, or else the
    exit code is 2.

    Applications go with their postings; the question says for how many postings there are some.

    JSON: {"deleted", "missing", "matched", "tracked"}: how many are gone, which ids were not there,
    how many were found, and how many of these have applications.
    """
    wanted = list(dict.fromkeys(map(read_id, ids or ())))
    by_filters = query != SearchQuery()
    if by_filters == bool(wanted):
        how = "ids or filters, not both" if wanted else "ids, or filters such as --source"
        raise typer.BadParameter(f"give {how}; nothing was deleted", param_hint="ID")
    done = _Done()
    if by_filters:
        _by_filters(call, query, done, dry_run, yes)
    else:
        _by_ids(call, wanted, done, dry_run, yes)
    if purge and not dry_run:
        _purge(call)
    number = counted(done.matched if dry_run else done.deleted, "posting")
    call.report(
        done, f"{number}{done.with_them} would be deleted." if dry_run else f"Deleted {number}."
    )
    missing = ", ".join(map(str, done.missing))
    fail_if([f"Not in the store: {missing}"] if missing else [])


def _purge(call: Call) -> None:
    from jobstore.engines import upkeep_of

    url = call.settings.store.address
    call.say("Writing the store anew without them; others who write wait meanwhile.")
    with call.steps() as steps:
        waiting = upkeep_of(url).vacuum(url, stop_writers=True, progress=steps).waiting
    if waiting:
        call.say(
            "Somebody still has the old file open; it is gone when each program has read or "
            "written once more, or ends."
        )


@dataclass(slots=True)
class _Done:
    deleted: int = 0
    missing: list[UUID] = field(default_factory=list)
    matched: int = 0
    tracked: int = 0

    def asked(self, number: int) -> str:
        """Return the question before ``number`` postings are deleted."""
        return f"Delete {counted(number, 'posting')}{self.with_them} for good?"

    @property
    def with_them(self) -> str:
        """What goes with them, for people."""
        return f", and your applications for {self.tracked:,} of them," if self.tracked else ""


def _by_ids(call: Call, ids: list[UUID], done: _Done, dry_run: bool, yes: bool) -> None:
    async def look(store: JobStore) -> None:
        for id in ids:
            done.tracked += bool(await store.applications(job_id=id, limit=1))

    call.run(look)
    if not dry_run:
        confirm(done.asked(len(ids)), yes=yes)

    async def work(store: JobStore) -> None:
        for id in ids:
            there = (await store.get_many([id]))[0] if dry_run else await store.delete(id)
            if not there:
                done.missing.append(id)
        done.matched = len(ids) - len(done.missing)
        done.deleted = 0 if dry_run else done.matched

    call.run(work)


def _by_filters(call: Call, query: SearchQuery, done: _Done, dry_run: bool, yes: bool) -> None:
    async def look(store: JobStore) -> list[JobSummary]:
        done.matched = await store.count(query)
        if (tracked := _tracked(query)) is not None:
            done.tracked = await store.count(tracked)
        each = replace(query, collapse_duplicates=False)
        return (await store.search(each, limit=_SHOWN, snippets=False)).items

    newest = call.run(look)
    for item in newest:
        place = [each for each in (item.company, item.location, item.source) if each]
        call.say(f"  {' · '.join([item.title, *place])}")
    if done.matched > len(newest):
        call.say(f"  ... and {done.matched - len(newest):,} more")
    if not newest or dry_run:
        return
    confirm(done.asked(done.matched), yes=yes)
    try:
        with Interrupts() as interrupts:
            call.run(partial(_delete, query, done, interrupts, call.silent))
    except (KeyboardInterrupt, JobStoreError):
        if done.deleted:
            say(f"It stopped; {done.deleted:,} of {counted(done.matched, 'posting')} are deleted.")
            if call.json:
                print_json(done)
        raise


def _tracked(query: SearchQuery) -> SearchQuery | None:
    """Return what finds, of the postings that a query finds, those with applications, if any."""
    asked = query.application
    if asked is None:
        return replace(query, application=tuple(ApplicationState))
    # "none" has no other value beside it.
    return None if "none" in (asked if isinstance(asked, tuple) else (asked,)) else query


async def _delete(
    query: SearchQuery, done: _Done, interrupts: Interrupts, quiet: bool, store: JobStore
) -> None:
    """Delete what ``query`` finds, but no more than was asked about."""
    from jobstore.cli.progress import Progress

    with Progress("delete", done.matched, quiet=quiet) as progress:
        async with aclosing(_ids(store, query, done.matched)) as steps:
            async for ids in steps:
                interrupts.check()
                gone = await asyncio.gather(*map(store.delete, ids), return_exceptions=True)
                done.deleted += gone.count(True)
                progress.advance(len(ids), len(ids))
                for each in gone:
                    if isinstance(each, BaseException):
                        raise each


async def _ids(
    store: JobStore, query: SearchQuery, number: int
) -> AsyncGenerator[list[UUID], None]:
    """Yield the ids of the newest ``number`` postings that ``query`` finds, in steps."""
    step: list[UUID] = []
    async for job in store.stream(query):
        step.append(job.id)
        number -= 1
        if len(step) == _STEP or not number:
            yield step
            step = []
        if not number:
            return
    if step:
        yield step
