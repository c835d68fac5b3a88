"""The log of every write, kept in every place beside the backups, so that any second can be had.

:mod:`~jobstore.operations.archiving.segments` has the form in which it lies there,
:mod:`~jobstore.operations.archiving.shipping` brings it there, and
:mod:`~jobstore.operations.archiving.restoring` gives the store back as it was at a second. What
other parts of jobstore call is named here; everything but :func:`archiving` blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from jobstore.operations.archiving.drills import Drill, drill
from jobstore.operations.archiving.restoring import Stretch, moments, restore_at
from jobstore.operations.archiving.retention import Tidied, backups_in_use, tidy, tidy_all
from jobstore.operations.archiving.shipping import Archiver, ship
from jobstore.operations.archiving.standing import (
    PlaceStanding,
    Standing,
    is_on,
    standing,
    switch_off,
)

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

__all__ = [
    "Archiver",
    "Drill",
    "PlaceStanding",
    "Standing",
    "Stretch",
    "Tidied",
    "archiving",
    "backups_in_use",
    "drill",
    "is_on",
    "moments",
    "restore_at",
    "ship",
    "standing",
    "switch_off",
    "tidy",
    "tidy_all",
]


@asynccontextmanager
async def archiving(
    settings: Settings, *, told: Callable[[str], object] | None = None
) -> AsyncIterator[Archiver]:
    """Archive the store of ``settings`` while the block lasts, as ``jobstore agent`` does.

    All writes of all processes are archived, to the folder of backups and every place. ``told``
    hears in words what should be known; it is called on other threads. Leave the block after the
    last write: what was acknowledged until then is brought away first, if that is quick. Where
    another archiver works on the store already, this one stands by.

    Raises StoreUnavailable for a store whose engine keeps no log.
    """
    archiver = Archiver(settings, told=told)
    archiver.start()
    try:
        yield archiver
    finally:
        await asyncio.to_thread(archiver.stop)
