"""A store that is observed as its settings say: what is slow is logged, all is recorded and traced.

How programs of jobstore's own are observed, and one place to ask for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from jobstore.operations.logs import Logs
from jobstore.operations.monitoring.recorder import recording
from jobstore.operations.monitoring.tracing import tracing

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore


@asynccontextmanager
async def observed(
    store: JobStore, settings: Settings, logs: Logs, *, label: str
) -> AsyncIterator[None]:
    """Observe what the block asks of ``store``; ``label`` says to people which program this is."""
    with logs.slow_operations() as slow:
        forget = store.observe(slow)
        try:
            async with (
                recording(store, settings, label=label),
                tracing(store, settings.store.address.engine),
            ):
                yield
        finally:
            forget()
