"""Backups: made while writers go on, kept in several places, verified, restored.

What other parts of jobstore call is named here. Everything blocks; a coroutine calls it by
:func:`in_thread`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import TypeVar

from jobstore.operations.backup.catalog import Backup, Catalog, read_catalog
from jobstore.operations.backup.creation import create, replicate
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.restore_tests import run_restore_test
from jobstore.operations.backup.restoring import Restored, restore
from jobstore.operations.backup.retention import Pruned, prune
from jobstore.operations.backup.state import (
    Attempt,
    LastBackup,
    RestoreTest,
    last_backup,
    last_restore_test,
)
from jobstore.operations.backup.trust import Doubt, new_key
from jobstore.operations.backup.verification import Verified, verify
from jobstore.progress import Progress, silent

__all__ = [
    "Attempt",
    "Backup",
    "Catalog",
    "Doubt",
    "LastBackup",
    "Manifest",
    "Progress",
    "Pruned",
    "RestoreTest",
    "Restored",
    "Verified",
    "create",
    "in_thread",
    "last_backup",
    "last_restore_test",
    "new_key",
    "prune",
    "read_catalog",
    "replicate",
    "restore",
    "run_restore_test",
    "verify",
]

T = TypeVar("T")


class _Stopped(Exception):
    """Nobody waits for the result any more."""


async def in_thread(work: Callable[[Progress], T], progress: Progress = silent) -> T:
    """Run ``work(progress)`` on a thread of its own and return its result; the event loop goes on.

    ``work`` is one of the functions of this package, with its settings:
    ``partial(create, settings)``. A cancelled call ends at its next step, cleans up, and then
    raises.
    """
    stop = Event()

    def told(step: str, done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        progress(step, done, total)

    working = asyncio.ensure_future(asyncio.to_thread(work, told))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Exception):
            await working
        raise
