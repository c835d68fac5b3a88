"""Rounds of campaigns: what one is, what comes of it, and running it where it may hang or die."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import select
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
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


def run_round(campaign: Campaign, seed: str, number: int, patience: float = PATIENCE) -> Outcome:
    """Run a round in a process of its own, and return what came of it.

    A round that does not end is killed with all its processes, and counts as hung; one that fails
    in itself counts as untyped. Raises CannotRun.
    """
    folder = Path(tempfile.mkdtemp(prefix="jobstore-torture-"))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_round(campaign, Round(seed, number, folder.resolve()), writing)
    os.close(writing)
    try:
        told = _read(reading, patience)
    finally:
        # Whatever it started is of its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        shutil.rmtree(folder, ignore_errors=True)
    outcome = Outcome()
    if told is None:
        outcome.fault("hung", f"the round did not end within {patience:g} s")
    elif not told:
        outcome.fault("untyped", "the round's process died")
    elif "cannot" in (read := json.loads(told)):
        raise CannotRun(read["cannot"])
    else:
        outcome = Outcome(**read)
    return outcome


def _be_round(campaign: Campaign, round: Round, writing: int) -> None:
    told: object
    try:
        # What jobstore logs while it works is not the run's own output.
        logging.getLogger("jobstore").addHandler(logging.NullHandler())
        # The parent may not have got to it, and this must be done before anything is started.
        os.setpgid(0, 0)
        told = asdict(campaign.run(round))
    except CannotRun as error:
        told = {"cannot": str(error)}
    except BaseException:
        outcome = Outcome()
        outcome.fault("untyped", traceback.format_exc())
        told = asdict(outcome)
    with os.fdopen(writing, "w") as pipe:
        json.dump(told, pipe)
    os._exit(0)


def _read(pipe: int, patience: float) -> bytes | None:
    """Return what comes until the end, or ``None`` when that takes too long."""
    parts = []
    while select.select([pipe], [], [], patience)[0]:
        part = os.read(pipe, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None
