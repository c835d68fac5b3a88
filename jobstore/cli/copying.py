"""The command that makes one store a copy of another one."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import counted, say


@partial(takes_call, store=False)
def copy(
    call: Call,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The URL or the file of the store to copy.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The URL or the file of the copy.")
    ],
    final: Annotated[
        bool,
        typer.Option("--final", help="Let nobody write to the source while the rest is taken."),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Remove what the target has of its own."),
    ] = False,
) -> None:
    """Make a store a copy of another one, of the same engine or another.

    Everything that is kept is carried, and read again in the end: the copy is verified. Run it
    again at any time: only what changed in the source meanwhile is carried. So it also goes on
    after it was interrupted, at any moment. Others may write to the source; nobody may write to
    the target before the last copy.

    To move a store: copy it while it is used, copy it again, stop the programs that write to it,
    copy it with --final, and start them with the new URL.

    A target that is not there is made. One that has postings that no copy of this source brought
    there, or that were changed there since, stays as it is without --replace. To add the postings
    of one store to those of another, use export and import.

    Leave passwords out of URLs: put them into ~/.pgpass, or into PGPASSWORD.

    JSON: {"postings", "carried", "removed", "tables": {NAME: {"rows", "digest"}}, "seconds",
    "writers_waited"}; writers_waited is null without --final.
    """
    from dataclasses import asdict

    from jobstore.operations import copying

    try:
        with call.steps() as steps:
            done = copying.copy(source, target, final=final, replace=replace, progress=steps)
    except KeyboardInterrupt:
        say("The same command goes on from here.", quiet=call.silent)
        raise
    lines = [
        f"{counted(done.postings, 'posting')} there now, {done.carried:,} carried and "
        f"{done.removed:,} removed, in {done.seconds:.1f} s. Verified:"
    ]
    lines += [
        f"  {name}: {counted(table.rows, 'row')}, SHA-256 sum {table.digest[:16]}"
        for name, table in done.tables.items()
    ]
    if done.writers_waited is not None:
        lines.append(f"Nobody could write to the source for {done.writers_waited:.2f} s.")
    tables = {name: table._asdict() for name, table in done.tables.items()}
    call.report(asdict(done) | {"tables": tables}, "\n".join(lines))
