"""A time of day that jumps, by hours and years and back, while a process writes."""

from __future__ import annotations

import time

from tests.torture.acknowledged import judge, read_log
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.campaigns.lock_holders import writer
from tests.torture.commands import PATIENCE, WRITING
from tests.torture.preloading import Number, library
from tests.torture.rounds import Outcome, Round

_JUMPS = (-(10**9), -86_400, -3600, -2, 0, 2, 3600, 86_400, 10**9)


def jump(round: Round) -> Outcome:
    """Move the clock while a process writes, until it has written enough."""
    outcome = Outcome()
    choices = round.choices
    place = place_in(round)
    WRITING.prepare(place)
    shift = Number(place.beside / "shift")
    environment = {
        "LD_PRELOAD": str(library("shifted_clock", place.beside)),
        "CLOCK_FILE": str(shift.path),
    }
    end = time.monotonic() + PATIENCE
    with writer(place, "log", "--writes", "400", environment=environment) as process:
        while process.poll() is None:
            if time.monotonic() > end:
                outcome.fault("hung", "a process whose clock jumps does not end")
                break
            shift.set(choices.choice(_JUMPS))
            time.sleep(0.03)
    told = read_log(place.beside / "log")
    if not told.acknowledged:
        outcome.fault("wrong", "nothing was written")
    judge(place.store, told, outcome, usual={"JobNotFound"})
    return outcome
