"""What an engine brings beside the operations on postings of :mod:`jobstore.engines.protocol`.

Only protocols and their data types live here; no engine is named. Which backend a URL asks for
is said in :mod:`jobstore.engines`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from jobstore.engines.protocol import Engine
from jobstore.settings import EngineOptions, StoreURL


class Footprint(NamedTuple):
    """What a database takes on disk: its folder, its bytes, and those of its write-ahead log."""

    folder: Path
    database: int
    log: int


class HeldLog(NamedTuple):
    """What of the write-ahead log is not in the database yet: its bytes, and who keeps it there.

    ``pids`` are the processes that read the oldest state, of those that can be seen.
    """

    octets: int
    pids: list[int]


class Library(NamedTuple):
    """The database's software: its version, whether it can be used, and what is known of it."""

    version: str
    usable: bool
    detail: str


class Upkeep(Protocol):
    """Looking after a database. Everything blocks."""

    def footprint(self, url: StoreURL) -> Footprint:
        """Return what the database takes on disk. Raises OSError when it is not there."""

    def damaged_logs(self, url: StoreURL) -> list[tuple[Path, bool]]:
        """Return the copies of write-ahead logs that were damaged when the database was opened.

        With each comes whether it is certain that something acknowledged is lost.
        """

    def held_log(self, url: StoreURL) -> HeldLog:
        """Return what of the write-ahead log waits, and for whom. Raises OSError."""

    def library(self) -> Library:
        """Return what is known of the software that opens the database."""


class Capability(StrEnum):
    """What an engine may have, and another one does without."""

    MIGRATIONS = "migrations"
    """Migrations make its schema; a store of another engine is there once it is opened."""
    FILES = "files"
    """A store lies in files: it outlives its process, others may open it, and :class:`Upkeep`
    and health look at it from outside."""


class Backend(Protocol):
    """One kind of database."""

    @property
    def scheme(self) -> str:
        """What its URLs begin with, in lower case."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has of what not every engine has."""

    def parse(self, url: str) -> StoreURL:
        """Return what a URL of this scheme names, without touching it.

        It is well-formed text without control characters. Raises StoreUnavailable with a word
        on what to write instead, and without repeating credentials.
        """

    @property
    def upkeep(self) -> Upkeep:
        """Looking after its databases."""

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime]
    ) -> Engine:
        """Open the database that ``url`` names; its schema must be up to date."""
