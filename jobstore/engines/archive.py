"""Copies of a database, whatever the engine: made, read, compared, and put in place.

Only the protocol and its data types live here. Compressing, signing and keeping copies is done
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL

Dump = Callable[[Path, Progress], None]
"""A function that copies a database into a file, and reports its progress."""


class Content(NamedTuple):
    """What a copy holds: its migrations, the rows of each table, and a digest of all rows.

    The digest depends neither on the order of rows nor on where they lie. ``store`` tells the
    copies of one store from those of others.
    """

    migrations: tuple[str, ...]
    tables: dict[str, int]
    digest: str
    store: str


@dataclass(frozen=True, slots=True)
class Loss:
    """How many postings an earlier state lacks or has otherwise.

    ``added``: new since then; ``changed`` since then; ``seen`` again since then without a change;
    ``removed`` since then, so they would come back. ``beside``: rows that are kept beside postings,
    such as events.
    """

    added: int = 0
    changed: int = 0
    seen: int = 0
    removed: int = 0
    beside: int = 0

    def __bool__(self) -> bool:
        return any((self.added, self.changed, self.seen, self.removed, self.beside))

    def __str__(self) -> str:
        told = {
            "added": self.added,
            "changed": self.changed,
            "seen again": self.seen,
            "deleted (they come back)": self.removed,
            "events and the like": self.beside,
        }
        counts = ", ".join(f"{number:,} {name}" for name, number in told.items() if number)
        return f"postings written since then: {counts}" if counts else "nothing"


class Exchanged(NamedTuple):
    """What was replaced: the file that it is now, and what it has that its successor lacks.

    ``aside`` may be no more than what lay beside a database that was not there; ``loss`` is
    ``None`` where it could not be compared. With ``fault`` what was replaced could not be made a
    file, and stays where :meth:`Archive.asides` says.
    """

    aside: Path
    loss: Loss | None
    fault: str | None = None


class Astray(NamedTuple):
    """How many postings of a copy are not as they should have been at a moment.

    ``missing``: the database has them since before; ``other``: it has them otherwise, unchanged
    since before; ``later``: written after it; ``compared``: how many it has since before.
    """

    missing: int
    other: int
    later: int
    compared: int


class Archive(Protocol):
    """Copies of databases, each one file in a form of the engine's own. Everything blocks.

    A copy may come from anywhere, so nothing in it is run, and it is trusted only after
    :meth:`read`. Nobody else may have it open. Everything may raise StoreUnavailable, StoreCorrupt
    and StoreBusy, and what writes StorageFull, and BackupError for a folder that cannot be used.
    """

    def scratch(self, url: StoreURL) -> AbstractContextManager[Path]:
        """Give a folder for copies that are to be put at ``url``; it is removed after the block.

        Folders that killed processes left behind are removed too.
        """

    def dump(self, url: StoreURL, copy: Path, progress: Progress) -> None:
        """Make the file ``copy``: the database as it is at this moment, while others write.

        Whatever was acknowledged before the call is in it.
        """

    def identity(self, url: StoreURL) -> str:
        """Return what tells copies of the database at ``url`` from others: ``Content.store``."""

    def fits(self, head: bytes, octets: int) -> bool:
        """Return whether a file that begins with these 100 bytes can be a copy of that size."""

    def read(self, copy: Path, progress: Progress, *, thorough: bool, own: bool = False) -> Content:
        """Check a copy, and return what it holds.

        ``thorough``: indexes are compared with rows as well. With ``own`` BackupError is raised
        for a schema that is not the one which its migrations make; that of a newer jobstore is not
        known. Raises StoreCorrupt for damage, SchemaMismatch for a copy without tables.
        """

    def newer(self, copy: Path) -> str | None:
        """Say why a newer jobstore must have made a copy, from a verb on; else ``None``."""

    def compare(self, url: StoreURL, copy: Path) -> Loss:
        """Return what the database has that the copy lacks; no loss where there is no database."""

    def compare_moment(self, url: StoreURL, copy: Path, *, before: int, after: int) -> Astray:
        """Compare a copy, which is said to be of a moment, with what the database is now.

        What the database has unchanged since ``before`` has to be in the copy to the bit, and
        nothing in the copy may have been written at ``after`` or later; both are Unix seconds.
        Both have the same schema.
        """

    def url(self, copy: Path) -> StoreURL:
        """Return the URL under which a copy can be opened as a store of its own."""

    def trial(self, url: StoreURL, folder: Path) -> AbstractContextManager[StoreURL]:
        """Give a store of the same kind, on the same disk, in which anything may be written.

        It holds what the database does, or nothing where that would be a burden to a server. It
        is removed after the block; ``folder`` is one of :meth:`scratch`.
        """

    def check_target(self, url: StoreURL, *, replace: bool) -> None:
        """Raise unless a copy can be put at ``url``; with ``replace`` a database may be there.

        Raises BackupError for a file that is no database of ours or must not be replaced. Nothing
        is changed, and no other process has to wait.
        """

    def load(self, copy: Path, url: StoreURL, progress: Progress = silent) -> None:
        """Make a copy the database at ``url``, safely on disk: whole, or not at all.

        Raises BackupError if something is there.
        """

    def replace(
        self,
        url: StoreURL,
        copy: Path,
        progress: Progress = silent,
        *,
        known: Path | None = None,
        salvage: bool = False,
    ) -> Exchanged:
        """Put a copy in the place of what is at ``url``, all of it or nothing, safely on disk.

        The file ``copy`` may be the database afterwards. Others may have the database open: nobody
        waits longer than for one write, a read that has begun ends on what was there, and what
        comes after it sees the new database. With ``known`` BackupError is raised, and nothing is
        changed, where the database has anything that this copy lacks. A database that cannot be
        read is replaced only with ``salvage``; otherwise StoreCorrupt is raised.

        What was there is set aside, at rest, in a file of its own: a copy like others, unless it
        is damaged. It stays until :meth:`discard`.
        """

    def asides(self, url: StoreURL) -> dict[Path, str]:
        """Return what was set aside when the database at ``url`` was replaced, and is there yet.

        With each comes a sentence that says what it is and what to do with it.
        """

    def discard(self, aside: Path) -> None:
        """Remove what was set aside, since it is kept elsewhere."""

    def remove(self, url: StoreURL, *, leave_file: bool) -> int:
        """Remove a database that has no posting; with ``leave_file`` an empty file stays.

        Returns the number of postings: unless it is 0, the database stays.
        """
