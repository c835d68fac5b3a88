"""How well the store is, and how fast it answers now."""

from __future__ import annotations

import asyncio
import time

from jobstore.checks.report import HealthReport
from jobstore.operations.monitoring import reading
from jobstore.operations.monitoring.reading import Frame
from jobstore.operations.monitoring.recorder import disk_of
from jobstore.settings.sections import Settings
from jobstore.store import JobStore


async def health(store: JobStore) -> HealthReport:
    """Look how well the store is; it writes something that is taken back at once."""
    return await store.health()


async def latencies(settings: Settings) -> Frame:
    """Return what all programs did with the store in the last seconds, as they recorded it."""
    path, file = settings.operations_db, disk_of(settings)
    return await asyncio.to_thread(reading.frame, path, file, time.time())
