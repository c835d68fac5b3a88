"""The schema of a database, whatever the engine: what is applied, applied now, or taken back.

Only the protocol and its data types live here. :mod:`jobstore.migrating` decides what is done in
which order, and what is refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from jobstore.engines.scripts import Direction, Script
from jobstore.errors import MigrationError, StoreUnavailable
from jobstore.progress import Progress
from jobstore.settings import StoreURL

BOOKKEEPING = frozenset({"_migration_checksum", "_yoyo_log", "_yoyo_migration", "_yoyo_version"})
"""The tables in which a database keeps the record of its migrations."""


class Recorded(NamedTuple):
    """One migration that a database says was applied."""

    id: str
    checksum: str | None
    applied_at: datetime


class Applied(NamedTuple):
    """The schema of a database: its migrations in order, and the form of what is derived.

    Where there is nothing yet, there are no migrations, and the form is 0.
    """

    migrations: list[Recorded]
    derived_form: int
    compatible: str = ""
    """The oldest migration whose programs may go on; "" where only the newest is."""
    owner: str = ""
    """Whose account has to change the schema; "" where that is the one that asked."""


INVALID = "invalid "
"""How the definition of an index begins that is not valid: its making was interrupted."""


class NotValid(MigrationError):
    """The schema is as its migrations make it, but for indexes that are to be made anew."""


class NotComparable(StoreUnavailable):
    """What migrations make cannot be asked here: by this role, or of this server."""


class Roles(NamedTuple):
    """The roles of a server: who migrates, who writes, who reads."""

    owner: str = ""
    """"": who owns the tables already, or else who asks."""
    writer: str = "jobstore_writer"
    reader: str = "jobstore_reader"


USUAL_ROLES = Roles()
"""The roles of a server where nobody names them."""


class Renewal(NamedTuple):
    """How far it is with building anew, beside those who write, what is derived."""

    form: int
    stage: str
    """``postings``, ``revisions``, ``counters``, or ``kept``: built, and kept up for programs of
    the version before."""
    done: int
    """Postings, of ``total``."""
    total: int
    waiting: int
    """Changes by programs of the version before that are still to be brought in."""
    switched_at: int | None
    """Unix time of the change to the new form."""
    written: bool
    """Whether programs of the new version have written since."""


Fits = Callable[[Applied], object]
"""Raises SchemaMismatch where a database with that schema cannot be worked with."""


class Migrator(Protocol):
    """A database whose schema is changed, by nobody else at the same time."""

    def transaction(self) -> AbstractContextManager[None]:
        """Make the block one transaction: all of it is kept, or nothing.

        One inside of another is kept with it.
        """

    def recorded(self) -> list[Recorded]:
        """Return the migrations that were applied, in order."""

    def run(self, script: Script, direction: Direction) -> None:
        """Apply a migration or take it back, and record that; inside a transaction.

        One that says that it is applied in steps ends the transaction that it is in, if the engine
        has such migrations; its record is the first that is in the next one. Raises
        MigrationError that names it where its own statements fail.
        """

    def alone(self) -> None:
        """Keep everybody else from writing until the transaction ends; inside of one."""

    def count(self, name: str) -> int:
        """Count the rows of a table, or with ``table.column`` those that have a value there."""

    def compatible(self) -> str:
        """Return the oldest migration whose programs may go on; "" where that is not said."""

    def let(self, compatible: str) -> None:
        """Write down the oldest migration whose programs may go on; inside a transaction."""

    def finish(self, scripts: Sequence[Script]) -> bool:
        """Take away what only programs from before ``scripts`` use; inside a transaction.

        False, and nothing is done, where too many of their changes are still to be brought in.
        """


class Schema(Protocol):
    """The tables of a database, which migrations make. Everything blocks.

    ``patience`` is how many seconds it waits for other processes. Everything may raise
    StoreBusy, StoreUnavailable and StoreCorrupt, and what writes StorageFull.
    """

    @property
    def migrations(self) -> str:
        """Whose migrations make it: the folder's name below ``migrations/``."""

    @property
    def derived_form(self) -> int:
        """The form that this jobstore gives to what it derives from postings."""

    @property
    def derived(self) -> frozenset[str]:
        """What is derived from postings: names of tables, and of columns as ``table.column``."""

    @property
    def renewed_since(self) -> str:
        """The migration from which on a jobstore fills what is derived where it stands empty.

        Taking back a later one may leave it empty; who knows only earlier ones would not see that.
        """

    def make(self, url: StoreURL) -> None:
        """Make an empty database, for its owner alone; one that is there stays as it is."""

    def applied(self, url: StoreURL, *, patience: float) -> Applied:
        """Return what was applied; nothing is made or changed, and no database need be there."""

    def changing(self, url: StoreURL, *, patience: float) -> AbstractContextManager[Migrator]:
        """Keep everybody else from changing the schema while the block does.

        An engine may keep them from writing as well.
        """

    def renewal(self, url: StoreURL, *, patience: float) -> Renewal | None:
        """Return how far a renewal is; ``None`` where there is none."""

    def renew(self, url: StoreURL, *, keep: bool, patience: float, progress: Progress) -> None:
        """Bring what is derived from postings to this form, in short steps while others write.

        Goes on where an earlier call ended. ``keep``: changes by programs of the version before
        are followed afterwards. ``patience`` is for each step.
        """

    def settle(self, url: StoreURL, *, patience: float) -> bool:
        """Bring in changes by programs of the version before, a bounded number of them, in short
        steps; True if none is left."""

    def sweep(self, url: StoreURL, *, patience: float, progress: Progress) -> None:
        """Remove, in short steps, what nobody uses any more."""

    def grant(
        self, url: StoreURL, roles: Roles, *, dry_run: bool, patience: float
    ) -> tuple[Roles, list[str]]:
        """Make the roles that are missing, and give each exactly its rights.

        Returns the roles by name, and the statements that were run, or with ``dry_run`` would be.
        Raises MigrationError where the engine has no roles.
        """

    def objects(self, url: StoreURL, *, patience: float) -> dict[str, str]:
        """Return tables, indexes and the like by name, with what defines each; see INVALID."""

    def objects_of(
        self, url: StoreURL, scripts: Iterable[Script], compatible: str
    ) -> dict[str, str]:
        """Return what :meth:`objects` returns for a database that ``scripts`` have just made, and
        whose programs know migration ``compatible`` or a later one.

        An engine may ask the server that ``url`` names how it reads them; nothing stays there. It
        raises NotComparable where this role or this server cannot be asked."""


def up_command(url: StoreURL) -> str:
    """Return the command that brings a store up to date, quoted as a shell takes it."""
    return f"jobstore migrate up --store {shlex.quote(str(url))}"
