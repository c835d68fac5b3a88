"""Making a store an earlier one again, in place, while others have it open.

Writers wait for the lock that keeps them apart; so what is compared, backed up and replaced is
one and the same state, and no acknowledged write falls between. They do not wait for copies in
other places: :func:`copy_elsewhere` makes those afterwards. SQLite writes the whole database in
one transaction: a process that is killed leaves the store as it was.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jobstore.engines.backend import Loss
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import BackupError, StoreBusy
from jobstore.locking import FileLock
from jobstore.operations.backup import Backup, create_backup, replicate
from jobstore.operations.backup.catalog import choose
from jobstore.operations.backup.packing import identities_in
from jobstore.operations.backup.scratch import disk_errors, require_space
from jobstore.operations.backup.verification import open_chosen
from jobstore.operations.deployment.conditions import PATIENCE, compare
from jobstore.progress import silent
from jobstore.settings.sections import Settings


@dataclass(frozen=True, slots=True)
class Replaced:
    """What that cost, and the backup that holds it."""

    loss: Loss
    saved: str


def unpacked(settings: Settings, backup: str, scratch: Path) -> Path:
    """Return the database of a backup, checked, in the folder ``scratch``.

    Raises BackupError when there is no good copy of it.
    """
    # It was made here, so what people added to the store is in it as well.
    choice = choose(settings, backup, accept=["foreign"])
    identities = identities_in(settings.backup.identity_file)
    with disk_errors(scratch):
        return open_chosen(choice, scratch, identities, silent).database


def save(settings: Settings, reason: str) -> str:
    """Back up what is there to the store's own folder, and return the backup's name."""
    return asyncio.run(create_backup(settings, reason=reason, replicate=False)).name


def copy_elsewhere(settings: Settings, saved: str) -> Backup:
    """Give each place a copy of a backup that :func:`save` made."""
    return asyncio.run(replicate(settings, saved))


def replace(
    settings: Settings, earlier: Path, *, agreed: bool, reason: str, known: Path | None = None
) -> Replaced:
    """Make the store what stands in the file ``earlier``, after a backup of what is there.

    Without ``agreed`` only if nothing is lost by that; otherwise raises BackupError. Lost is what
    the file ``known`` has not, by default ``earlier``. The backup is in the store's own folder
    only. Raises StoreBusy when others write for too long, StorageFull, StoreCorrupt. Nothing is
    changed then.
    """
    path = settings.store.address.path
    with FileLock(path, PATIENCE):
        loss = compare(settings.store.address, known or earlier)
        if loss and not agreed:
            raise BackupError(f"This would lose what was written meanwhile: {loss}.")
        require_space(path.parent, earlier.stat().st_size)
        saved = save(settings, reason)
        _overwrite(path, earlier)
    return Replaced(loss, saved)


def _overwrite(path: Path, earlier: Path) -> None:
    def told(status: int, left: int, total: int) -> None:
        if status not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_DONE):
            # The module would try for ever.
            raise StoreBusy

    uri = f"file:{quote(str(earlier))}?mode=ro&immutable=1"
    with (
        translated(),
        closing(open_file(path, "rw", PATIENCE)) as live,
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source,
    ):
        live.execute("PRAGMA synchronous = FULL")
        source.backup(live, progress=told)
