"""The commands about saved searches: save, list and remove them, and print what is new of one."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_duration
from jobstore.cli.filters import TEXT_OPTION, since, takes_query
from jobstore.cli.output import counted, fail_if, plain, print_json, table
from jobstore.records import SearchQuery

if TYPE_CHECKING:
    from jobstore.records import NewMatches, SavedSearch
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

app = typer.Typer(no_args_is_help=True)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="What the search is called: one line.")
]


@app.command()
@partial(takes_query, text=TEXT_OPTION)
@takes_call
def save(
    query: SearchQuery,
    call: Call,
    name: NameArgument,
    only_since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only what changes from then on is new."),
    ] = None,
) -> None:
    """Save a search under a name, or give the one of that name another query.

    JSON: {"name", "query", "looked_until"}.
    """
    start = since(only_since) if only_since else None
    saved = call.run(lambda store: store.save_search(name, query, since=start))
    call.report(_said(saved), f"Saved {plain(name)}; see what is new: jobstore watch")


@app.command("list")
@takes_call
def list_(call: Call) -> None:
    """Show the saved searches.

    JSON: {"searches"}, a list of {"name", "query", "looked_until"}.
    """
    found = call.run(lambda store: store.saved_searches())
    rows = [
        (each.name, ", ".join(f"{name}: {value}" for name, value in _said(each)["query"].items()))
        for each in found
    ]
    call.give({"searches": [_said(each) for each in found]}, lambda: table(["name", "query"], rows))


@app.command()
@takes_call
def remove(call: Call, name: NameArgument) -> None:
    """Forget a saved search, and which of its matches were seen.

    JSON: {"removed"}.
    """
    removed = call.run(lambda store: store.remove_search(name))
    if removed or call.json:
        call.report({"removed": removed}, f"Removed {plain(name)}.")
    fail_if([] if removed else [f"There is no saved search {name}."])


@partial(takes_call, json=False)
def watch(
    call: Call,
    name: NameArgument,
    once: Annotated[
        bool, typer.Option("--once", help="Print what is new now, and end; else go on looking.")
    ] = False,
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="Look again after so long.")
    ] = "1m",
    notify: Annotated[
        bool, typer.Option("--notify", help="Also tell the sinks of alerts how many are new.")
    ] = False,
) -> None:
    """Print the postings that are new among the matches of a saved search, as JSON Lines.

    Each comes once; one that was printed when the program was killed may come again. With
    --notify the sinks of alerts get how many there are and their ids, and when one does not take it
    all of them come again.
    """
    seconds = read_duration(every, "--every")
    sinks = call.settings if notify else None

    async def work(store: JobStore) -> int:
        total = 0
        while True:
            found = await store.new_matches(name)
            for job in found:
                print_json(job)
            if sinks is not None and found:
                await asyncio.to_thread(_notify, sinks, found)
            await store.acknowledge(name, found)
            total += len(found)
            if not found:
                if once:
                    return total
                await asyncio.sleep(seconds)

    call.say(f"{counted(call.run(work), 'new posting')}")


def _notify(settings: Settings, found: NewMatches) -> None:
    """Tell the sinks of new matches. Raises StoreUnavailable where one did not take it."""
    from jobstore.errors import StoreUnavailable
    from jobstore.operations.alerts.delivering import name_of, notified, send_once
    from jobstore.operations.alerts.notifications import Notification

    now = time.time()
    ids = ", ".join(str(job.id) for job in found)
    text = f"{counted(len(found), 'new posting')} of the saved search {found.name}"
    notification = Notification(
        str(uuid4()), "matches", found.name, "warning", now, len(found), text, f"Their ids: {ids}"
    )
    names = [name_of(sink) for sink in notified(settings) if sink.severity == "warning"]
    failed = [each for each in send_once(settings, names, notification, now) if each.error]
    if failed:
        told = "; ".join(f"{each.sink}: {each.error}" for each in failed)
        raise StoreUnavailable(f"Not everybody could be told of new postings ({told}).")


def _said(search: SavedSearch) -> dict[str, Any]:
    from dataclasses import fields

    query = {
        each.name: getattr(search.query, each.name)
        for each in fields(search.query)
        if getattr(search.query, each.name) != each.default
    }
    return {"name": search.name, "query": query, "looked_until": search.looked_until}
