"""The command that gives back the space that a store no longer needs."""

from __future__ import annotations

from typing import Annotated

import typer

from jobstore.cli.common import STORE_DEFAULT, JsonOption, QuietOption, StoreOption
from jobstore.cli.output import print_json, say

_MIB = 1024 * 1024


def vacuum(
    optimize: Annotated[
        bool,
        typer.Option("--optimize", metavar="", help="Merge the full-text index into one piece."),
    ] = False,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the store's file anew, without the room that deleted postings have left.

    Others can read meanwhile, and cannot write: do it in a quiet hour. Nothing is done when
    others are writing, or when the disk has not enough room.

    JSON: {"before", "after", "seconds", "waiting"}; sizes are bytes, and waiting tells that the
    space is given back when those who still read have ended.
    """
    from jobstore.operations import maintenance

    say("Writing the file anew; others cannot write until it is done.", quiet=quiet or json)
    done = maintenance.vacuum(store, optimize=optimize)
    if json:
        return print_json(done._asdict())
    say(
        f"{done.before / _MIB:,.1f} MiB before, {done.after / _MIB:,.1f} MiB now, "
        f"in {done.seconds:.1f} s.",
        quiet=quiet,
    )
    if done.waiting:
        say("Somebody still reads the store; the rest is given back when they are done.")
    return None
