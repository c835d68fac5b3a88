"""Giving a store back: as a new one, or in the place of one that is there.

What may be refused is refused first. Then everything is fetched, opened and checked in a scratch
folder beside the target, before anything else is touched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jobstore import migrating
from jobstore.engines import archive_of, in_files, upkeep_of
from jobstore.engines.archive import Loss
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.catalog import choose
from jobstore.operations.backup.creation import able_to_save, replicate
from jobstore.operations.backup.manifest import BEFORE_RESTORE
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.backup.verification import Opened, open_chosen
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL, parse_store_url
from jobstore.settings.sections import Settings

_log = logs.get("backup")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, from where to where: ``path`` is the store's file, or its URL.

    ``saved`` is the backup of what was there before, or the file it was moved to when it was too
    damaged to be backed up; ``None`` if nothing was there. ``failures`` names the places that did
    not get a copy of that backup. ``advice`` says what is left to do before the store can be
    opened, such as migrating one of an older schema; mostly ``None``. ``seconds`` is how long all
    of it took. ``faults`` tells what was wrong with copies and newer backups that were passed
    over, ``warnings`` what is wrong with places, where there may be a newer one, and what an
    earlier replacement left. ``loss`` is what was there and is not there now; ``None`` where
    nothing was there, or it could not be compared.
    """

    backup: str
    created_at: datetime
    place: str
    path: Path | str
    postings: int
    saved: str | None
    failures: dict[str, str]
    advice: str | None
    seconds: float
    as_of: datetime | None = None
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    loss: Loss | None = None


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
    only replaced with ``replace``, and a backup is made of what was there. Programs that have it
    open go on with what is restored. Blocks.

    A backup of an older schema is restored as it was.

    Raises BackupError when there is no such backup, when no copy of it is good, or when the
    target exists; StoreBusy when somebody reads or writes it for too long; SchemaMismatch when a
    newer jobstore made it; StorageFull. Whatever is raised, the store that was there is untouched.
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
        update={"store": settings.store.model_copy(update={"url": target.text})}
    )
    archive = archive_of(target)
    archive.check_target(target, replace=replace)
    done, saved, loss = Replaced(None), None, None
    left: list[str] = []
    failures: dict[str, str] = {}
    with archive.scratch(target) as scratch:
        made = make(scratch)
        if replace:
            left += archive.asides(target).values()
            done = put_in_place(there, made.database, BEFORE_RESTORE, progress, salvage=True)
            saved, loss = done.saved, done.loss
        else:
            archive.load(made.database, target, progress)
    if saved is not None:
        failures = replicate(there, saved, progress).failures
    elif done.aside is not None:
        saved = str(done.aside)
        left.append(f"What was there could not be backed up: {done.fault}")
    # A link stays one; what it leads to was replaced.
    path = Path(os.path.realpath(target.path)) if in_files(target) else str(target)
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
        warnings=(*made.warnings, *left),
        loss=loss,
    )


def _advice(target: StoreURL) -> str | None:
    try:
        migrating.check_schema(target)
    except JobStoreError as error:
        return str(error)
    return None


class Replaced(NamedTuple):
    """What a store had that is not there any more, and the backup that holds it.

    ``aside`` is the file that it was moved to and still is, when no backup could be made of it;
    ``fault`` says why. ``loss`` is ``None`` when it was too damaged to be compared.
    """

    loss: Loss | None
    saved: str | None = None
    aside: Path | None = None
    fault: str | None = None


def put_in_place(
    settings: Settings,
    copy: Path,
    reason: str,
    progress: Progress = silent,
    *,
    known: Path | None = None,
    salvage: bool = False,
) -> Replaced:
    """Make the store what stands in the file ``copy``, and a backup of what is there.

    Others may have it open, and hardly wait: what is there is set aside in one moment, and the
    backup is made from it afterwards, in the store's own folder only. Nobody else makes backups
    from before that moment until the end. Where the backup fails, what was set aside stays.

    With ``known`` BackupError is raised where the store has anything that this file lacks.
    ``salvage``: a store that cannot be read is replaced as well, and stays set aside.

    Raises StoreBusy, StorageFull, StoreCorrupt. Nothing is changed then.
    """
    url = settings.store.address
    archive = archive_of(url)
    octets = 0
    with suppress(OSError):
        octets = sum(upkeep_of(url).footprint(url))
    with able_to_save(settings, octets) as save:
        aside, loss, fault = archive.replace(url, copy, progress, known=known, salvage=salvage)
        if fault is not None:
            _log.error("what a store was could not be saved", kept=str(aside), error=fault)
            return Replaced(loss, None, aside, fault)
        if not aside.exists():
            return Replaced(Loss())
        try:
            saved = save(aside, reason, progress).name
        except (JobStoreError, OSError) as error:
            _log.error("what a store was could not be saved", kept=str(aside), error=str(error))
            return Replaced(loss, None, aside, str(error))
    archive.discard(aside)
    return Replaced(loss, saved)


@contextmanager
def unpacked(settings: Settings, backup: str, accept: Collection[Doubt] = ()) -> Iterator[Path]:
    """Give the database of a backup of this store, checked, in a file while the block lasts.

    ``accept`` is as for :func:`restore`. Raises BackupError when there is no good copy of it.
    """
    url = settings.store.address
    with archive_of(url).scratch(url) as scratch:
        # It was made here, so what people added to the store is in it as well.
        yield open_chosen(choose(settings, backup, accept={"foreign", *accept}), scratch).database
