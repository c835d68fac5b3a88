"""The command that gives back the space that a store no longer needs."""

from __future__ import annotations

from typing import Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import say, size


@takes_call
def vacuum(
    call: Call,
    stop_writers: Annotated[
        bool,
        typer.Option("--stop-writers", help="Keep others from writing until it is done."),
    ] = False,
) -> None:
    """Remove what deleted postings have left: write the store's file anew, without it.

    Afterwards their words and texts are in no byte of the file or its WAL. Others can read and
    write meanwhile. When they write all the time, nothing is done: try it in a quiet hour, or let
    them wait with --stop-writers, as long as it takes (seconds for 100,000 postings). Nothing is
    done either when the disk has not enough room. Ctrl-C may end it at any moment; nothing is lost.
    On a server the room stays in its files, for new postings; with --stop-writers it is given back,
    and those who read wait as well.

    JSON: {"before", "after", "seconds", "waiting"}; sizes are bytes, and waiting tells that the
    space is given back, and what was deleted is gone, when each program that has the store open has
    read or written once more.
    """
    from jobstore.engines import upkeep_of

    url = call.settings.store.address
    others = "wait" if stop_writers else "go on"
    call.say(f"Removing what deleted postings have left; others who write {others} meanwhile.")
    with call.steps() as steps:
        done = upkeep_of(url).vacuum(url, stop_writers=stop_writers, progress=steps)
    call.report(
        done._asdict(),
        f"{size(done.before)} before, {size(done.after)} now, in {done.seconds:.1f} s.",
    )
    if done.waiting and not call.json:
        say(
            "Somebody still has the old file open: its space is given back when each program has "
            "read or written once more, or ends."
        )
