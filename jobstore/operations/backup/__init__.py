"""Backups: made while writers go on, kept in several places, verified, restored.

What other parts of jobstore call is named here; each call runs on a thread of its own, so that
the event loop goes on. A cancelled call ends at its next step, cleans up, and then raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from threading import Event
from typing import TypeVar

from jobstore.operations.backup import creation, drills, restoring, retention, verification
from jobstore.operations.backup.catalog import Backup, Catalog, read_catalog
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.restoring import Restored
from jobstore.operations.backup.retention import Pruned
from jobstore.operations.backup.state import Attempt, Drill, LastBackup, last_backup, last_drill
from jobstore.operations.backup.trust import Doubt, new_key
from jobstore.operations.backup.verification import Verified
from jobstore.progress import Progress
from jobstore.settings import StoreURL
from jobstore.settings.sections import Settings

__all__ = [
    "Attempt",
    "Backup",
    "Catalog",
    "Doubt",
    "Drill",
    "LastBackup",
    "Manifest",
    "Progress",
    "Pruned",
    "Restored",
    "Verified",
    "create_backup",
    "drill",
    "last_backup",
    "last_drill",
    "list_backups",
    "new_key",
    "prune",
    "replicate",
    "restore",
    "verify_backup",
]

T = TypeVar("T")


async def create_backup(
    settings: Settings,
    *,
    progress: Progress | None = None,
    reason: str = "manual",
    replicate: bool = True,
) -> Backup:
    """Back the store up to its folder and to every place; see :func:`.creation.create`.

    Without ``replicate`` to its folder only; :func:`replicate` does the rest.
    """
    return await _on_thread(
        progress, lambda told: creation.create(settings, told, reason, replicate=replicate)
    )


async def replicate(settings: Settings, name: str, *, progress: Progress | None = None) -> Backup:
    """Copy a backup from the store's folder to the places; see :func:`.creation.replicate`."""
    return await _on_thread(progress, lambda told: creation.replicate(settings, name, told))


async def list_backups(settings: Settings) -> Catalog:
    """Return the backups in all places, newest first, and what is wrong with any."""
    return await asyncio.to_thread(read_catalog, settings)


async def verify_backup(
    settings: Settings,
    name: str | None = None,
    *,
    every: bool = False,
    accept: Collection[Doubt] = (),
    progress: Progress | None = None,
) -> list[Verified]:
    """Check every copy of one backup, or of all; see :func:`.verification.verify`."""
    return await _on_thread(
        progress,
        lambda told: verification.verify(settings, told, name=name, every=every, accept=accept),
    )


async def drill(
    settings: Settings,
    name: str | None = None,
    *,
    accept: Collection[Doubt] = (),
    progress: Progress | None = None,
) -> Drill:
    """Restore a backup into a scratch folder and ask it; see :func:`.drills.drill`."""
    return await _on_thread(
        progress, lambda told: drills.drill(settings, told, name=name, accept=accept)
    )


async def restore(
    settings: Settings,
    name: str | None = None,
    *,
    to: str | StoreURL | None = None,
    at: datetime | None = None,
    replace: bool = False,
    accept: Collection[Doubt] = (),
    progress: Progress | None = None,
) -> Restored:
    """Give a store back; see :func:`.restoring.restore`."""
    return await _on_thread(
        progress,
        lambda told: restoring.restore(
            settings, told, to=to, name=name, at=at, replace=replace, accept=accept
        ),
    )


async def prune(
    settings: Settings,
    *,
    keep: Collection[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
) -> list[Pruned]:
    """Remove what no generation needs, from every place; see :func:`.retention.prune`."""
    return await _on_thread(
        progress, lambda told: retention.prune(settings, told, keep=keep, dry_run=dry_run)
    )


class _Stopped(Exception):
    """Nobody waits for the result any more."""


async def _on_thread(progress: Progress | None, work: Callable[[Progress], T]) -> T:
    stop = Event()

    def told(step: str, done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        if progress is not None:
            progress(step, done, total)

    working = asyncio.ensure_future(asyncio.to_thread(work, told))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Exception):
            await working
        raise
