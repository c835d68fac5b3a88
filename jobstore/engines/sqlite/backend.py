"""SQLite as a backend: where what it brings is. It is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jobstore.engines.backend import Upkeep
from jobstore.engines.protocol import Engine
from jobstore.settings import EngineOptions, StoreURL


class SQLiteBackend:
    """A database in one file."""

    @property
    def upkeep(self) -> Upkeep:
        """Looking after the file."""
        from jobstore.engines.sqlite.upkeep.upkeep import SQLiteUpkeep

        return SQLiteUpkeep()

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime]
    ) -> Engine:
        """Open the file that ``url`` names."""
        from jobstore.engines.sqlite.engine import SQLiteEngine

        return await SQLiteEngine.open(url.path, options, clock)
