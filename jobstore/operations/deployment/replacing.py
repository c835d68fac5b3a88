"""Making a store what a backup holds, in place, while others have it open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobstore.engines import backend_of
from jobstore.engines.archive import Dump, Loss
from jobstore.errors import BackupError
from jobstore.operations.backup import create
from jobstore.operations.backup.catalog import choose
from jobstore.operations.backup.verification import open_chosen
from jobstore.operations.deployment.conditions import read_condition
from jobstore.settings.sections import Settings


@contextmanager
def unpacked(settings: Settings, backup: str) -> Iterator[Path]:
    """Give the database of a backup, checked, in a file that stands while the block lasts.

    Raises BackupError when there is no good copy of it.
    """
    url = settings.store.address
    with backend_of(url).archive.scratch(url) as scratch:
        # It was made here, so what people added to the store is in it as well.
        yield open_chosen(choose(settings, backup, accept=["foreign"]), scratch).database


def replace(
    settings: Settings, earlier: Path, reason: str, *, agreed: bool, known: Path | None = None
) -> tuple[Loss, str | None]:
    """Make the store what stands in the file ``earlier``, after a backup of what is there.

    Without ``agreed`` only if nothing is lost by that; otherwise raises BackupError. Lost is what
    the file ``known`` has not, by default ``earlier``. The backup is in the store's own folder
    only, so that writers do not wait for places that are far away.

    Returns the loss and the name of the backup that holds it, ``None`` where nothing was there.
    Raises StoreBusy when others write for too long, StorageFull, StoreCorrupt. Nothing is changed
    then.
    """
    url = settings.store.address
    archive = backend_of(url).archive
    loss, saved = Loss(), None

    def save(dump: Dump) -> None:
        nonlocal loss, saved
        loss = archive.compare(url, known or earlier)
        if loss and not agreed:
            raise BackupError(f"This would lose what was written meanwhile: {loss}.")
        if read_condition(url).migrations:
            saved = create(settings, reason=reason, dump=dump, replicate=False).name

    archive.replace(url, earlier, save, alone=False)
    return loss, saved
