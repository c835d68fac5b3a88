"""The command that gives a store back from a backup."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.backup import AcceptOption, IdentityOption, NameArgument, with_identity
from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_second
from jobstore.cli.output import counted, fail_if, warn
from jobstore.moments import for_people

if TYPE_CHECKING:
    from jobstore.operations.backup import Doubt


@takes_call
def restore(
    call: Call,
    name: NameArgument = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="NEW", help="The URL or the file to restore to; the store without it."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="As it was then: a time in ISO 8601 (UTC), '10 minutes ago', or latest.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace a store that is there; it becomes a backup."),
    ] = False,
    identity: IdentityOption = None,
    accept: AcceptOption = [],  # noqa: B006 - typer copies it
) -> None:
    """Restore a store: from the newest backup or one by name, or with --at as it was then.

    --at takes the backup before that second, and repeats what the archive has of every write since
    then: what was acknowledged before the second is there, what began in it or later is not. latest
    means the newest moment that any place has. Where that second cannot be had, nothing is
    restored, and the nearest ones that can be are named. Where no log was kept, --at restores the
    newest backup until then, and says so.

    Everything is checked before the store appears. A store that is there is replaced only with
    --replace, and becomes a backup; programs that have it open go on with the restored one. Where
    no copy of the newest backup is good, the one before it is restored, and so on; then the exit
    code is 1, although the store is restored. Places that cannot be reached are named. A backup
    that was made before a restore is restored by its name only.

    JSON: {"backup", "created_at", "place", "path", "postings", "saved", "failures", "advice",
    "seconds", "as_of", "faults", "warnings", "loss": {"added", "changed", "seen", "removed",
    "beside"}};
    saved is the backup of what was there, loss what is in it and not in the restored store, advice
    what is left to do, as_of the moment with --at.
    """
    from jobstore.operations import archiving, backup
    from jobstore.settings import sqlite_url

    if name and at:
        raise typer.BadParameter("name a backup, or say --at")
    second = None if at is None else read_second(at, call.say)
    target = sqlite_url(to) if to is not None and "://" not in to else to
    accepted: list[Doubt] = [each.value for each in accept]
    with call.operating() as found, call.steps() as steps:
        settings = with_identity(found, identity)
        if at is None:
            done = backup.restore(
                settings, steps, to=target, name=name, replace=replace, accept=accepted
            )
        else:
            done = archiving.restore_at(
                settings, second, steps, to=target, replace=replace, accept=accepted
            )
    moment = done.created_at if done.as_of is None else done.as_of
    lines = [
        f"{done.path}: {counted(done.postings, 'posting')} as of "
        f"{for_people(moment)} UTC, from {done.backup}"
        f"{' and the log' if done.as_of else ''} in {done.place}, in {done.seconds:.1f} s."
    ]
    if done.saved is not None:
        lines.append(f"What was there is kept as {done.saved}.")
    if done.loss:
        lines.append(f"Only there: {done.loss}.")
    if done.advice is not None:
        lines.append(done.advice)
    call.report(dataclasses.asdict(done) | {"path": str(done.path)}, "\n".join(lines))
    for warning in done.warnings:
        warn(warning)
    fail_if([*done.faults, *done.failures.values()])
