"""Rounds of campaigns: what one is, what comes of it, and running it where it may hang or die."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

# Seconds that a round may take, far above what a loaded machine needs.
PATIENCE = 300


class CannotRun(Exception):
    """This machine lacks what a campaign needs; the message says what."""


@dataclass
class Outcome:
    """What came of a round, or of several.

    ``acknowledged`` counts writes and commands that were told to be done; the others are faults:
    an acknowledged write that is not there (``lost``), anything that is there and should not be,
    is half there or cannot be gone on with (``wrong``), what did not end (``hung``), and errors
    that are no error of jobstore's (``untyped``). ``notes`` tells of each fault.
    """

    acknowledged: int = 0
    lost: int = 0
    wrong: int = 0
    hung: int = 0
    untyped: int = 0
    notes: list[str] = field(default_factory=list)

    def fault(self, kind: str, note: str) -> None:
        """Count a fault: "lost", "wrong", "hung" or "untyped"."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.notes.append(f"{kind}: {note}")

    def add(self, other: Outcome) -> None:
        """Count what came of another round, too."""
        for name in ("acknowledged", "lost", "wrong", "hung", "untyped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notes += other.notes

    @property
    def failed(self) -> bool:
        """Whether there is any fault."""
        return bool(self.lost or self.wrong or self.hung or self.untyped)


@dataclass(frozen=True)
class Round:
    """One round: a number that stands for all its choices, and an empty folder of its own."""

    seed: str
    number: int
    folder: Path

    @property
    def choices(self) -> random.Random:
        """A generator that makes the same choices each time the round is repeated."""
        return random.Random(f"{self.seed}:{self.number}")


@dataclass(frozen=True)
class Campaign:
    """Rounds of one kind.

    ``must_lose`` marks the control of a campaign: its losses are no fault, they show that the
    campaign would see some.
    """

    name: str
    run: Callable[[Round], Outcome]
    must_lose: bool = False


# Rounds are children of a process that has no threads: a lock that another thread of the tests'
# own process holds at the moment of a fork would never be free in its child.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.torture.__main__", "tests.torture.prepared"])


def run_round(campaign: Campaign, seed: str, number: int, patience: float = PATIENCE) -> Outcome:
    """Run a round in a process of its own, and return what came of it.

    A round that does not end is killed with all its processes, and counts as hung, with the place
    where it stood; one that fails in itself counts as untyped. Raises CannotRun.
    """
    folder = Path(tempfile.mkdtemp(prefix="jobstore-torture-")).resolve()
    stack = Path(f"{folder}.stack")
    told, telling = _PROCESSES.Pipe(duplex=False)
    child = _PROCESSES.Process(
        target=_be_round, args=(campaign, Round(seed, number, folder), stack, telling)
    )
    child.start()
    telling.close()
    outcome: Outcome | CannotRun = Outcome()
    try:
        if told.poll(patience):
            outcome = told.recv()
        else:
            stood = _stood(child, stack)
            outcome.fault("hung", f"the round did not end within {patience:g} s, and is at {stood}")
    except EOFError:
        outcome.fault("untyped", "the round's process died")
    finally:
        assert child.pid is not None
        # Whatever it started is of its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.join()
        told.close()
        shutil.rmtree(folder, ignore_errors=True)
        stack.unlink(missing_ok=True)
    if isinstance(outcome, CannotRun):
        raise outcome
    return outcome


def _be_round(campaign: Campaign, round: Round, stack: Path, telling: Connection) -> None:
    # The parent may not have got to it, and this must be done before anything is started.
    os.setpgid(0, 0)
    told: Outcome | CannotRun
    with stack.open("w") as file:
        faulthandler.register(signal.SIGUSR1, file, all_threads=True)
        try:
            # What jobstore logs while it works is not the run's own output.
            logging.getLogger("jobstore").addHandler(logging.NullHandler())
            told = campaign.run(round)
        except CannotRun as error:
            told = error
        except BaseException:
            told = Outcome()
            told.fault("untyped", traceback.format_exc())
        telling.send(told)
        os._exit(0)


def _stood(child: BaseProcess, stack: Path) -> str:
    """Return where the threads of a round are."""
    assert child.pid is not None
    os.kill(child.pid, signal.SIGUSR1)
    time.sleep(1)
    return stack.read_text()
