"""Which backups there are, over all places, and which one is meant.

Nothing is changed here. A place that cannot be reached hides only its own copies, and is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from jobstore.errors import BackupError, JobStoreError
from jobstore.operations.backup.manifest import SUFFIX, Manifest, age_order, ahead
from jobstore.operations.backup.places import FolderPlace, Place, open_places
from jobstore.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup, the names of the places that keep it, and why others do not."""

    manifest: Manifest
    places: tuple[str, ...]
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the backup is called."""
        return self.manifest.name


@dataclass(frozen=True, slots=True)
class Catalog:
    """All backups, the newest first, and what is wrong with each place and its copies.

    Backups of the future, which a wrong clock makes, come last and are told as faults.
    """

    backups: tuple[Backup, ...]
    faults: dict[str, tuple[str, ...]]


def read_catalog(settings: Settings) -> Catalog:
    """Return the backups in all places. A folder that nothing was put in yet is no fault."""
    return _read(open_places(settings), settings.backups_folder)


def _read(places: Iterable[Place], may_be_missing: Path) -> Catalog:
    found: dict[str, tuple[Manifest, list[str]]] = {}
    faults: dict[str, list[str]] = {}
    for place in places:
        told = faults.setdefault(place.name, [])
        if place.name == str(may_be_missing) and not may_be_missing.exists():
            continue
        try:
            listed, wrong = place.listing()
        except JobStoreError as error:
            told.append(str(error))
            continue
        told += [f"{place.name}: {fault}" for fault in wrong]
        for manifest in listed:
            if ahead(manifest.created_at):
                told.append(
                    f"{place.name}: Backup {manifest.name} is dated in the future "
                    f"({manifest.created_at.isoformat(' ', 'minutes')}); check the clock. It is "
                    "not taken as the newest."
                )
            known, names = found.setdefault(manifest.name, (manifest, []))
            if known == manifest:
                names.append(place.name)
            else:
                told.append(f"{place.name}: Backup {manifest.name} differs from the others.")
    newest = sorted(found.values(), key=lambda each: age_order(each[0]))
    return Catalog(
        tuple(Backup(manifest, tuple(names)) for manifest, names in reversed(newest)),
        {place: tuple(told) for place, told in faults.items() if told},
    )


def choose(
    settings: Settings, name: str | None = None, at: datetime | None = None
) -> tuple[Backup, list[Place]]:
    """Return one backup, and the places that keep it.

    ``name`` is a backup's name, or the path of one of its files, wherever that is. Without it
    the newest is meant, or the newest that is not later than ``at``; one of the future only
    where there is no other. Raises BackupError when there is none, or when those of several
    stores lie together and none is named.
    """
    places, catalog, name = look(settings, name)
    backup = pick(catalog, name, at)
    return backup, [place for place in places if place.name in backup.places]


def look(settings: Settings, name: str | None) -> tuple[list[Place], Catalog, str | None]:
    """Return where a backup is looked for, what is there, and the name of what is meant."""
    places = open_places(settings)
    if name is not None and Path(name).is_file():
        file = Path(name).absolute()
        places = [FolderPlace(file.parent)]
        name = file.name.removesuffix(".age").removesuffix(".db.zst").removesuffix(SUFFIX)
    return places, _read(places, settings.backups_folder), name


def pick(catalog: Catalog, name: str | None, at: datetime | None = None) -> Backup:
    """Return the backup that :func:`choose` means."""
    if name is not None:
        fitting = [each for each in catalog.backups if each.name == name]
    else:
        fitting = [each for each in catalog.backups if at is None or each.manifest.created_at <= at]
        if len({each.manifest.store for each in fitting}) > 1:
            raise BackupError(
                "Backups of several stores lie together; name one, see 'jobstore backup list'."
            )
    if not fitting:
        what = f"called {name}" if name else "old enough" if at and catalog.backups else "yet"
        faults = [fault for told in catalog.faults.values() for fault in told]
        raise BackupError(
            " ".join([f"There is no backup {what}; see 'jobstore backup list'.", *faults])
        )
    return fitting[0]
