"""The command that stays and does what is due, until a signal ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.output import complain

if TYPE_CHECKING:
    from jobstore.operations.schedule import Ran


@takes_call
def agent(call: Call) -> None:
    """Stay, and do what is due when it is due, as run-due does, until Ctrl-C or SIGTERM.

    The task that runs at that moment is finished first. Health and alerts go on while a backup is
    being made. Several agents of one store do nothing twice. Settings are read once, at the start.

    JSON: an object for each task that was done, a line each, as run-due gives it.
    """
    from jobstore.operations.schedule import NAMES, Agent, upcoming

    def told(ran: Ran) -> None:
        if ran.outcome == "failed" and not call.json:
            complain(f"{ran.name}: {ran.detail}")
        else:
            call.report(ran, f"{ran.name}: {ran.outcome}, {ran.detail}")

    with call.operating() as settings, Interrupts() as interrupts:
        # Errors at the start end the command at once.
        upcoming(settings)
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
