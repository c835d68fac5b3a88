"""Whether the store can be asked at all, how well it is, how fast it answers, and its figures."""

from __future__ import annotations

import asyncio
import time

from jobstore.checks import self_test
from jobstore.checks.report import HealthReport
from jobstore.checks.running import limited, reason
from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.migrating import check_schema_async
from jobstore.operations import figures
from jobstore.operations.monitoring import reading
from jobstore.operations.monitoring.reading import Frame
from jobstore.operations.monitoring.recorder import disk_of
from jobstore.settings.sections import Settings
from jobstore.store import JobStore

# Seconds that the store may take to answer before it is said not to.
_PATIENCE = 5.0


async def unready(store: JobStore) -> str | None:
    """Return why the store is not to be asked: no answer, or another schema; ``None`` if it is."""
    try:
        await limited(_ask(store), _PATIENCE)
    except Exception as error:
        return reason(error)
    return None


async def health(store: JobStore) -> HealthReport:
    """Look how well the store is; it writes something that is taken back at once."""
    return await store.health()


async def latencies(settings: Settings) -> Frame:
    """Return what all programs did with the store in the last seconds, as they recorded it."""
    path, file = settings.operations_db, disk_of(settings)
    return await asyncio.to_thread(reading.frame, path, file, time.time())


async def exposition(settings: Settings) -> str:
    """Return all figures as Prometheus takes them."""
    return await asyncio.to_thread(figures.figures, settings)


async def _ask(store: JobStore) -> None:
    address = store.engine.url
    if Capability.MIGRATIONS in backend_of(address).capabilities:
        await check_schema_async(address)
    await self_test.answer(store.engine)
