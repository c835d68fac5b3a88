"""Gates: named checks that are run one after the other; the first one that fails ends the run.

What is checked is decided elsewhere. A gate returns what it found, or raises what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from jobstore.checks.running import failed
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.health.examining import LEVELS
from jobstore.verdicts import Check, Value, Verdict

_log = logs.get("deployment")

NO_ADVICE = "See deployment.log in the logs folder, mend it, and run the command again."


class Gate(NamedTuple):
    """A check that is to be run: its name, and how to look."""

    name: str
    look: Callable[[], Check]


@dataclass(slots=True)
class Phase:
    """Checks that belong together, in order, and how long all of them took."""

    name: str
    gates: list[Check] = field(default_factory=list)
    seconds: float = 0.0


class Stopped(Exception):
    """A check failed, so nothing after it was run."""

    def __init__(self, phase: str, check: Check) -> None:
        target = f"; wanted: {wanted(check)}" if check.limit != "" else ""
        super().__init__(f"{phase}: {check.name}: {shown(check)}{target}")
        self.phase = phase
        self.check = check


def shown(check: Check) -> str:
    """Return what was observed, or else what is wrong, for people."""
    return check.output if check.observed is None else _shown(check.observed, check.unit or "")


def wanted(check: Check) -> str:
    """Return what a check had to reach, for people; empty where nothing was asked for."""
    # What follows a comma says how it was measured.
    unit = (check.unit or "").partition(",")[0]
    return f"{check.bound} {_shown(check.limit, unit)}".strip()


def _shown(value: Value, unit: str) -> str:
    if isinstance(value, str):
        return value
    number = int(value) if value == int(value) else value
    return f"{number:,} {unit}".rstrip()


Told = Callable[[str, Check], object]
"""Is called with the phase and the check, after each check."""


def silent(phase: str, check: Check) -> None:
    """Do nothing."""


def run_phase(name: str, gates: Iterable[Gate], phases: list[Phase], told: Told) -> None:
    """Run the gates of a phase, which is added to ``phases``; ``told`` hears of every check.

    Raises Stopped at the first one that fails.
    """
    phase = Phase(name)
    phases.append(phase)
    started = time.monotonic()
    try:
        for gate in gates:
            check = _look(gate)
            phase.gates.append(check)
            told(name, check)
            _write_down(name, check)
            if check.verdict is Verdict.FAIL:
                raise Stopped(name, check)
    finally:
        phase.seconds = _since(started)


def _look(gate: Gate) -> Check:
    started = time.monotonic()
    try:
        found = gate.look()
    except JobStoreError as error:
        # What our own errors say includes what to do.
        found = failed(error)
    except Exception as error:
        if not isinstance(error, OSError):
            _log.exception("a check could not be run", check=gate.name)
        found = failed(error, NO_ADVICE)
    return replace(found, name=gate.name, seconds=_since(started))


def _write_down(phase: str, check: Check) -> None:
    getattr(_log, LEVELS[check.verdict])(
        "a check was made",
        phase=phase,
        check=check.name,
        verdict=check.verdict.value,
        measured=check.output if check.observed is None else check.observed,
        target=None if check.limit == "" else check.limit,
        unit=check.unit or None,
        seconds=check.seconds,
    )


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
