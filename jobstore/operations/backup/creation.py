"""Making a backup while writers go on, and keeping copies of it in every place."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from jobstore import files
from jobstore.engines import archive_of, backend_of, log_of
from jobstore.engines.archive import Dump
from jobstore.engines.backend import Capability
from jobstore.engines.log import Log, Mark
from jobstore.errors import BackupError, JobStoreError
from jobstore.locking import FileLock
from jobstore.operations import logs
from jobstore.operations.backup.catalog import Backup, open_places
from jobstore.operations.backup.manifest import (
    FORMAT,
    LONGEST_REASON,
    SUFFIX,
    LogPlace,
    Manifest,
    new_name,
    parse_manifest,
)
from jobstore.operations.backup.packing import pack, recipients_of
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.state import Attempt, last_attempt, record_attempt
from jobstore.operations.backup.trust import Trust
from jobstore.progress import Progress, silent
from jobstore.scratch import CHUNK, disk_errors, make_folder, require_space, scratch_folder
from jobstore.settings import StoreURL
from jobstore.settings.sections import Settings
from jobstore.version import __version__

_log = logs.get("backup")

# Seconds to wait for another process that makes or removes backups.
_PATIENCE = 10.0
# The most of a copy that its compressed form mostly takes.
_PACKED = 0.5


def create(
    settings: Settings,
    progress: Progress = silent,
    reason: str = "manual",
    *,
    replicate: bool = True,
) -> Backup:
    """Back the store up, and return the backup; blocks.

    Everything that was acknowledged before the call is in it. Where the store's log is kept, the
    manifest says where in it the copy stands, so that the log can be replayed onto it. A place that
    fails is told in ``failures`` and costs the others nothing. Without ``replicate`` it is made in
    the store's folder only, which takes no longer than the disk does; :func:`replicate` brings it
    to the other places later. ``reason`` has at most 1,000 characters.

    Raises StoreUnavailable, StoreCorrupt or SchemaMismatch when the store cannot be read,
    StoreBusy while another backup of it is made, StorageFull, and BackupError when the folder
    of backups cannot be used. The store is only read, whatever happens.
    """
    return _made(settings, working_alone(settings), progress, reason, None, replicate=replicate)


Save = Callable[[Path, str, Progress], Backup]
"""Makes a backup of a file that is a copy of the store, with a reason, in the own folder only."""


@contextmanager
def able_to_save(settings: Settings, octets: int) -> Iterator[Save]:
    """Make sure that a copy of the store, of so many bytes, can be backed up within the block.

    Nobody else makes backups meanwhile. Raises what :func:`create` raises before it copies.
    """
    folder, store = settings.backups_folder, settings.store.address
    with working_alone(settings):
        recipients_of(settings.backup.recipients)
        parent = Path(os.path.realpath(store.path)).parent
        with disk_errors(folder):
            together = folder.stat().st_dev == parent.stat().st_dev
        require_space(folder, int(octets * (_PACKED if together else 1 + _PACKED)))

        def save(copy: Path, reason: str, progress: Progress) -> Backup:
            taken = partial(_take, copy)
            return _made(settings, nullcontext(), progress, reason, taken, replicate=False)

        yield save


def _take(file: Path, copy: Path, progress: Progress) -> None:
    """Let a file that nobody changes be the copy, without copying it where that is possible."""
    try:
        os.link(file, copy)
    except OSError:
        with file.open("rb") as source, files.create(copy) as target:
            shutil.copyfileobj(source, target, CHUNK)


def _made(
    settings: Settings,
    turn: AbstractContextManager[object],
    progress: Progress,
    reason: str,
    dump: Dump | None,
    *,
    replicate: bool,
) -> Backup:
    try:
        with turn:
            backup = _create(settings, progress, reason, dump)
            if replicate:
                backup = _replicate(settings, backup.manifest, progress)
    except JobStoreError as error:
        with _recording():
            earlier = last_attempt(settings)
            store = None if earlier is None else earlier.store
            record_attempt(settings, Attempt(datetime.now(UTC), None, str(error), {}, store))
        _log.error("no backup was made", reason=reason, error=str(error))
        raise
    made = backup.manifest
    attempt = Attempt(made.created_at, made.name, None, backup.failures, made.store)
    with _recording():
        record_attempt(settings, attempt)
    _log.info("a backup was made", backup=made.name, postings=made.postings, octets=made.size)
    _tell_failures(backup)
    return backup


def replicate(
    settings: Settings,
    name: str,
    progress: Progress = silent,
    *,
    places: Collection[str] | None = None,
) -> Backup:
    """Copy a backup from the store's folder to each other place that lacks it; blocks.

    With ``places`` only to those of these names. A place that fails is told in ``failures``.
    Raises BackupError when the folder has no such backup, StoreBusy while another process makes or
    removes backups.
    """
    with working_alone(settings):
        manifest = parse_manifest(open_places(settings)[0].read(name + SUFFIX), name)
        backup = _replicate(settings, manifest, progress, places)
    with _recording():
        latest = last_attempt(settings)
        if latest is not None and latest.backup == name:
            others = {} if places is None else latest.failures
            failures = {each: others[each] for each in others if each not in backup.places}
            record_attempt(
                settings, dataclasses.replace(latest, failures=failures | backup.failures)
            )
    _tell_failures(backup)
    return backup


@contextmanager
def _recording() -> Iterator[None]:
    """Let nothing that keeps an attempt from being recorded hide what came of it."""
    try:
        yield
    except JobStoreError as error:
        _log.error("how a backup went could not be recorded", error=str(error))


def _tell_failures(backup: Backup) -> None:
    for place, fault in backup.failures.items():
        _log.error("a place got no copy of a backup", backup=backup.name, place=place, error=fault)


def working_alone(settings: Settings) -> FileLock:
    """Return the lock that keeps others from making or removing backups in the store's folder."""
    folder = settings.backups_folder
    make_folder(folder)
    busy = "Another process is making or removing backups of this store; try again later."
    return FileLock(folder / "backups", _PATIENCE, lambda: busy)


def _create(settings: Settings, progress: Progress, reason: str, dump: Dump | None) -> Backup:
    address = settings.store.address
    archive = archive_of(address)
    options, folder = settings.backup, settings.backups_folder
    # What a shell passes on that is no UTF-8 has no place in a manifest.
    reason = reason.encode("utf-8", "replace").decode()
    if len(reason) > LONGEST_REASON:
        raise BackupError(f"The reason is longer than {LONGEST_REASON:,} characters; shorten it.")
    recipients = recipients_of(options.recipients)
    own = open_places(settings)[0]
    trust = Trust(settings)
    known = own.listing()[0]
    trust.see(known)
    with disk_errors(folder), scratch_folder(folder) as scratch:
        created_at, copy = datetime.now(UTC), scratch / "copy.db"
        at = None
        if dump is None:
            at = _copy(address, copy, progress, known)
        else:
            dump(copy, progress)
        content = archive.read(copy, progress, thorough=False)
        data = scratch / "data"
        packed = pack([copy], data, recipients=recipients, progress=progress)
        manifest = Manifest(
            format=FORMAT,
            name=new_name(address.path.stem, created_at),
            created_at=created_at,
            reason=reason,
            jobstore=__version__,
            database_size=copy.stat().st_size,
            compression="zstd",
            encryption="age" if recipients else None,
            log=at,
            **packed._asdict(),
            **content._asdict(),
        )
        manifest = trust.sign(manifest)
        copy.unlink()
        own.sweep(manifest.store)
        own.put(manifest, data, progress)
    trust.see([manifest])
    return Backup(manifest, (own.name,), signed=trust.signed(manifest))


def _copy(
    address: StoreURL, copy: Path, progress: Progress, known: Iterable[Manifest]
) -> LogPlace | None:
    """Copy a store while others write; returns where the copy stands in the log, if one is kept.

    The marks are taken around the copy: what is in it is in pieces up to the second one. Whatever
    is wrong with the log costs only the place in it, never the backup.
    """
    archive = archive_of(address)
    if Capability.LOG not in backend_of(address).capabilities:
        archive.dump(address, copy, progress)
        return None
    log = log_of(address)
    before = _mark(log, address)
    archive.dump(address, copy, progress)
    through = None if before is None else _mark(log, address)
    if before is None or through is None or through.generation != before.generation:
        return None
    return LogPlace(
        generation=before.generation,
        order=_order(before.generation, known),
        segment=before.segment,
        through=through.segment,
        second=log.stamp(copy),
    )


def _mark(log: Log, address: StoreURL) -> Mark | None:
    try:
        return None if log.kept(address) is None else log.capture(address)
    except JobStoreError as error:
        _log.error("a backup has no place in the log", error=str(error))
        return None


def _order(generation: str, known: Iterable[Manifest]) -> int:
    """Return the order of a generation: that of its other backups, or one more than any other's.

    It also grows on a machine that has no earlier backups, and after a clock was wrong.
    """
    places = [each.log for each in known if each.log is not None]
    same = [each.order for each in places if each.generation == generation]
    return same[0] if same else max([int(time.time()), *(each.order + 1 for each in places)])


def _replicate(
    settings: Settings,
    manifest: Manifest,
    progress: Progress,
    places: Collection[str] | None = None,
) -> Backup:
    own, *others = open_places(settings)
    signed = Trust(settings).signed(manifest)
    kept, failures = [own.name], {}
    for place in others:
        if places is not None and place.name not in places:
            continue
        failure = _keep(place, manifest, settings.backups_folder / manifest.file, progress)
        if failure is None:
            kept.append(place.name)
        else:
            failures[place.name] = failure
    return Backup(manifest, tuple(kept), failures, signed)


def _keep(place: Place, manifest: Manifest, data: Path, progress: Progress) -> str | None:
    try:
        place.sweep(manifest.store)
        if manifest.name + SUFFIX not in place.sizes():
            place.put(manifest, data, progress)
    except JobStoreError as error:
        return str(error)
    return None
