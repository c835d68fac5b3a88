"""The commands about what happened to postings: show it, and forget what is old."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import YesOption, confirm
from jobstore.cli.durations import read_duration
from jobstore.cli.output import counted
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.records import Pruned


@takes_call
def history(
    call: Call,
    key: Annotated[str, typer.Argument(metavar="ID", help="The posting's id (a UUID).")],
) -> None:
    """Show everything that happened to a posting, newest first: what changed, when, and by whom.

    Of long texts the words that differ are shown. What was deleted has a history still, without
    its content.

    JSON: {"history"}, a list of {"kind", "at", "version", "actor", "run", "reason", "changes",
    "detail"}; each of the changes is [before, after].
    """
    id = read_id(key)
    entries = call.run(lambda store: store.history(id))
    if not entries:
        from jobstore.errors import JobNotFound

        raise JobNotFound(f"No posting has the id {id}, and none had.")

    def view() -> RenderableType:
        from jobstore.cli.history_view import history_view

        return history_view(entries)

    call.give({"history": entries}, view)


@takes_call
def prune(
    call: Call,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Such as 365d: s, m, h, d or w."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count them and remove nothing.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Forget the history that is older than an age, after asking; postings stay as they are.

    Versions and events from before go for good: nobody can ask any more what a posting was then.
    Interrupting keeps the rest; the same again goes on.

    JSON: {"versions", "events", "deletions", "runs"}: how many were removed, or would be.
    """
    age = timedelta(seconds=read_duration(older_than, "--older-than"))
    found = call.run(lambda store: store.prune(age, dry_run=True))
    if not found:
        call.report(asdict(found), f"Nothing is older than {older_than}; nothing is removed.")
        return
    if dry_run:
        call.report(asdict(found), f"{_told(found)} would be removed.")
        return
    call.say(f"{_told(found)} are older than {older_than}.")
    confirm("Remove them for good?", yes=yes)
    done = call.run(lambda store: store.prune(age))
    call.report(asdict(done), f"Removed {_told(done)}.")


def _told(pruned: Pruned) -> str:
    return ", ".join(
        (
            counted(pruned.versions, "earlier version"),
            counted(pruned.events, "event"),
            counted(pruned.deletions, "deletion"),
            counted(pruned.runs, "run"),
        )
    )
