"""What became of the latest backup and of restore tests, and which signed backups were seen.

It is kept in the database of operations, for health, alerts and the schedule. Whether a backup is
still there is not asked of it but of the folder. Everything here raises StoreUnavailable,
StoreBusy, SchemaMismatch and, where it writes, StorageFull.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime

from jobstore.operations.backup.manifest import Manifest, age_order, ahead
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.database import reading, writing
from jobstore.operations.times import moment_of
from jobstore.settings.sections import Settings

_TESTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the latest attempt to make a backup went.

    ``backup`` is its name, ``None`` if it failed; ``error`` says why. ``failures`` names the
    places that did not get a copy, with the reasons. ``store`` tells the store's backups from
    those of others; ``None`` before the first.
    """

    at: datetime
    backup: str | None
    error: str | None
    failures: dict[str, str]
    store: str | None


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The store's newest backup that is whole in its folder, and the latest attempt at one."""

    manifest: Manifest | None
    attempt: Attempt | None

    @property
    def created_at(self) -> datetime | None:
        """The moment of the newest backup; ``None`` if there is none."""
        return None if self.manifest is None else self.manifest.created_at


@dataclass(frozen=True, slots=True)
class RestoreTest:
    """How a restore test went; ``seconds`` is how long restoring and checking took.

    ``age_seconds`` is how old the backup was: what a loss at that moment would have cost.
    ``faults`` tells what was wrong with copies and newer backups that were passed over.
    """

    at: datetime
    backup: str | None
    place: str | None
    ok: bool
    error: str | None
    seconds: float
    age_seconds: float | None
    postings: int | None
    faults: tuple[str, ...] = ()


def last_backup(settings: Settings) -> LastBackup:
    """Return the newest backup in the store's own folder, and how the latest attempt went.

    One of the future is only returned where there is no other. Copies elsewhere are not asked for,
    so this is quick. Raises BackupError when the folder
    cannot be read.
    """
    folder, attempt = settings.backups_folder, last_attempt(settings)
    listed = FolderPlace(folder).listing()[0] if folder.exists() else []
    store = None if attempt is None else attempt.store
    found = [each for each in listed if store in (None, each.store)]
    newest = max(found, key=age_order, default=None)
    return LastBackup(newest, attempt)


def last_attempt(settings: Settings) -> Attempt | None:
    """Return how the latest attempt to make a backup went; ``None`` before the first."""
    with reading(settings.operations_db) as kept:
        rows = kept.rows("backup_attempt")
    for at, backup, error, failures, store in rows:
        return Attempt(moment_of(at), backup, error, json.loads(failures), store)
    return None


def record_attempt(settings: Settings, attempt: Attempt) -> None:
    """Keep how an attempt went."""
    at, backup, error, failures, store = astuple(attempt)
    with writing(settings.operations_db) as kept:
        row = (at.timestamp(), backup, error, json.dumps(failures), store)
        kept.run("put_backup_attempt", row)


def last_restore_test(settings: Settings, *, successful: bool = False) -> RestoreTest | None:
    """Return the latest restore test, or the latest that succeeded; ``None`` without one.

    Tests that are dated in the future, which a wrong clock makes, prove nothing.
    """
    with reading(settings.operations_db) as kept:
        rows = kept.rows("restore_tests")
    for at, backup, place, ok, *measured, faults in rows:
        moment = moment_of(at)
        if (ok or not successful) and not ahead(moment):
            told = (*measured, tuple(json.loads(faults)))
            return RestoreTest(moment, backup, place, bool(ok), *told)
    return None


def record_restore_test(settings: Settings, tested: RestoreTest) -> None:
    """Keep how a restore test went; the latest hundred stay, and the last good one."""
    at, *told, faults = astuple(tested)
    with writing(settings.operations_db) as kept:
        kept.run("put_restore_test", (at.timestamp(), *told, json.dumps(faults)))
        kept.run("prune_restore_tests", {"kept": _TESTS_KEPT, "now": time.time()})


def counters(settings: Settings) -> dict[str, int]:
    """Return the highest counter that was seen of each store's signed backups."""
    with reading(settings.operations_db) as kept:
        return dict(kept.rows("backup_counters"))


def record_counters(settings: Settings, seen: Mapping[str, int]) -> None:
    """Keep what was seen, where it is higher than what is kept."""
    known = counters(settings)
    if any(known.get(store, -1) < counter for store, counter in seen.items()):
        with writing(settings.operations_db) as kept:
            kept.run("raise_backup_counter", *seen.items())
