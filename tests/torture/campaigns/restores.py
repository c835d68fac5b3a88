"""A store that is replaced from a backup while clients come, write and go."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from pathlib import Path

from jobstore import JobStoreError
from jobstore.engines.sqlite.upkeep import exchange
from jobstore.operations.backup import creation
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.restoring import restore
from jobstore.settings import sqlite_url
from tests.torture.acknowledged import Told, all_of, doctor, edition_of, read, read_log
from tests.torture.campaigns.faulty_calls import number_of_calls, place_in
from tests.torture.campaigns.lock_holders import comes_true, lines, writer
from tests.torture.commands import OLD, REPLACING, Place, run
from tests.torture.preloading import Fault, Number
from tests.torture.rounds import Outcome, Round

_RESTORES = 6
# What a replacement is made of.
_NAMING = "rename,link,unlink"


def _restore(place: Place, name: str, outcome: Outcome) -> str | None:
    """Replace the store, whoever has it open; return the backup of what was there."""
    try:
        done = restore(place.settings, name=name, replace=True)
    except JobStoreError as error:
        outcome.fault("wrong", f"a restore ends with {type(error).__name__}: {error}")
        return None
    outcome.acknowledged += 1
    return done.saved


def _editions(path: Path, outcome: Outcome) -> dict[str, int]:
    found = {}
    for key, job in asyncio.run(read(path)).items():
        edition = edition_of(job)
        if edition is None:
            outcome.fault("wrong", f"{key} is half of an edition")
        found[key] = edition or 0
    return found


def _goes_on(logs: list[Path], choices: random.Random, outcome: Outcome) -> bool:
    """Wait until each client has written again."""
    wanted = {log: lines(log) + 1 for log in logs}
    if not comes_true(lambda: all(lines(log) >= wanted[log] for log in logs)):
        outcome.fault("hung", "a client no longer writes")
        return False
    time.sleep(choices.random() * 0.1)
    return True


def _compare(place: Place, logs: list[Path], saved: list[str], outcome: Outcome) -> None:
    """Look for what was acknowledged: in the store, in these backups, and in what is set aside."""
    told: Told = read_log(*logs)
    outcome.acknowledged += told.acknowledged
    for error in told.untyped:
        outcome.fault("untyped", error)
    doctor(place.store, outcome)
    there = _editions(place.store, outcome)
    copies = []
    for name in saved:
        copies.append(place.beside / f"{name}.db")
        restore(place.settings, name=name, to=sqlite_url(copies[-1]))
    for aside in exchange.asides(place.store):
        copies.append(place.beside / aside.name)
        shutil.copyfile(aside, copies[-1])
    for copy in copies:
        doctor(copy, outcome, f" of {copy.name}")
        for key, edition in _editions(copy, outcome).items():
            there[key] = max(edition, there.get(key, 0))
    for key, edition in {**all_of(OLD, 1), **told.last}.items():
        if there.get(key, 0) < edition:
            outcome.fault("lost", f"{key} is edition {there.get(key, 0)}, and not {edition}")


def restore_again_and_again(round: Round) -> Outcome:
    """Restore, while clients come and go or stay: what they wrote is in one of two places.

    What was acknowledged is in the store, or in the backup that a restore makes of what it
    replaces.
    """
    outcome = Outcome()
    choices = round.choices
    place = place_in(round)
    place.load(all_of(OLD, 1))
    first = creation.create(place.settings).manifest.name
    logs = [place.beside / f"client{number}" for number in range(2)]
    saved: list[str] = []
    with writer(place, logs[0].name, "--visits"), writer(place, logs[1].name, "--adding"):
        for _ in range(_RESTORES):
            if not _goes_on(logs, choices, outcome):
                break
            backup = _restore(place, first, outcome)
            saved += [backup] if backup else []
    if exchange.asides(place.store):
        outcome.fault("wrong", "what was set aside is still there")
    _compare(place, logs, saved, outcome)
    return outcome


def kill_a_restore(round: Round) -> Outcome:
    """Kill a restore beside clients before each call that gives or takes names; then repeat it."""
    outcome = Outcome()
    choices = round.choices
    calls = number_of_calls(REPLACING, round, _NAMING)
    fault = Fault(_NAMING, "kill", 1 + round.number % max(1, calls))
    place = place_in(round)
    REPLACING.prepare(place)
    first = (place.beside / "backup").read_text()
    logs = [place.beside / f"client{number}" for number in range(2)]
    counter = Number(round.folder / "counter")
    with writer(place, logs[0].name, "--visits"), writer(place, logs[1].name, "--adding"):
        if _goes_on(logs, choices, outcome):
            done = run(
                place, REPLACING.command(place), fault.environment(place.folder, counter.path)
            )
            if done is None:
                outcome.fault("hung", "the restore does not end")
            # Whoever comes after a kill can work with what is there.
            _goes_on(logs[:1], choices, outcome)
            _restore(place, first, outcome)
            _goes_on(logs, choices, outcome)
    saved = [each.name for each in read_catalog(place.settings).backups if each.name != first]
    _compare(place, logs, saved, outcome)
    outcome.notes = [f"{fault}: {each}" for each in outcome.notes]
    return outcome
