"""The command that gives back the space that a store no longer needs."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from jobstore.cli.common import STORE_DEFAULT, JsonOption, QuietOption, StoreOption
from jobstore.cli.output import print_json, say

_MIB = 1024 * 1024


def vacuum(
    optimize: Annotated[
        bool,
        typer.Option("--optimize", hidden=True, help="Is always done; kept for scripts."),
    ] = False,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the store's file anew, without what deleted postings have left in it.

    Afterwards their words and texts are in no byte of the file or its WAL. Others can read
    meanwhile, but not write: do it in a quiet hour. Nothing is done when others are writing, or
    when the disk has not enough room. Ctrl-C may end it at any moment; nothing is lost.

    JSON: {"before", "after", "seconds", "waiting"}; sizes are bytes, and waiting tells that the
    space is given back, and what was deleted is gone, when those who still read have ended.
    """
    from jobstore.cli.progress import Steps
    from jobstore.engines import backend_of
    from jobstore.settings import parse_store_url

    url = parse_store_url(store)
    say("Writing the file anew; others cannot write until it is done.", quiet=quiet or json)
    with Steps(quiet=quiet or json) as steps:
        done = backend_of(url).upkeep.vacuum(url, progress=steps)
    if json:
        return print_json(done._asdict())
    say(
        f"{done.before / _MIB:,.1f} MiB before, {done.after / _MIB:,.1f} MiB now, "
        f"in {done.seconds:.1f} s.",
        quiet=quiet,
    )
    if done.waiting:
        say(
            "Somebody still reads the store as it was: what was deleted is still in its WAL. When "
            "they are done, run this again, or: jobstore run-due --force --only checkpoint "
            f"--store {shlex.quote(store)}"
        )
    return None
