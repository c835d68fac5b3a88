"""What an engine brings beside the operations on postings of :mod:`jobstore.engines.protocol`.

Only protocols and their data types live here; no engine is named. Which backend a URL asks for
is decided in :mod:`jobstore.engines`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from jobstore.engines.archive import Archive
from jobstore.engines.log import Log
from jobstore.engines.protocol import Engine
from jobstore.engines.schema import Fits, Schema
from jobstore.engines.transfer import Transfer
from jobstore.progress import Progress, silent
from jobstore.settings import EngineOptions, HealthLimits, StoreURL
from jobstore.verdicts import Check

RESTORE_ADVICE = "if the disk works and has room, restore a backup: 'jobstore restore --to NEW'"
"""What to do about damage that cannot be mended."""


class Footprint(NamedTuple):
    """What a database takes on disk: its bytes, and those of its write-ahead log."""

    database: int
    log: int


class HeldLog(NamedTuple):
    """The part of the write-ahead log that is not in the database yet, and who keeps it there.

    ``pids`` are the processes that read the oldest state, as far as they can be seen.
    """

    octets: int
    pids: list[int]


class Library(NamedTuple):
    """The database's software: what it is called, its version, and what is known of it.

    ``advice`` says what to do where it is not usable.
    """

    name: str
    version: str
    usable: bool
    detail: str
    advice: str


class Repaired(NamedTuple):
    """What was done, in words; the copy that was made before; what is found now."""

    done: list[str]
    copy: Path | None
    findings: list[Check]


class Vacuumed(NamedTuple):
    """The bytes that the store took before and takes now, and how long it took.

    ``waiting``: somebody still has the store open as it was; the space is given back when they
    have looked at it again.
    """

    before: int
    after: int
    seconds: float
    waiting: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """A store at one moment: its migrations, the form of what is derived, how many postings.

    Without a file ``exists`` is false; a file without tables has no migrations.
    """

    exists: bool = False
    migrations: tuple[str, ...] = ()
    derived_form: int = 0
    postings: int = 0

    @property
    def schema(self) -> tuple[tuple[str, ...], int]:
        """What tells one schema from another."""
        return self.migrations, self.derived_form

    @property
    def newest(self) -> str:
        """The last migration; ``0`` where there is none."""
        return self.migrations[-1] if self.migrations else "0"

    def __str__(self) -> str:
        return f"{self.postings:,} postings, schema {self.newest}" if self.exists else "no store"


Count = Callable[[str], int]
"""Counts the rows of a table, or with ``table.column`` those that have a value there."""


class Upkeep(Protocol):
    """The upkeep of databases: looking, repairing, tidying. Everything blocks.

    What writes keeps other writers out meanwhile, and raises StoreBusy when they write for too
    long; ``patience`` is how many seconds it waits for them. Everything may raise
    StoreUnavailable and StoreCorrupt, and what writes StorageFull.
    """

    def footprint(self, url: StoreURL) -> Footprint:
        """Return what the database takes on disk. Raises OSError when it is not there."""

    def damaged_logs(self, url: StoreURL) -> list[tuple[Path, bool]]:
        """Return the copies of write-ahead logs that were damaged when the database was opened.

        With each comes whether it is certain that something acknowledged is lost.
        """

    def held_log(self, url: StoreURL) -> HeldLog:
        """Return the part of the write-ahead log that waits, and for whom. Raises OSError."""

    def library(self, url: StoreURL) -> Library:
        """Return what is known of the software that keeps the database."""

    def signs(self, url: StoreURL, limits: HealthLimits) -> Mapping[str, Callable[[], Check]]:
        """Return what health looks at in a database that does not lie in files, by its name.

        Each look is short, and may raise; what is not known says so, and passes.
        """

    def inspect_files(self, url: StoreURL) -> Iterator[Check]:
        """Look at the software, the database's files and the disk, without opening it."""

    def inspect_content(self, url: StoreURL, *, full: bool, rows: bool) -> Iterator[Check]:
        """Check the structure of the database; faults are findings, and never raised.

        ``full``: indexes and words as well. ``rows``: every posting is read, and what is kept
        twice is compared with it.
        """

    @property
    def repairs(self) -> Mapping[str, str]:
        """What a repair rebuilds, in words, by the name of the finding; in the order of work."""

    def repair(
        self,
        url: StoreURL,
        names: Iterable[str],
        *,
        copy: bool = True,
        progress: Callable[[int], object] | None = None,
    ) -> Repaired:
        """Rebuild what the findings ``names`` are about, of those in ``repairs``.

        It is one transaction, which is kept only if the whole store is sound at its end; otherwise
        StoreCorrupt is raised, and a backup is needed. With ``copy`` a copy of the store as it was
        stays beside it, with the time in its name. ``progress`` gets the number of postings that
        were indexed since it was last called.
        """

    def locked(self, url: StoreURL, *, patience: float) -> AbstractContextManager[None]:
        """Keep everybody else from writing while the block lasts."""

    def vacuum(
        self, url: StoreURL, *, stop_writers: bool = False, progress: Progress = silent
    ) -> Vacuumed:
        """Write the database anew, without what deleted postings have left in it.

        Others read and write meanwhile; StoreBusy is raised when they write again and again. With
        ``stop_writers`` they wait until it is done. The content does not change, even when Ctrl-C
        ends this, which it may do at any moment.
        """

    def checkpoint(self, url: StoreURL, *, patience: float) -> bool:
        """Write the log back and empty it; False if somebody still reads an old state.

        A server does this itself; only asked with the capability FILES.
        """

    def condition(self, url: StoreURL) -> Condition:
        """Return the condition of the store, whatever the version of its schema."""

    def count(self, url: StoreURL, name: str) -> int:
        """Count the rows of a table, or with ``table.column`` those that have a value there."""

    def plans(self, url: StoreURL) -> dict[str, bool]:
        """Return by name whether each main statement uses an index in this very database."""

    def optimize(self, url: StoreURL, *, patience: float) -> bool:
        """Do a bounded amount of what keeps queries fast; True if no more is to be done."""


class Capability(StrEnum):
    """What one engine has, and another one may lack."""

    MIGRATIONS = "migrations"
    """Migrations make its schema; a store of another engine is there once it is opened."""
    UPKEEP = "upkeep"
    """It can be looked after: :class:`Upkeep`."""
    ARCHIVE = "archive"
    """It can be copied and put in its place: :class:`jobstore.engines.archive.Archive`."""
    LOG = "log"
    """Its commits can be kept and replayed: :class:`jobstore.engines.log.Log`."""
    TRANSFER = "transfer"
    """Its postings can be carried to and fro: :class:`jobstore.engines.transfer.Transfer`."""
    FILES = "files"
    """A store lies in files: it outlives its process, others may open it, and :class:`Upkeep`
    and health look at it from outside. What a URL names is the first of them."""


class Backend(Protocol):
    """One kind of database."""

    @property
    def scheme(self) -> str:
        """What its URLs begin with, in lower case."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it has that not every engine has."""

    @property
    def instead(self) -> Mapping[Capability, str]:
        """What to do where a capability is lacking, as a sentence; only where there is a way."""

    def parse(self, url: str) -> StoreURL:
        """Return what a URL of this scheme names, without touching it.

        The URL is well-formed text without control characters. Raises StoreUnavailable, which says
        what to write instead and repeats no credentials.
        """

    def files(self, url: StoreURL) -> tuple[Path, ...]:
        """Return the files that a database may consist of, its own first; without FILES none.

        Most of them need not be there.
        """

    @property
    def schema(self) -> Schema:
        """The tables of its databases; only asked with the capability MIGRATIONS."""

    @property
    def upkeep(self) -> Upkeep:
        """The upkeep of its databases."""

    @property
    def archive(self) -> Archive:
        """The copies of its databases."""

    @property
    def log(self) -> Log:
        """The logs of its databases; only asked with the capability LOG."""

    @property
    def transfer(self) -> Transfer:
        """What reads and writes its databases for copies; only asked with TRANSFER."""

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime], fits: Fits
    ) -> Engine:
        """Open the database that ``url`` names; its schema must be up to date.

        Where another database takes its place while it is open, that is gone on with, unless
        ``fits`` refuses its schema.
        """
