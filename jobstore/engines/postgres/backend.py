"""PostgreSQL as a backend: where what it brings is. It is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from jobstore.engines.archive import Archive
from jobstore.engines.backend import Capability, Upkeep
from jobstore.engines.log import Log
from jobstore.engines.postgres import url as urls
from jobstore.engines.protocol import Engine
from jobstore.engines.schema import Fits, Schema
from jobstore.errors import StoreUnavailable
from jobstore.settings import EngineOptions, StoreURL


class PostgresBackend:
    """A database of a server."""

    scheme = urls.SCHEME
    capabilities = frozenset({Capability.MIGRATIONS})

    def files(self, url: StoreURL) -> tuple[Path, ...]:
        """Return nothing: its files are the server's."""
        return ()

    @property
    def schema(self) -> Schema:
        """The tables in the database."""
        from jobstore.engines.postgres.migrations import PostgresSchema

        return PostgresSchema()

    @property
    def upkeep(self) -> Upkeep:
        """Looking after the database."""
        raise StoreUnavailable(_NOT_HERE)

    @property
    def archive(self) -> Archive:
        """Copies of the database."""
        raise StoreUnavailable(_NOT_HERE)

    @property
    def log(self) -> Log:
        """The server's write-ahead log is not ours to keep."""
        raise StoreUnavailable(_NOT_HERE)

    def parse(self, url: str) -> StoreURL:
        """Return the database that ``url`` names."""
        return urls.parse(url)

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime], fits: Fits
    ) -> Engine:
        """Open the database that ``url`` names."""
        from jobstore.engines.postgres.engine import PostgresEngine

        return await PostgresEngine.open(url, options, clock)


_NOT_HERE = "A store of the engine 'postgresql' cannot be looked after in this way."
