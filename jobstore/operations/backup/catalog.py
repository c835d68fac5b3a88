"""Which backups there are, over all places, and which one is meant.

Nothing is changed here. A place that cannot be reached hides only its own copies, and is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jobstore.engines import archive_of
from jobstore.engines.archive import Archive
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations.backup.manifest import SUFFIX, Manifest, ahead
from jobstore.operations.backup.object_places import ObjectPlace
from jobstore.operations.backup.packing import identities_in
from jobstore.operations.backup.places import FolderPlace, Place
from jobstore.operations.backup.state import last_attempt
from jobstore.operations.backup.trust import Doubt, Trust
from jobstore.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup, the names of the places that keep it, and why others do not.

    ``signed`` is whether a key of the settings signed it; ``None`` where they have no key.
    """

    manifest: Manifest
    places: tuple[str, ...]
    failures: dict[str, str] = field(default_factory=dict)
    signed: bool | None = None

    @property
    def name(self) -> str:
        """What the backup is called."""
        return self.manifest.name


@dataclass(frozen=True, slots=True)
class Catalog:
    """All backups, the newest first, and what is wrong with each place and its copies.

    Backups of the future, which a wrong clock makes, come last and are told as faults. Where
    places tell different things of one backup, it is here once for each of them.
    """

    backups: tuple[Backup, ...]
    faults: dict[str, tuple[str, ...]]


def open_places(settings: Settings) -> list[Place]:
    """Return the places of a store's backups; the folder that they are made in comes first.

    One that is named twice is one place. Nothing is reached for yet.
    """
    own = settings.backups_folder
    places: list[Place] = [FolderPlace(own)]
    folders = {own.resolve()}
    for address in dict.fromkeys(settings.backup.places):
        if "://" in address:
            secrets = settings.backup.place_options.get(address, {})
            options = {key: each.get_secret_value() for key, each in secrets.items()}
            places.append(ObjectPlace(address, options))
            continue
        folder = Path(address).expanduser().absolute()
        if folder.resolve() not in folders:
            folders.add(folder.resolve())
            places.append(FolderPlace(folder))
    return places


def read_catalog(settings: Settings) -> Catalog:
    """Return the backups in all places. A folder that nothing was put in yet is no fault."""
    return _read(open_places(settings), settings.backups_folder, Trust(settings))


def _read(places: Iterable[Place], may_be_missing: Path, trust: Trust) -> Catalog:
    found: dict[str, list[tuple[Manifest, list[str]]]] = {}
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
            variants = found.setdefault(manifest.name, [])
            same = [names for known, names in variants if known == manifest]
            if variants and not same:
                told.append(f"{place.name}: Backup {manifest.name} differs from the others.")
            if same:
                same[0].append(place.name)
            else:
                variants.append((manifest, [place.name]))
    # Of those that sort alike the first place goes first.
    every = sorted(
        [each for variants in found.values() for each in variants],
        key=lambda each: trust.order(each[0]),
        reverse=True,
    )
    return Catalog(
        tuple(
            Backup(manifest, tuple(names), signed=trust.signed(manifest))
            for manifest, names in every
        ),
        {place: tuple(told) for place, told in faults.items() if told},
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be meant, the best first: a backup, and others in case it is not good.

    ``latest`` says that the newest of all is meant. ``faults`` tells what is wrong with
    places, by place, where that may have hidden what is meant. The rest is what it takes to open
    one: the keys, and the engine's way with copies.
    """

    backups: tuple[Backup, ...]
    places: tuple[Place, ...]
    latest: bool
    faults: dict[str, tuple[str, ...]]
    trust: Trust
    identities: list[Any]
    archive: Archive

    def doubt(self, backup: Backup) -> str | None:
        """Say why one of them is refused before it is looked into; ``None`` where it is not."""
        told = self.trust.doubt(backup.manifest)
        if told is None and self.latest:
            told = self.trust.doubt_newest(backup.manifest)
        return told

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with any place, where that may have hidden what is meant."""
        return tuple(fault for told in self.faults.values() for fault in told)

    def places_of(self, backup: Backup) -> list[Place]:
        """Return the places that keep one of them."""
        return [place for place in self.places if place.name in backup.places]


def choose(
    settings: Settings,
    name: str | None = None,
    at: datetime | None = None,
    accept: Collection[Doubt] = (),
    *,
    every: bool = False,
) -> Choice:
    """Return the backup that is meant, and what may stand in for it; or with ``every`` all.

    ``name`` is a backup's name, or the path of one of its files, wherever that is. Without it
    the newest is meant, or the newest that is not later than ``at``; one of the future only
    where there is no other, and so is one of what a restore replaced. ``accept``
    names what would be refused.

    Raises BackupError when there is none, or when those of several stores lie together, none is
    named, and this machine made none of them; and when the identity file cannot be used.
    """
    identities = identities_in(settings.backup.identity_file)
    archive = archive_of(settings.store.address)
    places, catalog, name, trust = _look(settings, name, accept)
    if every:
        return Choice(
            catalog.backups, tuple(places), False, catalog.faults, trust, identities, archive
        )
    fitting = [each for each in catalog.backups if name in (None, each.name)]
    if name is None:
        fitting = [each for each in fitting if at is None or each.manifest.created_at <= at]
        fitting = _of_one_store(settings, fitting, trust)
        # A restore that was killed and is repeated shall not bring back what it was to replace.
        fitting = [each for each in fitting if not each.manifest.replaced] or fitting
    faults = {} if name else catalog.faults
    if not fitting:
        what = f"called {name}" if name else "old enough" if at and catalog.backups else "yet"
        told = [fault for each in catalog.faults.values() for fault in each]
        raise BackupError(
            " ".join([f"There is no backup {what}; see 'jobstore backup list'.", *told])
        )
    latest = name is None and at is None
    return Choice(tuple(fitting), tuple(places), latest, faults, trust, identities, archive)


def _look(
    settings: Settings, name: str | None, accept: Collection[Doubt]
) -> tuple[list[Place], Catalog, str | None, Trust]:
    """Return where a backup is looked for, what is there, what is meant, and what is believed."""
    places = open_places(settings)
    if name is not None and _is_file(name):
        file = Path(name).resolve()
        places = [FolderPlace(file.parent)]
        name = file.name.removesuffix(".age").removesuffix(".db.zst").removesuffix(SUFFIX)
    trust = Trust(settings, accept)
    catalog = _read(places, settings.backups_folder, trust)
    trust.see(each.manifest for each in catalog.backups)
    return places, catalog, name, trust


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:
        # It is too long for that.
        return False


def _of_one_store(settings: Settings, backups: list[Backup], trust: Trust) -> list[Backup]:
    """Return the backups of one store: of the only one that is believed, or of this machine's."""
    stores = {each.manifest.store for each in backups if trust.doubt(each.manifest) is None}
    if len(stores) > 1:
        attempt = last_attempt(settings)
        stores &= {None if attempt is None else attempt.store}
        if not stores:
            raise BackupError(
                "Backups of several stores lie together; name one, see 'jobstore backup list'."
            )
    return [each for each in backups if not stores or each.manifest.store in stores]
