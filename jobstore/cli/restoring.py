"""The command that gives a store back from a backup."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Annotated

import typer

from jobstore.cli.backup import AcceptOption, IdentityOption, NameArgument, with_identity
from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import complain, counted, fail_if


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
            "--at", metavar="TIME", help="The newest backup not after this, in ISO 8601 (UTC)."
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace a store that is there; it becomes a backup."),
    ] = False,
    identity: IdentityOption = None,
    accept: AcceptOption = [],  # noqa: B006 - typer copies it
) -> None:
    """Restore a store from a backup: the newest, one by name, or that of a time.

    Everything is checked before the store appears. A store that is there is replaced only with
    --replace, and becomes a backup; programs that have it open go on with the restored one. Where
    no copy of the newest backup is good, the one before it is restored, and so on; then the exit
    code is 1, although the store is restored. Places that cannot be reached are named. A backup
    that was made before a restore is restored by its name only.

    JSON: {"backup", "created_at", "place", "path", "postings", "saved", "failures", "advice",
    "seconds", "faults", "warnings", "loss": {"added", "changed", "seen", "removed"}}; saved is the
    backup of what was there, loss what is in it and not in the restored store, advice what is left
    to do.
    """
    from jobstore.operations import backup
    from jobstore.settings import sqlite_url

    if name and at:
        raise typer.BadParameter("name a backup, or say --at")
    moment = None if at is None else _moment(at)
    target = sqlite_url(to) if to is not None and "://" not in to else to
    with call.operating() as settings, call.steps() as steps:
        done = backup.restore(
            with_identity(settings, identity),
            steps,
            to=target,
            name=name,
            at=moment,
            replace=replace,
            accept=[each.value for each in accept],
        )
    lines = [
        f"{done.path}: {counted(done.postings, 'posting')} as of "
        f"{done.created_at:%Y-%m-%d %H:%M:%S} UTC, from {done.backup} in {done.place}, "
        f"in {done.seconds:.1f} s."
    ]
    if done.saved is not None:
        lines.append(f"What was there is kept as {done.saved}.")
    if done.loss:
        lines.append(f"Only there: {done.loss}.")
    if done.advice is not None:
        lines.append(done.advice)
    call.report(dataclasses.asdict(done) | {"path": str(done.path)}, "\n".join(lines))
    for warning in done.warnings:
        complain(warning)
    fail_if([*done.faults, *done.failures.values()])


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a time as 2026-03-01T12:00:00", param_hint="--at") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
