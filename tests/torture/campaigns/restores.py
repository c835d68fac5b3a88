"""A store that is replaced from a backup while clients come, write and go."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from jobstore import JobStoreError, StoreBusy
from jobstore.operations.backup import creation
from jobstore.operations.backup.restoring import restore
from jobstore.settings import sqlite_url
from tests.torture.acknowledged import Told, all_of, doctor, edition_of, read, read_log
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.campaigns.lock_holders import comes_true, lines, writer
from tests.torture.commands import OLD, Place
from tests.torture.rounds import Outcome, Round

_RESTORES = 6
# Seconds in which a store that is used all the time has to be let go for once.
_BUSY = 5


def _restore(place: Place, name: str, outcome: Outcome) -> str | None:
    """Replace the store as soon as nobody has it open; return the backup of what was there."""
    end = time.monotonic() + _BUSY
    while time.monotonic() < end:
        try:
            done = restore(place.settings, name=name, replace=True)
        except StoreBusy:
            time.sleep(0.01)
            continue
        except JobStoreError as error:
            outcome.fault("wrong", f"a restore ends with {type(error).__name__}: {error}")
            return None
        outcome.acknowledged += 1
        return done.saved
    # Clients that never leave are no fault.
    return None


def _editions(path: Path, outcome: Outcome) -> dict[str, int]:
    found = {}
    for key, job in asyncio.run(read(path)).items():
        edition = edition_of(job)
        if edition is None:
            outcome.fault("wrong", f"{key} is half of an edition")
        found[key] = edition or 0
    return found


def restore_again_and_again(round: Round) -> Outcome:
    """Restore, while clients come and go: nothing that they wrote is in neither place.

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
    with writer(place, logs[0].name, "--visits"), writer(place, logs[1].name, "--visits"):
        for _ in range(_RESTORES):
            wanted = {log: lines(log) + 1 for log in logs}
            if not comes_true(lambda w=wanted: all(lines(log) >= w[log] for log in w)):
                outcome.fault("hung", "a client no longer writes")
                break
            time.sleep(choices.random() * 0.1)
            backup = _restore(place, first, outcome)
            saved += [backup] if backup else []
    told: Told = read_log(*logs)
    outcome.acknowledged += told.acknowledged
    for error in told.untyped:
        outcome.fault("untyped", error)
    doctor(place.store, outcome)
    there = _editions(place.store, outcome)
    for name in saved:
        copy = place.beside / f"{name}.db"
        restore(place.settings, name=name, to=sqlite_url(copy))
        for key, edition in _editions(copy, outcome).items():
            there[key] = max(edition, there.get(key, 0))
    for key, edition in {**all_of(OLD, 1), **told.last}.items():
        if there.get(key, 0) < edition:
            outcome.fault("lost", f"{key} is edition {there.get(key, 0)}, and not {edition}")
    return outcome
