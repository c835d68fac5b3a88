"""Giving a store back: as a new one, or in the place of one that is there.

Everything is fetched, opened and checked in a scratch folder beside the target before anything
else is touched. What takes the place of a store that is there is in
:mod:`jobstore.operations.backup.replacing`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobstore import migrating
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.catalog import choose
from jobstore.operations.backup.packing import identities_in
from jobstore.operations.backup.replacing import replace_store
from jobstore.operations.backup.scratch import (
    disk_errors,
    make_folder,
    scratch_folder,
    sweep,
    synchronise,
)
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.backup.verification import open_chosen, require_known_form
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL, parse_store_url
from jobstore.settings.sections import Settings

_log = logs.get("backup")

# What SQLite keeps beside a database and would take for the restored one's. An empty WAL, which
# readers leave, holds nothing; what else there is beside it is made anew by whoever opens first.
_BESIDE = ("-wal", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, from where to where.

    ``saved`` is the backup of what was there before, or the file it was moved to when it was too
    damaged to be backed up; ``None`` if nothing was there. ``failures`` names the places that did
    not get a copy of that backup. ``advice`` says what is left to do before the store can be
    opened, such as migrating one of an older schema; mostly ``None``. ``seconds`` is how long all
    of it took. ``faults`` tells what was wrong with copies and newer backups that were passed
    over, ``warnings`` what is wrong with places, where there may be a newer one.
    """

    backup: str
    created_at: datetime
    place: str
    path: Path
    postings: int
    saved: str | None
    failures: dict[str, str]
    advice: str | None
    seconds: float
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def restore(
    settings: Settings,
    progress: Progress = silent,
    *,
    to: str | StoreURL | None = None,
    name: str | None = None,
    at: datetime | None = None,
    replace: bool = False,
    accept: Collection[Doubt] = (),
) -> Restored:
    """Restore a backup: the newest, the one of that ``name``, or the newest not after ``at``.

    Where no copy of the newest is good it is the one before it, and so on; ``faults`` tells.
    ``accept`` names what would be refused: ``"unsigned"`` where the settings have a key,
    ``"unencrypted"`` where they have recipients, ``"older"`` for one that is older than the
    newest signed one that this machine has seen, unless it was asked for, and ``"foreign"`` for
    one with tables, views or triggers that no migration made.

    ``to`` is the store to restore to, by default the one of the settings. One that is there is
    only replaced with ``replace``, after a backup of it was made; the swap is atomic, and is
    refused while any process has it open. Blocks.

    A backup of an older schema is restored as it was.

    Raises BackupError when there is no such backup, when no copy of it is good, or when the
    target exists; StoreBusy when the store is in use; SchemaMismatch when a newer jobstore made
    it; StorageFull. Whatever is raised, the store that was there is untouched.
    """
    started = time.monotonic()
    target = settings.store.address if to is None else parse_store_url(to)
    # A link stays one; what it leads to is replaced.
    path = Path(os.path.realpath(target.path))
    store = settings.store.model_copy(update={"url": str(target)})
    # First, since a restore that was killed may have left the store a second name.
    sweep(path.parent)
    _require_file(path)
    if not replace:
        _require_absent(path)
    choice = choose(settings, name, at, accept)
    identities = identities_in(settings.backup.identity_file)
    make_folder(path.parent)
    saved: str | None = None
    failures: dict[str, str] = {}
    with disk_errors(path.parent), scratch_folder(path.parent) as scratch:
        backup, database, place, faults = open_chosen(choice, scratch, identities, progress)
        require_known_form(database, backup.manifest)
        database.chmod(0o600)
        synchronise(database)
        if replace:
            there = settings.model_copy(update={"store": store})
            saved, failures = replace_store(there, path, database, progress)
        else:
            _put(database, path)
    _log.warning("a store was restored", backup=backup.name, to=str(path), saved=saved)
    return Restored(
        backup=backup.name,
        created_at=backup.manifest.created_at,
        place=place,
        path=path,
        postings=backup.manifest.postings,
        saved=saved,
        failures=failures,
        advice=_advice(target),
        seconds=round(time.monotonic() - started, 3),
        faults=faults,
        warnings=tuple(fault for told in choice.faults.values() for fault in told),
    )


def _advice(target: StoreURL) -> str | None:
    try:
        migrating.check_schema(target)
    except JobStoreError as error:
        return str(error)
    return None


def _require_file(path: Path) -> None:
    """Refuse what a file cannot be put in the place of, or only at the cost of another one."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BackupError(f"{path} is not a file; restore to another place with --to.")
    if path.exists() and path.stat().st_nlink > 1:
        raise BackupError(
            f"{path} has other names (hard links), which would no longer hold a store; remove "
            "them, or restore to another file with --to."
        )


def _require_absent(path: Path) -> None:
    if path.exists():
        raise _exists(path)
    for file in (Path(f"{path}{end}") for end in _BESIDE):
        if file.exists() and file.stat().st_size:
            raise _exists(file)


def _put(database: Path, path: Path) -> None:
    """Give the database its name, unless somebody took it meanwhile."""
    try:
        os.link(database, path)
    except FileExistsError:
        raise _exists(path) from None
    synchronise(path.parent)


def _exists(file: Path) -> BackupError:
    return BackupError(
        f"{file} exists and was not touched; restore to another file, or add --replace to put "
        "the backup in its place, after a backup of what is there."
    )
