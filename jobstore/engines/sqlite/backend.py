"""SQLite as a backend: where what it brings is. It is imported when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from jobstore.engines.archive import Archive
from jobstore.engines.backend import Capability, Upkeep
from jobstore.engines.log import Log
from jobstore.engines.protocol import Engine
from jobstore.engines.schema import Fits, Schema
from jobstore.engines.sqlite import url as urls
from jobstore.engines.transfer import Transfer
from jobstore.settings import EngineOptions, StoreURL


class SQLiteBackend:
    """A database in one file."""

    scheme = "sqlite"
    capabilities = frozenset(Capability)
    instead: Mapping[Capability, str] = {}

    def files(self, url: StoreURL) -> tuple[Path, ...]:
        """Return the file, and what SQLite and the lock between processes keep beside it.

        Where it is a link, that stands beside the file that it leads to.
        """
        ends = ("-wal", "-shm", "-journal", ".lock")
        return url.path, *(Path(f"{os.path.realpath(url.path)}{end}") for end in ends)

    @property
    def schema(self) -> Schema:
        """The tables in the file."""
        from jobstore.engines.sqlite.migrations import SQLiteSchema

        return SQLiteSchema()

    @property
    def upkeep(self) -> Upkeep:
        """Looking after the file."""
        from jobstore.engines.sqlite.upkeep.upkeep import SQLiteUpkeep

        return SQLiteUpkeep()

    @property
    def archive(self) -> Archive:
        """Copies of the file."""
        from jobstore.engines.sqlite.upkeep.archive import SQLiteArchive

        return SQLiteArchive()

    @property
    def log(self) -> Log:
        """The file's write-ahead log."""
        from jobstore.engines.sqlite.log.log import SQLiteLog

        return SQLiteLog()

    @property
    def transfer(self) -> Transfer:
        """The file's postings, for copies."""
        from jobstore.engines.sqlite.upkeep.transfer import SQLiteTransfer

        return SQLiteTransfer()

    def parse(self, url: str) -> StoreURL:
        """Return the file that ``url`` names."""
        return urls.parse(url)

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime], fits: Fits
    ) -> Engine:
        """Open the file that ``url`` names."""
        from jobstore.engines.sqlite.engine import SQLiteEngine

        return await SQLiteEngine.open(url.path, options, clock, fits)
