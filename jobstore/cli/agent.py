"""The command that stays and does what is due, until a signal ends it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.output import complain

if TYPE_CHECKING:
    from jobstore.operations.schedule import Ran


@takes_call
def agent(
    call: Call,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            metavar="[HOST:]PORT",
            help="Serve /metrics to Prometheus there; on this machine alone without HOST.",
        ),
    ] = None,
) -> None:
    """Stay, and do what is due when it is due, as run-due does, until Ctrl-C or SIGTERM.

    The task that runs at that moment is finished first. Health and alerts go on while a backup is
    being made. Several agents of one store do nothing twice. Settings are read once, at the start.

    JSON: an object for each task that was done, a line each, as run-due gives it.
    """
    from jobstore.operations.exposing import exposing, place_of
    from jobstore.operations.schedule import NAMES, Agent, upcoming

    def told(ran: Ran) -> None:
        if ran.outcome == "failed" and not call.json:
            complain(f"{ran.name}: {ran.detail}")
        else:
            call.report(ran, f"{ran.name}: {ran.outcome}, {ran.detail}")

    place = None if metrics is None else place_of(metrics)
    with (
        call.operating() as settings,
        Interrupts() as interrupts,
        nullcontext() if place is None else exposing(settings, *place) as where,
    ):
        # Errors at the start end the command at once.
        upcoming(settings)
        if where is not None:
            call.say(f"Serving {where} to Prometheus.")
        working = Agent(settings, told=told, failing=complain)
        call.say(f"Doing what is due of: {', '.join(NAMES)}.")
        working.start()
        try:
            with interrupts.allowed():
                working.wait()
        except KeyboardInterrupt:
            call.say("Ending, after what is being done now.")
        finally:
            working.stop()
