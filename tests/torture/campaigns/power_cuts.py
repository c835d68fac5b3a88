"""Power that is cut before the n-th system call of a command, on an ext4 of its own; needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fixtures.disks import ImageDisk, may_mount
from tests.torture.campaigns.faulty_calls import CHANGING, number_of_calls
from tests.torture.commands import CASES, Case, Place, Writing, judged, run
from tests.torture.preloading import Fault, Number
from tests.torture.rounds import CannotRun, Outcome, Round

# The second store of the control: without a flush for each commit, it has to lose something.
CONTROL = Writing("writing", ("--synchronous", "normal"))
# The control writes this often before the power is cut.
_LATE = 400


@contextmanager
def _disk(folder: Path) -> Iterator[ImageDisk]:
    if not may_mount():
        raise CannotRun("only root on Linux may mount a disk")
    try:
        disk = ImageDisk(folder / "disk", megabytes=1024)
    except (OSError, subprocess.CalledProcessError):
        raise CannotRun("this system lets nobody mount a disk") from None
    try:
        yield disk
    finally:
        disk.unmount()


def _cut(round: Round, case: Case, at: int) -> Outcome:
    outcome = Outcome()
    with _disk(round.folder) as disk:
        place = Place(disk.folder / "here", round.folder / "beside")
        place.folder.mkdir()
        place.beside.mkdir()
        case.prepare(place)
        # Only what the command does is lost.
        disk.synchronise()
        log = place.beside / "log"
        log.touch()
        fault = Fault(CHANGING, "cut", at)
        environment = {
            **fault.environment(place.folder, Number(round.folder / "counter").path),
            "FAULT_MARK": str(log),
            "FAULT_DISK": str(disk.folder),
        }
        done = run(place, case.command(place), environment)
        disk.mount_again()
        judged(case, place, done, outcome)
    outcome.notes = [f"{case.name}, {fault}: {each}" for each in outcome.notes]
    return outcome


def cut(round: Round) -> Outcome:
    """Cut the power before a system call of a command."""
    case = CASES[round.number % len(CASES)]
    calls = number_of_calls(case, round, CHANGING)
    return _cut(round, case, round.choices.randint(1, max(1, calls)))


def control(round: Round) -> Outcome:
    """Cut the power under a store that flushes too seldom, which has to lose something."""
    return _cut(round, CONTROL, _LATE + round.choices.randrange(_LATE))
