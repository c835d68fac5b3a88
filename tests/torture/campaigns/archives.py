"""A store that is archived while all goes wrong around it, and is restored to random seconds.

Writers in several processes, of which some are killed; the archiver killed at a system call or at
any moment, frozen, cut off from a place, and doubled; checkpoints and backups at any moment. Then
the machine is lost, or it is not. What was acknowledged before a moment that can be had is there,
what was begun later is not, and the restored store is sound.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from jobstore import JobStoreError
from jobstore.engines import upkeep_of
from jobstore.operations.archiving import moments, restore_at, retention, tidy_all
from jobstore.operations.backup import creation
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.torture.acknowledged import all_of, compare, doctor, read_log, stored
from tests.torture.archiving import settings_for
from tests.torture.campaigns.faulty_calls import CHANGING, place_in
from tests.torture.campaigns.lock_holders import comes_true
from tests.torture.commands import OLD, REPOSITORY, Place
from tests.torture.preloading import Fault, Number
from tests.torture.rounds import Outcome, Round

# How often something goes wrong, and the seconds between two times.
_EVENTS = 10
_BETWEEN = 0.35
# Random seconds that are restored, beside the newest moment.
_SECONDS = 2
# System calls after which an archiver may be killed.
_CALLS = 400


class _Stage:
    """The processes of a round."""

    def __init__(self, round: Round) -> None:
        self.place: Place = place_in(round)
        self.choices: random.Random = round.choices
        self.far = self.place.beside / "far"
        self.away = self.place.beside / "away"
        self.far.mkdir()
        self.settings: Settings = settings_for(self.place.store, self.far)
        self.logs: list[Path] = []
        self.writers: list[subprocess.Popen[bytes]] = []
        self.archivers: list[subprocess.Popen[bytes]] = []
        self.broke = False

    def _start(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
            cwd=self.place.beside,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def write(self) -> None:
        """Start a writer with a log of its own."""
        number = len(self.logs)
        log = self.place.beside / f"log-{number}"
        self.logs.append(log)
        arguments = (str(self.place.store), str(log), f"w{number}x", f"{self.choices.random()}")
        self.writers.append(
            self._start("tests.torture.writing", *arguments, "--busy-timeout", "20")
        )

    def archive(self) -> None:
        """Start an archiver; some are killed before a system call."""
        environment = {}
        if self.choices.random() < 0.4:
            fault = Fault(CHANGING, "kill", self.choices.randint(1, _CALLS))
            counter = Number(self.place.beside / f"counter-{len(self.archivers)}")
            environment = fault.environment(self.place.folder, counter.path)
        arguments = ("tests.torture.archiving", str(self.place.store), str(self.far), "--go-on")
        self.archivers.append(self._start(*arguments, environment=environment))

    # What goes wrong.

    def kill_archiver(self) -> None:
        self.choices.choice(self.archivers).kill()
        self.archive()

    def freeze(self) -> None:
        frozen = self.choices.choice(self.archivers)
        frozen.send_signal(signal.SIGSTOP)
        time.sleep(self.choices.random())
        frozen.send_signal(signal.SIGCONT)

    def cut_off(self) -> None:
        self.far.rename(self.away)
        time.sleep(self.choices.random())
        self.away.rename(self.far)

    def kill_writer(self) -> None:
        self.writers.pop(self.choices.randrange(len(self.writers))).kill()
        self.write()

    def checkpoint(self) -> None:
        upkeep_of(self.settings.store.address).checkpoint(self.settings.store.address, patience=20)

    def back_up(self) -> None:
        creation.create(self.settings)

    def tidy(self) -> None:
        tidy_all(self.settings)

    def double(self) -> None:
        self.archive()

    def alive(self) -> None:
        """See that an archiver is at work: of those that were started all may be dead."""
        if all(each.poll() is not None for each in self.archivers):
            self.archive()

    def end(self) -> None:
        """Kill everybody."""
        for each in (*self.writers, *self.archivers):
            each.kill()
            each.wait()


def archive(round: Round) -> Outcome:
    """Let it go wrong, and restore."""
    outcome = Outcome()
    stage = _Stage(round)
    choices = stage.choices
    # Some objects are many here.
    retention._MOST, retention._LEFT, retention._PIECES = 12, 3, 8
    stage.place.load(all_of(OLD, 1))
    try:
        stage.archive()
        # Archivers that are killed while they begin are begun anew.
        if not any(comes_true(lambda: _begun(stage)) for _ in range(3)):
            outcome.fault("hung", "no archiver makes the backup that the log begins with")
            return outcome
        for _ in range(2):
            stage.write()
        if not comes_true(lambda: all(each.exists() for each in stage.logs)):
            outcome.fault("hung", "no writer begins")
        _events(stage, outcome)
        if choices.random() < 0.5:
            # What was acknowledged until now is brought away before the machine is lost.
            time.sleep(choices.random() * 2)
    finally:
        stage.end()
    _judge(stage, outcome)
    return outcome


def _begun(stage: _Stage) -> bool:
    stage.alive()
    try:
        return bool(moments(stage.settings))
    except JobStoreError:
        return False


def _events(stage: _Stage, outcome: Outcome) -> None:
    wrong: tuple[Callable[[], None], ...] = (
        *(stage.kill_archiver, stage.freeze, stage.cut_off, stage.kill_writer),
        *(stage.checkpoint, stage.back_up, stage.double, stage.tidy),
    )
    for _ in range(_EVENTS):
        time.sleep(stage.choices.random() * 2 * _BETWEEN)
        happens = stage.choices.choice(wrong)
        try:
            happens()
        except JobStoreError as error:
            # A place may be away, and another may make a backup.
            if happens in (stage.checkpoint,):
                outcome.fault("wrong", f"{happens.__name__}: {error}")
        stage.alive()


def _judge(stage: _Stage, outcome: Outcome) -> None:
    told = read_log(*stage.logs)
    outcome.acknowledged += told.acknowledged
    for error in told.untyped:
        outcome.fault("untyped", error)
    place = stage.place
    doctor(place.store, outcome, " of the store that was not lost")
    before = stored(all_of(OLD, 1))
    compare(place.store, read_log(*stage.logs, told=before), outcome)
    if stage.choices.random() < 0.5:
        # The machine is lost; one place is left.
        shutil.rmtree(place.folder)
        place.folder.mkdir()
    stretches = moments(stage.settings)
    # Right after the first backup a place may have that alone.
    wanted = {
        stage.choices.randint(each.first, each.last)
        for each in (stage.choices.choices(stretches, k=_SECONDS) if stretches else ())
    }
    for second in (*sorted(wanted), None):
        target = place.beside / f"restored-{second}.db"
        try:
            done = restore_at(stage.settings, second, to=sqlite_url(target))
        except JobStoreError as error:
            outcome.fault("wrong", f"{second} cannot be had, although it is said to: {error}")
            continue
        if done.as_of is None:
            outcome.fault("wrong", "the log was not replayed")
            continue
        doctor(target, outcome, f" as of {second}")
        until = done.as_of.timestamp()
        told = read_log(*stage.logs, told=stored(all_of(OLD, 1)), until=until)
        if second is None:
            # The newest piece may have what was tried a moment after the one that is told.
            told.allow_later(*stage.logs)
        compare(target, told, outcome)
