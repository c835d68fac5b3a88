"""The commands about saved searches: save, list and remove them, and print what is new of one."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections import defaultdict
from dataclasses import fields, replace
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_duration
from jobstore.cli.filters import TEXT_OPTION, since, takes_query
from jobstore.cli.output import complain, counted, fail_if, plain, print_json, table, words
from jobstore.errors import InvalidQuery, OutcomeUnknown, StoreBusy, StoreTimeout, StoreUnavailable
from jobstore.moments import iso
from jobstore.postings import MAX_LIMIT
from jobstore.records import SearchQuery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from jobstore.records import NewMatches, SavedSearch
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

app = typer.Typer(no_args_is_help=True)

# New postings that are asked for at once.
_PART = 100

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
    each_duplicate: Annotated[
        bool, typer.Option("--each-duplicate", help="Duplicates of what was seen are new as well.")
    ] = False,
) -> None:
    """Save a search under a name, or give the one of that name another query.

    Closed postings that match are new as well, unless --status open is part of it. It cannot be by
    --application, which changes without the posting.

    JSON: {"name", "query", "looked_until"}.
    """
    query = replace(query, collapse_duplicates=not each_duplicate)
    start = since(only_since) if only_since else None
    saved = call.run(lambda store: store.save_search(name, query, since=start))
    told = f"Saved {plain(name)}; see what is new: jobstore watch {quote(plain(name))}"
    if not query.status:
        told += "\nPostings that are closed are new as well; --status open leaves them out."
    call.report(_said(saved), told)


@app.command("list")
@takes_call
def list_(call: Call) -> None:
    """Show the saved searches.

    JSON: {"searches"}, a list of {"name", "query", "looked_until"}.
    """
    found = call.run(lambda store: store.saved_searches())
    rows = [
        (each.name, ", ".join(_told(each)) or "all postings", _until(each.looked_until))
        for each in found
    ]
    head = ["name", "query", "looked through until"]
    shown = table(head, rows) if rows else "There are no saved searches."
    call.give({"searches": [_said(each) for each in found]}, lambda: shown)


@app.command()
@takes_call
def remove(call: Call, name: NameArgument) -> None:
    """Forget a saved search, and which of its matches were seen.

    JSON: {"removed"}.
    """
    removed = call.run(lambda store: store.remove_search(name))
    if removed or call.json:
        call.report({"removed": removed}, f"Removed {plain(name)}.")
    fail_if([] if removed else [_unknown(name)])


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

    Each line is a posting, with the name of the search as "search".

    Each comes once; one that was printed when the program ended may come again the next time. A
    store that is busy or away is asked again after --every. With --notify the sinks of alerts get
    how many there are and their ids; one that does not take it is told again after --every, and
    until all have taken it nothing is acknowledged. With --once each of these ends the command.
    """
    seconds = read_duration(every, "--every")
    sinks = _Sinks(call.settings) if notify else None

    async def work(store: JobStore) -> int | None:
        _end_at_sigterm()
        round_ = _Round(store, name, sinks)
        while True:
            try:
                found = await round_.go()
            except _MAY_PASS as error:
                if once:
                    raise
                complain(str(error))
                found = 0
            except InvalidQuery:
                if name in [each.name for each in await store.saved_searches()]:
                    raise
                return None
            if not found:
                if once:
                    return round_.total
                await asyncio.sleep(seconds)

    total = call.run(work)
    fail_if([_unknown(name)] if total is None else [])
    call.say(f"{counted(total or 0, 'new posting')}")


def _unknown(name: str) -> str:
    return f"There is no saved search {plain(name)}; jobstore searches list shows those there are."


def _until(moment: datetime) -> str:
    return iso(moment, "minutes") if moment.timestamp() else "nothing yet"


# What the next round may find better. InvalidQuery, as for a search that was removed, is not.
_MAY_PASS = (StoreBusy, StoreTimeout, StoreUnavailable, OutcomeUnknown)


def _end_at_sigterm() -> None:
    """Let SIGTERM end the running task as Ctrl-C does, so that the store is closed."""
    task = asyncio.current_task()
    if task is not None and threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


class _Round:
    """Looks for new matches, prints them, has sinks told, and acknowledges them, in this order."""

    def __init__(self, store: JobStore, name: str, sinks: _Sinks | None) -> None:
        self.total = 0
        self._store, self._name, self._sinks = store, name, sinks
        # What was printed and not acknowledged yet.
        self._printed: set[UUID] = set()

    async def go(self) -> int:
        """Return how many were found. Raises what the store raises, and StoreUnavailable where a
        sink did not take them."""
        # More than what waits for a sink, so that the rest is printed meanwhile.
        limit = min(_PART + len(self._printed), MAX_LIMIT)
        found = await self._store.new_matches(self._name, limit=limit)
        for job in found:
            if job.id not in self._printed:
                values = {each.name: getattr(job, each.name) for each in fields(job)}
                print_json({"search": self._name} | values)
                self._printed.add(job.id)
                self.total += 1
        if self._sinks is not None and found:
            await asyncio.to_thread(self._sinks.tell, found)
        await self._store.acknowledge(self._name, found)
        self._printed.clear()
        if self._sinks is not None:
            self._sinks.told.clear()
        return len(found)


class _Sinks:
    """The sinks of alerts, and what each has taken of that which is not acknowledged yet."""

    def __init__(self, settings: Settings) -> None:
        self.told: defaultdict[str, set[UUID]] = defaultdict(set)
        self._settings = settings

    def tell(self, found: NewMatches) -> None:
        """Tell each sink of those that it has not taken. Raises StoreUnavailable where one fails,
        after all were tried."""
        from jobstore.operations.alerts.delivering import name_of, notified, send_once
        from jobstore.operations.alerts.notifications import Notification

        lacking: defaultdict[tuple[UUID, ...], list[str]] = defaultdict(list)
        for sink in notified(self._settings):
            ids = tuple(job.id for job in found if job.id not in self.told[name_of(sink)])
            if sink.severity == "warning" and ids:
                lacking[ids].append(name_of(sink))
        failed = []
        for ids, names in lacking.items():
            now = time.time()
            text = f"{counted(len(ids), 'new posting')} of the saved search {found.name}"
            listed = f"Their ids: {', '.join(map(str, ids))}"
            notification = Notification(
                str(uuid4()), "matches", found.name, "warning", now, len(ids), text, listed
            )
            for each in send_once(self._settings, names, notification, now):
                if each.error is None:
                    self.told[each.sink].update(ids)
                else:
                    failed.append(f"{each.sink}: {each.error}")
        if failed:
            told = "; ".join(failed)
            raise StoreUnavailable(f"Not everybody could be told of new postings ({told}).")


def _told(search: SavedSearch) -> Iterator[str]:
    """Yield what a search asks for, for people."""
    for name, value in _said(search)["query"].items():
        if name == "collapse_duplicates":
            yield "each duplicate"
        else:
            several = value if isinstance(value, tuple) else (value,)
            # Skills must all be asked for.
            joiner = " and " if name == "skills" else " or "
            yield f"{words(name)}: {joiner.join(map(str, several))}"


def _said(search: SavedSearch) -> dict[str, Any]:
    query = {
        each.name: getattr(search.query, each.name)
        for each in fields(search.query)
        if getattr(search.query, each.name) != each.default
    }
    return {"name": search.name, "query": query, "looked_until": search.looked_until}
