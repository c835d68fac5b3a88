"""Commands that something happens to before their n-th system call.

Kills and failing calls; the cuts of power are in :mod:`.power_cuts`.
"""

from __future__ import annotations

from tests.torture.commands import CASES, Case, Place, judged, run
from tests.torture.preloading import Fault, Number
from tests.torture.rounds import CannotRun, Outcome, Round

CHANGING = "write,pwrite,fsync,fdatasync,rename,link,unlink,open,ftruncate"
# What each call may fail with, by its manual page.
ERRORS: dict[str, tuple[str, ...]] = {
    "write": ("EIO", "ENOSPC", "EDQUOT"),
    "pwrite": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "pread": ("EIO",),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "EINTR"),
    "open": ("EMFILE", "ENFILE", "EACCES", "EROFS", "ENOSPC", "EINTR"),
    "rename": ("EIO", "ENOSPC", "EROFS"),
    "link": ("EIO", "ENOSPC", "EMLINK"),
    "unlink": ("EIO", "EROFS"),
    "flock": ("EINTR", "ENOLCK"),
}


def place_in(round: Round) -> Place:
    """Make the folders of a round."""
    place = Place(round.folder / "here", round.folder / "beside")
    place.folder.mkdir()
    place.beside.mkdir()
    return place


def number_of_calls(case: Case, round: Round, calls: str) -> int:
    """Return how many of these system calls a command makes."""
    counted = Round(round.seed, round.number, round.folder / "counted")
    counted.folder.mkdir()
    place = place_in(counted)
    case.prepare(place)
    counter = Number(round.folder / "counter")
    run(place, case.command(place), Fault(calls).environment(place.folder, counter.path))
    if (found := counter.get()) == 0 and calls == CHANGING:
        raise CannotRun("the system calls of this Python cannot be intercepted")
    return found


def suffer(case: Case, round: Round, fault: Fault) -> Outcome:
    """Prepare a case, run it while something happens, and judge it."""
    outcome = Outcome()
    place = place_in(round)
    case.prepare(place)
    counter = Number(round.folder / "counter")
    done = run(place, case.command(place), fault.environment(place.folder, counter.path))
    judged(case, place, done, outcome)
    outcome.notes = [f"{case.name}, {fault}: {each}" for each in outcome.notes]
    return outcome


def kill(round: Round) -> Outcome:
    """Kill a command before a system call."""
    choices = round.choices
    case = CASES[round.number % len(CASES)]
    at = choices.randint(1, max(1, number_of_calls(case, round, CHANGING)))
    return suffer(case, round, Fault(CHANGING, "kill", at))


def fail(round: Round) -> Outcome:
    """Let system calls of a command fail: one, some, or all from one on."""
    choices = round.choices
    case = CASES[round.number % len(CASES)]
    call = choices.choice(sorted(ERRORS))
    error = choices.choice(ERRORS[call])
    times = choices.choice((1, 1, 4, -1))
    if error == "EINTR" and times < 0:
        # Whoever is interrupted may try again for ever.
        times = 4
    at = choices.randint(1, max(1, number_of_calls(case, round, call)))
    return suffer(case, round, Fault(call, "fail", at, times, error))
