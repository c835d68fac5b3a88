"""Opening a backup and checking that it holds what its manifest says.

The restored database stands in a scratch folder; how it gets to its place is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobstore import resources
from jobstore.engines.scripts import read_scripts
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.rebuilding import DERIVED_FORM
from jobstore.errors import BackupError, SchemaMismatch
from jobstore.operations.backup.catalog import Backup, look, pick
from jobstore.operations.backup.content import check_content, opened
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.packing import identities_in, unpack
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.scratch import (
    Progress,
    disk_errors,
    make_folder,
    require_space,
    scratch_folder,
    silent,
)
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
) -> list[Verified]:
    """Check every copy of the newest backup, of one by name, or of ``every`` one; blocks.

    Each copy is read, decrypted and decompressed; its pages and indexes are checked, its rows
    counted and digested. A place that cannot be reached is told as well, or that has damaged
    manifests; and one of the configured places that has no copy of the backup.

    Raises BackupError when there is no such backup, or the identity file cannot be used, and
    StorageFull; what is wrong with a copy is in the result.
    """
    identities = identities_in(settings.backup.identity_file)
    places, catalog, name = look(settings, name)
    backups = catalog.backups if every else (pick(catalog, name),)
    faults = {} if name else catalog.faults
    checked = [Verified(None, place, text, 0.0) for place in faults for text in faults[place]]
    if not every:
        # What has a copy of any was reached, whatever else is wrong with it.
        reached = {place for each in catalog.backups for place in each.places}
        others = (each for each in places[1:] if each.name in reached or each.name not in faults)
        checked += _lacking(backups[0], others)
    make_folder(settings.backups_folder)
    for backup in backups:
        for place in places:
            if place.name in backup.places:
                started = time.monotonic()
                error = _fault(backup, place, settings.backups_folder, identities, progress)
                seconds = round(time.monotonic() - started, 3)
                checked.append(Verified(backup.name, place.name, error, seconds))
    return checked


def _lacking(backup: Backup, places: Iterable[Place]) -> list[Verified]:
    return [
        Verified(backup.name, place.name, f"{place.name} has no copy of {backup.name}.", 0.0)
        for place in places
        if place.name not in backup.places
    ]


def _fault(
    backup: Backup, place: Place, folder: Path, identities: Sequence[Any], progress: Progress
) -> str | None:
    try:
        with disk_errors(folder), scratch_folder(folder) as scratch:
            open_backup(backup, [place], scratch, identities, progress)
    except BackupError as error:
        return str(error)
    return None


def open_backup(
    backup: Backup,
    places: Sequence[Place],
    scratch: Path,
    identities: Sequence[Any],
    progress: Progress,
) -> tuple[Path, str]:
    """Return a database in ``scratch`` that is exactly what was backed up, and whose copy it is.

    The places are tried one after the other, until a copy is good. Raises BackupError that tells
    what is wrong with each, and StorageFull.
    """
    manifest = backup.manifest
    if manifest.encryption is not None and not identities:
        raise BackupError(
            f"Backup {manifest.name} is encrypted; name the file with the secret key in the "
            "configuration (backup: identity_file) or with --identity."
        )
    require_space(scratch, manifest.size + manifest.database_size)
    database = scratch / "restored.db"
    faults: list[str] = []
    for place in places:
        try:
            stored = place.fetch(manifest, scratch, progress)
            unpack(stored, database, manifest, identities=identities, progress=progress)
            check_content(database, manifest, progress)
        except BackupError as error:
            faults.append(f"{place.name}: {error}")
            database.unlink(missing_ok=True)
        else:
            return database, place.name
    raise BackupError(" ".join(faults))


def require_known_schema(manifest: Manifest) -> None:
    """Raise SchemaMismatch when a newer jobstore made the store that was backed up."""
    known = {script.id for script in read_scripts(resources.migrations_folder("sqlite"))}
    newer = sorted({*manifest.migrations} - known)
    if newer:
        raise SchemaMismatch(
            f"Backup {manifest.name} has a schema that this jobstore does not know "
            f"({newer[-1]}); upgrade jobstore."
        )


def require_known_form(database: Path, manifest: Manifest) -> None:
    """Raise SchemaMismatch when a newer jobstore wrote what is derived in a restored database."""
    with translated(), opened(database) as conn:
        if schema.derived_form(conn) > DERIVED_FORM:
            raise SchemaMismatch(
                f"Backup {manifest.name} was written by a newer jobstore; upgrade jobstore."
            )
