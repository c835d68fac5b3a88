"""What became of the latest backup and of restore drills, for health, alerts and the schedule.

Small files in the state folder: ``backups.json``, ``drills.json``, and ``counters.json`` with the
highest counter of a signed backup that this machine has seen, by store. Whether a backup is
still there is not asked of them but of the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from jobstore.errors import BackupError
from jobstore.locking import FileLock
from jobstore.operations.backup.manifest import Manifest, age_order, ahead
from jobstore.operations.backup.places import FolderPlace
from jobstore.scratch import (
    disk_errors,
    make_folder,
    open_regular,
    write_file,
)
from jobstore.settings.sections import Settings

_DRILLS_KEPT = 100
# Bytes of such a file at most; a hundred drills take 50 KB.
_MOST_OCTETS = 16 * 1024**2
# Seconds to wait for another process that records something.
_PATIENCE = 10.0


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
class Drill:
    """How a restore drill went; ``seconds`` is how long restoring and checking took.

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
    attempt: Attempt | None = _read(_backups(settings), Attempt)
    return attempt


def last_drill(settings: Settings, *, successful: bool = False) -> Drill | None:
    """Return the latest restore drill, or the latest that succeeded; ``None`` without one.

    Drills that are dated in the future, which a wrong clock makes, prove nothing.
    """
    drills = _read(_drills(settings), list[Drill]) or []
    fitting = (each for each in reversed(drills) if each.ok or not successful)
    return next((each for each in fitting if not ahead(each.at)), None)


def record_attempt(settings: Settings, attempt: Attempt) -> None:
    """Keep how an attempt went."""
    _write(_backups(settings), Attempt, attempt)


def record_drill(settings: Settings, drill: Drill) -> None:
    """Keep how a drill went; the latest hundred stay, and the last good one.

    Raises StoreBusy while other processes record theirs for too long.
    """
    make_folder(settings.state_folder)
    with FileLock(_drills(settings), _PATIENCE):
        _add(settings, drill)


def counters(settings: Settings) -> dict[str, int]:
    """Return the highest counter that was seen of each store's signed backups."""
    return _read(_counters(settings), dict[str, int]) or {}


def record_counters(settings: Settings, seen: Mapping[str, int]) -> None:
    """Keep what was seen, where it is higher than what is kept.

    Raises StoreBusy while other processes record theirs for too long.
    """
    known = counters(settings)
    if all(known.get(store, -1) >= counter for store, counter in seen.items()):
        return
    make_folder(settings.state_folder)
    with FileLock(_counters(settings), _PATIENCE):
        known = counters(settings)
        higher = {store: max(counter, known.get(store, 0)) for store, counter in seen.items()}
        _write(_counters(settings), dict[str, int], known | higher)


def _add(settings: Settings, drill: Drill) -> None:
    drills = [*(_read(_drills(settings), list[Drill]) or []), drill]
    good = [each for each in drills[:-_DRILLS_KEPT] if each.ok and not ahead(each.at)][-1:]
    _write(_drills(settings), list[Drill], [*good, *drills[-_DRILLS_KEPT:]])


def _backups(settings: Settings) -> Path:
    return settings.state_folder / "backups.json"


def _drills(settings: Settings) -> Path:
    return settings.state_folder / "drills.json"


def _counters(settings: Settings) -> Path:
    return settings.state_folder / "counters.json"


def _read(path: Path, kind: Any) -> Any:
    with disk_errors(path.parent):
        if not path.exists():
            return None
        with open_regular(path, follow=True) as stream:
            data = stream.read(_MOST_OCTETS)
    try:
        return TypeAdapter(kind).validate_json(data)
    except ValidationError:
        # It is written whole or not at all, so somebody else did this.
        raise BackupError(f"{path} is damaged; remove it.") from None


def _write(path: Path, kind: Any, value: Any) -> None:
    make_folder(path.parent)
    with disk_errors(path.parent):
        write_file(path, TypeAdapter(kind).dump_json(value, indent=2) + b"\n")
