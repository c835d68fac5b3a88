"""Opening a backup and checking that it holds what its manifest says.

The restored database stands in a scratch folder; how it gets to its place is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jobstore.errors import (
    BackupError,
    JobStoreError,
    SchemaMismatch,
    StorageFull,
    StoreUnavailable,
)
from jobstore.operations.backup.catalog import Backup, Choice, choose
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.packing import unpack
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.trust import Doubt
from jobstore.progress import Progress, silent
from jobstore.scratch import disk_errors, make_folder, require_space, scratch_folder
from jobstore.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one copy of a backup; ``error`` is ``None`` when it is good.

    ``backup`` is ``None`` where it cannot be told which one a fault of the place concerns.
    """

    backup: str | None
    place: str
    error: str | None
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the copy can be restored."""
        return self.error is None


def verify(
    settings: Settings,
    progress: Progress = silent,
    *,
    name: str | None = None,
    every: bool = False,
    accept: Collection[Doubt] = (),
) -> list[Verified]:
    """Check every copy of the newest backup, of one by name, or of ``every`` one; blocks.

    Each copy is read, decrypted and decompressed; its pages and indexes are checked, its rows
    counted and digested. Where no copy of the newest is good, those of the one before it are
    checked as well, and so on. What :func:`.restoring.restore` would refuse is told, unless
    ``accept`` names it. A place that cannot be reached is told as well, or that has damaged
    manifests; and one of the configured places that has no copy of the backup.

    Raises BackupError when there is no such backup, or the identity file cannot be used; what is
    wrong with a copy is in the result.
    """
    choice = choose(settings, name, accept=accept, every=every)
    checked = [
        Verified(None, place, text, 0.0) for place, told in choice.faults.items() for text in told
    ]
    make_folder(settings.backups_folder)
    for backup in choice.backups:
        found = list(_copies(settings.backups_folder, choice, backup, progress))
        if not every and choice.doubt(backup) is None:
            found = [*_lacking(backup, choice), *found]
        checked += found
        if not every and any(each.ok for each in found):
            break
    return checked


def _copies(folder: Path, choice: Choice, backup: Backup, progress: Progress) -> Iterable[Verified]:
    doubt = choice.doubt(backup)
    for place in choice.places_of(backup):
        started = time.monotonic()
        error = doubt
        if error is None:
            try:
                with disk_errors(folder), scratch_folder(folder) as scratch:
                    _open(choice, backup.manifest, place, scratch, progress)
            except JobStoreError as failure:
                error = _of(backup, failure)
        yield Verified(backup.name, place.name, error, round(time.monotonic() - started, 3))


def _lacking(backup: Backup, choice: Choice) -> Iterable[Verified]:
    # What has a copy of any was reached, whatever else is wrong with it.
    reached = {place for each in choice.backups for place in each.places}
    for place in choice.places[1:]:
        if place.name not in backup.places and (
            place.name in reached or place.name not in choice.faults
        ):
            error = f"{place.name} has no copy of {backup.name}."
            yield Verified(backup.name, place.name, error, 0.0)


def _of(backup: Backup, error: JobStoreError) -> str:
    """Return what is wrong with a copy, with the name of the backup."""
    text = str(error)
    return text if backup.name in text else f"Backup {backup.name}: {text}"


class Opened(NamedTuple):
    """A restored database that is exactly what was backed up, and whose copy it is.

    ``faults`` tells what was wrong with other copies, and with backups that were passed over.
    ``warnings`` tells what is wrong with places. Where the log was replayed onto it, ``as_of`` is
    the recovery point and ``postings`` are how many there were then.
    """

    backup: Backup
    database: Path
    place: str
    faults: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    as_of: datetime | None = None
    postings: int | None = None


def open_chosen(choice: Choice, scratch: Path, progress: Progress = silent) -> Opened:
    """Return the best of a choice that has a good copy, as a database in ``scratch``.

    Raises BackupError that tells what is wrong with each, StorageFull when none fits on the
    disk, and SchemaMismatch when a newer jobstore made it.
    """
    faults: list[str] = []
    full = True
    for backup in choice.backups:
        doubt = choice.doubt(backup)
        if doubt is not None:
            faults.append(doubt)
            full = False
            continue
        for place in choice.places_of(backup):
            try:
                database = _open(choice, backup.manifest, place, scratch, progress)
            except JobStoreError as error:
                faults.append(f"{place.name}: {_of(backup, error)}")
                full = full and isinstance(error, StorageFull)
                continue
            if (newer := choice.archive.newer(database)) is not None:
                raise SchemaMismatch(f"Backup {backup.name} {newer}; upgrade jobstore.")
            return Opened(backup, database, place.name, tuple(faults), choice.warnings)
    raise (StorageFull if full else BackupError)(" ".join([*choice.warnings, *faults]))


def _open(
    choice: Choice, manifest: Manifest, place: Place, scratch: Path, progress: Progress
) -> Path:
    """Return the database of one copy; nothing is left of one that is not good."""
    if manifest.encryption is not None and not choice.identities:
        raise BackupError(
            f"Backup {manifest.name} is encrypted; name the file with the secret key in the "
            "configuration (backup: identity_file) or with --identity."
        )
    require_space(scratch, manifest.size + manifest.database_size)
    database = scratch / "restored.db"
    stored = database
    try:
        stored = place.fetch(manifest, scratch, progress)
        unpack(
            stored,
            database,
            manifest.promise,
            fits=choice.archive.fits,
            identities=choice.identities,
            progress=progress,
        )
        _check(choice, database, manifest, progress)
    except BaseException:
        database.unlink(missing_ok=True)
        raise
    finally:
        if stored.parent == scratch and stored != database:
            stored.unlink()
    return database


def _check(choice: Choice, database: Path, manifest: Manifest, progress: Progress) -> None:
    """Raise BackupError unless an unpacked copy is sound and holds what its manifest says.

    Its schema has to be that of its migrations, unless others are accepted. That of a newer
    jobstore is not known here.
    """
    own = "foreign" not in choice.trust.accept
    try:
        content = choice.archive.read(database, progress, thorough=True, own=own)
    except (StoreUnavailable, SchemaMismatch) as error:
        raise BackupError(
            f"Backup {manifest.name} is damaged inside; use another one. ({error})"
        ) from error
    for name, found in content._asdict().items():
        if getattr(manifest, name) != found:
            raise BackupError(
                f"Backup {manifest.name} holds other {name} than its manifest says; use another."
            )
