"""Processes that are stopped or killed while they hold the lock of writing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.torture.acknowledged import judge, read_log
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.commands import PATIENCE, REPOSITORY, WRITING, Place
from tests.torture.preloading import Fault, Number
from tests.torture.rounds import Outcome, Round

# Calls that are made with the lock held.
_HELD = "pwrite,fdatasync"


@contextlib.contextmanager
def writer(
    place: Place, name: str, *options: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that writes to a store, and keeps the log ``NAME`` beside it."""
    log = str(place.beside / name)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.torture.writing", str(place.store), log, name, name),
            *options,
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
        cwd=place.beside,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines(log: Path) -> int:
    """Return how much a log says."""
    return log.read_bytes().count(b"\n") if log.exists() else 0


def comes_true(condition: Callable[[], bool]) -> bool:
    """Wait until something holds; tell whether it did within a generous time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _stopped(process: subprocess.Popen[bytes]) -> bool:
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def hold(round: Round) -> Outcome:
    """Stop a process in the middle of a write, and see how another one fares."""
    outcome = Outcome()
    choices = round.choices
    place = place_in(round)
    WRITING.prepare(place)
    first, second = place.beside / "first", place.beside / "second"
    fault = Fault(_HELD, "stop", choices.randint(30, 600))
    environment = fault.environment(place.folder, Number(place.beside / "counter").path)
    patience = ("--busy-timeout", "0.5")
    with (
        writer(place, "first", *patience, environment=environment) as stopped,
        writer(place, "second", *patience) as other,
    ):
        if not comes_true(lambda: _stopped(stopped)):
            outcome.fault("wrong", "the first process was never stopped")
        before = lines(second)
        # It is told that the store is busy, again and again.
        if not comes_true(lambda: lines(second) > before + 20):
            outcome.fault("hung", "another process waits for one that is stopped")
        goes_on = choices.random() < 0.5
        before = lines(first)
        stopped.send_signal(signal.SIGCONT if goes_on else signal.SIGKILL)
        if goes_on and not comes_true(lambda: lines(first) > before + 20):
            outcome.fault("hung", "the process that goes on writes nothing")
        done = read_log(second).acknowledged
        if not comes_true(lambda: read_log(second).acknowledged > done + 5):
            outcome.fault("hung", "the lock of a process that is gone stays")
        if other.poll() is not None:
            outcome.fault("untyped", "the other process ended")
    told = read_log(first, second)
    judge(place.store, told, outcome, usual={"StoreBusy", "StoreTimeout", "JobNotFound"})
    return outcome
