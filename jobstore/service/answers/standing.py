"""Whether the store can be asked at all, and its figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from jobstore.checks import self_test
from jobstore.checks.running import limited, reason
from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.migrating import check_schema_async
from jobstore.operations.figures import figures
from jobstore.settings.sections import Settings
from jobstore.store import JobStore

T = TypeVar("T")

# Seconds that the store may take to answer before it is said not to.
_PATIENCE = 5.0


async def unready(store: JobStore) -> str | None:
    """Return why the store is not to be asked: no answer, or another schema; ``None`` if it is."""
    try:
        await limited(_ask(store), _PATIENCE)
    except Exception as error:
        return reason(error)
    return None


async def exposition(settings: Settings) -> str:
    """Return all figures as Prometheus takes them."""
    return await asyncio.to_thread(figures, settings)


class Fresh(Generic[T]):
    """Asks for something at most once in so many seconds, for all who want it meanwhile."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float = 1.0) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asked_at = float("-inf")
        self._asked: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """Return what was answered shortly before, or is now."""
        now = time.monotonic()
        asked = self._asked
        if asked is None or (asked.done() and now - self._asked_at >= self._seconds):
            self._asked_at = now
            asked = self._asked = asyncio.ensure_future(self._ask())
        # Whoever goes takes the answer from nobody else.
        return await asyncio.shield(asked)


async def _ask(store: JobStore) -> None:
    address = store.engine.url
    if Capability.MIGRATIONS in backend_of(address).capabilities:
        await check_schema_async(address)
    await self_test.answer(store.engine)
