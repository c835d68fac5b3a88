"""The command that tests whether any second of the store can be had back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.backup import AcceptOption, IdentityOption, with_identity
from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_second
from jobstore.cli.output import counted, fail_if
from jobstore.moments import iso

if TYPE_CHECKING:
    from jobstore.operations.backup import Doubt


@takes_call
def drill(
    call: Call,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="TIME",
            help="The moment, as restore takes it; by default a random second of the last day.",
        ),
    ] = "random",
    identity: IdentityOption = None,
    accept: AcceptOption = [],  # noqa: B006 - typer copies it
) -> None:
    """Restore the store as it was at a second, into a scratch folder, and compare it.

    What the live store has unchanged since before that second has to be there to the bit, and
    nothing that was written later. The restored store is examined as doctor --full --verify does,
    and asked. The result and the time are kept as a restore test, for health and alerts. The exit
    code is 1 when something is wrong, or when a copy was not good. The schedule does this weekly.

    JSON: {"test": {"at", "backup", "place", "ok", "error", "seconds", "age_seconds", "postings",
    "faults"}, "second", "recovery_seconds", "compared"}; age_seconds is what a loss of the machine
    would have cost, recovery_seconds how long it took until the store could have been opened.
    """
    from jobstore.operations import archiving

    if at.strip().lower() == "latest":
        raise typer.BadParameter("say a time, or random", param_hint="--at")
    second = None if at.strip().lower() == "random" else read_second(at, call.say)
    accepted: list[Doubt] = [each.value for each in accept]
    with call.operating() as settings, call.steps() as steps:
        done = archiving.drill(
            with_identity(settings, identity), steps, second=second, accept=accepted
        )
    test = done.test
    if test.error is None or call.json:
        compared = (
            "not compared, since the schema has changed"
            if done.compared is None
            else f"{done.compared:,} compared with the store"
        )
        as_of = done.second and iso(done.second, "seconds")
        call.report(
            dataclasses.asdict(done),
            f"As of {as_of}: {counted(test.postings or 0, 'posting')} "
            f"from {test.backup} and the log, back in {done.recovery_seconds or 0:.1f} s; "
            f"{compared}, all as it has to be.",
        )
    fail_if(test.faults if test.error is None else [test.error])
