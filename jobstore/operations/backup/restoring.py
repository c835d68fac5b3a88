"""Giving a store back: as a new one, or in the place of one that is there.

What may be refused is refused first. Then everything is fetched, opened and checked in a scratch
folder beside the target, before anything else is touched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jobstore import migrating
from jobstore.engines import archive_of, upkeep_of
from jobstore.engines.archive import Dump, Loss
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.catalog import choose
from jobstore.operations.backup.creation import create, replicate
from jobstore.operations.backup.manifest import BEFORE_RESTORE
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.backup.verification import Opened, open_chosen
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL, parse_store_url
from jobstore.settings.sections import Settings

_log = logs.get("backup")


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
    as_of: datetime | None = None
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

    def make(scratch: Path) -> Opened:
        return open_chosen(choose(settings, name, at, accept), scratch, progress)

    return give_back(settings, make, progress, to=to, replace=replace)


def give_back(
    settings: Settings,
    make: Callable[[Path], Opened],
    progress: Progress = silent,
    *,
    to: str | StoreURL | None = None,
    replace: bool = False,
) -> Restored:
    """Put what ``make`` makes in a scratch folder where :func:`restore` says, and as safely.

    What it makes is checked already. What it raises is raised, and nothing is changed then.
    """
    started = time.monotonic()
    target = settings.store.address if to is None else parse_store_url(to)
    there = settings.model_copy(
        update={"store": settings.store.model_copy(update={"url": str(target)})}
    )
    archive = archive_of(target)
    archive.check_target(target, replace=replace)
    saved = None
    failures: dict[str, str] = {}
    with archive.scratch(target) as scratch:
        made = make(scratch)
        if replace:
            _, saved, aside = put_in_place(
                there, made.database, BEFORE_RESTORE, progress, alone=True
            )
        else:
            archive.load(made.database, target)
    if saved is not None:
        # Nobody waits for places that are far away.
        failures = replicate(there, saved, progress).failures
    elif replace and aside is not None:
        saved = str(aside)
    # A link stays one; what it leads to was replaced.
    path = Path(os.path.realpath(target.path))
    backup = made.backup
    _log.warning("a store was restored", backup=backup.name, to=str(path), saved=saved)
    return Restored(
        backup=backup.name,
        created_at=backup.manifest.created_at,
        place=made.place,
        path=path,
        postings=backup.manifest.postings if made.postings is None else made.postings,
        saved=saved,
        failures=failures,
        advice=_advice(target),
        seconds=round(time.monotonic() - started, 3),
        as_of=made.as_of,
        faults=made.faults,
        warnings=made.warnings,
    )


def _advice(target: StoreURL) -> str | None:
    try:
        migrating.check_schema(target)
    except JobStoreError as error:
        return str(error)
    return None


class Replaced(NamedTuple):
    """What a store had that is not there any more, and the backup that holds it.

    ``aside`` is the file that it was moved to when it was too damaged to be backed up.
    """

    loss: Loss
    saved: str | None
    aside: Path | None


def put_in_place(
    settings: Settings,
    copy: Path,
    reason: str,
    progress: Progress = silent,
    *,
    alone: bool = False,
    known: Path | None = None,
    agreed: bool = True,
) -> Replaced:
    """Make the store what stands in the file ``copy``, after a backup of what is there.

    Others may have it open, unless ``alone``; then nobody may, and what is there may be damaged,
    so it is not compared. Otherwise the loss is what the file ``known`` has not, by default
    ``copy``; without ``agreed`` BackupError is raised where there is any. The backup is in the
    store's own folder only, so that writers do not wait for places that are far away.

    Raises StoreBusy, StorageFull, StoreCorrupt. Nothing is changed then.
    """
    url = settings.store.address
    archive = archive_of(url)
    loss, saved = Loss(), None

    def save(dump: Dump) -> None:
        nonlocal loss, saved
        if not alone:
            loss = archive.compare(url, known or copy)
            if loss and not agreed:
                raise BackupError(f"This would lose what was written meanwhile: {loss}.")
            if not upkeep_of(url).condition(url).migrations:
                return
        saved = create(settings, progress, reason, dump, replicate=False).name

    aside = archive.replace(url, copy, save, alone=alone)
    return Replaced(loss, saved, aside)


@contextmanager
def unpacked(settings: Settings, backup: str, accept: Collection[Doubt] = ()) -> Iterator[Path]:
    """Give the database of a backup of this store, checked, in a file while the block lasts.

    ``accept`` is as for :func:`restore`. Raises BackupError when there is no good copy of it.
    """
    url = settings.store.address
    with archive_of(url).scratch(url) as scratch:
        # It was made here, so what people added to the store is in it as well.
        yield open_chosen(choose(settings, backup, accept={"foreign", *accept}), scratch).database
