"""PostgreSQL as a backend: where what it brings is. It is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from jobstore.engines.archive import Archive
from jobstore.engines.backend import Backend, Capability, Upkeep
from jobstore.engines.log import Log
from jobstore.engines.postgres import url as urls
from jobstore.engines.protocol import Engine
from jobstore.engines.schema import Fits, Schema
from jobstore.engines.transfer import Transfer
from jobstore.errors import StoreUnavailable
from jobstore.settings import EngineOptions, StoreURL


class PostgresBackend:
    """A database of a server. Copies of it are made in the form of the backend ``copies``."""

    scheme = urls.SCHEME
    capabilities = frozenset(Capability) - {Capability.FILES, Capability.LOG}
    instead: Mapping[Capability, str] = {
        Capability.LOG: (
            "Its server archives its own log, from which any moment can be had again: see 'On "
            "PostgreSQL' in docs/backup.md."
        )
    }

    def __init__(self, copies: Backend) -> None:
        self._copies = copies

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
        from jobstore.engines.postgres.upkeep.upkeep import PostgresUpkeep

        return PostgresUpkeep(self.archive)

    @property
    def archive(self) -> Archive:
        """Copies of the database."""
        from jobstore.engines.postgres.upkeep.archive import PostgresArchive

        return PostgresArchive(self._copies, self.schema)

    @property
    def log(self) -> Log:
        """Nothing: the server's log is not ours to keep."""
        raise StoreUnavailable(self.instead[Capability.LOG])

    @property
    def transfer(self) -> Transfer:
        """The database's postings, for copies."""
        from jobstore.engines.postgres.upkeep.transfer import PostgresTransfer

        return PostgresTransfer()

    def parse(self, url: str) -> StoreURL:
        """Return the database that ``url`` names."""
        return urls.parse(url)

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime], fits: Fits
    ) -> Engine:
        """Open the database that ``url`` names."""
        from jobstore.engines.postgres.engine import PostgresEngine

        return await PostgresEngine.open(url, options, clock)
