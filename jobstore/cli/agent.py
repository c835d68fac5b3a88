"""The command that stays and does what is due, until a signal ends it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jobstore.cli.common import (
    STORE_DEFAULT,
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    operating,
)
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.output import complain, print_json, say

if TYPE_CHECKING:
    from jobstore.operations.schedule import Ran


def agent(
    store: StoreOption = STORE_DEFAULT,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Stay, and do what is due when it is due, as run-due does, until Ctrl-C or SIGTERM.

    The task that runs at that moment is finished first. Health and alerts go on while a backup is
    being made. Several agents of one store do nothing twice. Settings are read once, at the start.

    JSON: an object for each task that was done, a line each, as run-due gives it.
    """
    from jobstore.operations.schedule import NAMES, Agent, upcoming

    def told(ran: Ran) -> None:
        if json:
            print_json(ran)
            sys.stdout.flush()
        elif ran.outcome == "failed":
            complain(f"{ran.name}: {ran.detail}")
        else:
            say(f"{ran.name}: {ran.outcome}, {ran.detail}", quiet=quiet)

    with operating(store, config) as settings, Interrupts() as interrupts:
        # Errors at the start end the command at once.
        upcoming(settings)
        working = Agent(settings, told=told, failing=complain)
        say(f"Doing what is due of: {', '.join(NAMES)}.", quiet=quiet or json)
        working.start()
        try:
            with interrupts.allowed():
                working.wait()
        except KeyboardInterrupt:
            say("Ending, after what is being done now.", quiet=quiet or json)
        finally:
            working.stop()
