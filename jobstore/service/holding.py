"""What all parts of a running service hold in common: its settings and its open store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from jobstore.errors import StoreClosed
from jobstore.settings.sections import Settings
from jobstore.store import JobStore

Opening = Callable[[], AbstractAsyncContextManager[JobStore]]


class Service:
    """The settings of a service, and its store while it is open.

    ``opening`` gives the store; one that is handed in open is closed by whoever opened it.
    """

    def __init__(self, settings: Settings, opening: Opening) -> None:
        self.settings = settings
        self._opening = opening
        self._store: JobStore | None = None

    @property
    def store(self) -> JobStore:
        """The store. Raises StoreClosed before the service has begun, and after its end."""
        if self._store is None:
            raise StoreClosed("The service is not running.")
        return self._store

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the store open during the block."""
        async with self._opening() as store:
            self._store = store
            try:
                yield
            finally:
                self._store = None
