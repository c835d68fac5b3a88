"""SQLite as a backend: where what it brings is. It is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from jobstore.engines.backend import Capability, Footprint, HeldLog, Library
from jobstore.engines.protocol import Engine
from jobstore.engines.sqlite import url as urls
from jobstore.settings import EngineOptions, StoreURL


class _Upkeep:
    def footprint(self, url: StoreURL) -> Footprint:
        from jobstore.engines.sqlite.upkeep.inspection import footprint

        return footprint(url.path)

    def damaged_logs(self, url: StoreURL) -> list[tuple[Path, bool]]:
        from jobstore.engines.sqlite import wal

        return wal.kept(url.path.resolve())

    def held_log(self, url: StoreURL) -> HeldLog:
        from jobstore.engines.sqlite import wal_index

        return wal_index.held(url.path)

    def library(self) -> Library:
        from jobstore.engines.sqlite.upkeep.inspection import library

        return library()


class SQLiteBackend:
    """A database in one file."""

    scheme = "sqlite"
    capabilities = frozenset(Capability)
    upkeep = _Upkeep()

    def parse(self, url: str) -> StoreURL:
        """Return the file that ``url`` names."""
        return urls.parse(url)

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime]
    ) -> Engine:
        """Open the file that ``url`` names."""
        from jobstore.engines.sqlite.engine import SQLiteEngine

        return await SQLiteEngine.open(url.path, options, clock)
