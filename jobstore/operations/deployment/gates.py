"""Gates: named checks that are run one after the other, timed, and judged.

What is checked is decided elsewhere. A check returns what it measured, or raises what is wrong;
the first one that fails ends the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from jobstore.checks import Verdict
from jobstore.checks.running import reason
from jobstore.errors import JobStoreError
from jobstore.operations import logs

_log = logs.get("deployment")

Value = str | int | float

NO_ADVICE = "See deployment.log in the logs folder, mend it, and run the command again."


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check found, what it had to reach, and in which unit; ``advice`` says what to do.

    A target that is a limit says so in ``bound``: ``at most`` or ``at least``.
    """

    measured: Value
    target: Value = ""
    unit: str = ""
    verdict: Verdict = Verdict.PASS
    advice: str = ""
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """One check as it went; ``seconds`` is how long it took."""

    name: str
    verdict: Verdict
    measured: Value
    target: Value
    unit: str
    advice: str
    seconds: float
    bound: str = ""


@dataclass(slots=True)
class Phase:
    """Checks that belong together, in order, and how long all of them took."""

    name: str
    gates: list[Gate] = field(default_factory=list)
    seconds: float = 0.0


class Check(NamedTuple):
    """A check that is to be run: its name, and how to look."""

    name: str
    look: Callable[[], Measured]


class Stopped(Exception):
    """A check failed, so nothing after it was run."""

    def __init__(self, phase: str, gate: Gate) -> None:
        target = f"; wanted: {wanted(gate)}" if gate.target != "" else ""
        super().__init__(f"{phase}: {gate.name}: {shown(gate.measured, gate.unit)}{target}")
        self.phase = phase
        self.gate = gate


def shown(value: Value, unit: str) -> str:
    """Return a value with its unit, for people."""
    if isinstance(value, str):
        return value
    number = int(value) if value == int(value) else value
    return f"{number:,} {unit}".rstrip()


def wanted(gate: Gate) -> str:
    """Return what a gate had to reach, for people; empty where nothing was asked for."""
    # What follows a comma tells how it was measured.
    return f"{gate.bound} {shown(gate.target, gate.unit.partition(',')[0])}".strip()


Told = Callable[[str, Gate], object]
"""Is told the phase and the gate, after each check."""


def silent(phase: str, gate: Gate) -> None:
    """Tell nobody."""


class Course:
    """Runs phases and keeps how they went in ``phases``; ``told`` hears of every check."""

    def __init__(self, phases: list[Phase], told: Told) -> None:
        self.phases = phases
        self._told = told

    def run(self, name: str, checks: Iterable[Check]) -> None:
        """Run the checks of a phase. Raises Stopped at the first one that fails."""
        phase = Phase(name)
        self.phases.append(phase)
        started = time.monotonic()
        try:
            for check in checks:
                gate = _look(check)
                phase.gates.append(gate)
                self._told(name, gate)
                _write_down(name, gate)
                if gate.verdict is Verdict.FAIL:
                    raise Stopped(name, gate)
        finally:
            phase.seconds = _since(started)


def _look(check: Check) -> Gate:
    started = time.monotonic()
    try:
        found = check.look()
    except (JobStoreError, OSError) as error:
        # What our own errors say includes what to do.
        ours = isinstance(error, JobStoreError)
        found = Measured(reason(error), verdict=Verdict.FAIL, advice="" if ours else NO_ADVICE)
    except Exception as error:
        _log.exception("a check could not be run", check=check.name)
        found = Measured(reason(error), verdict=Verdict.FAIL, advice=NO_ADVICE)
    return Gate(
        name=check.name,
        verdict=found.verdict,
        measured=found.measured,
        target=found.target,
        unit=found.unit,
        advice=found.advice,
        seconds=_since(started),
        bound=found.bound,
    )


def _write_down(phase: str, gate: Gate) -> None:
    told = {
        Verdict.PASS: _log.info,
        Verdict.WARN: _log.warning,
        Verdict.FAIL: _log.error,
    }[gate.verdict]
    told(
        "a check was made",
        phase=phase,
        check=gate.name,
        verdict=gate.verdict.value,
        measured=gate.measured,
        target=None if gate.target == "" else gate.target,
        unit=gate.unit or None,
        seconds=gate.seconds,
    )


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
