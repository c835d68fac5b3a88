"""Copies of a database, whatever the engine: made, read, compared, and put in place.

Only the protocol and its data types live here. What is done with a copy (compressing it, signing
it, keeping it) is no engine's business.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from jobstore.progress import Progress
from jobstore.settings import StoreURL

Dump = Callable[[Path, Progress], None]
"""Makes a file that is a copy of a database, and tells how far it is."""


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
    """What an earlier state does not have: postings, counted.

    ``added`` since, ``changed`` since, ``seen`` again since without a change; ``removed`` since
    are those that would come back.
    """

    added: int = 0
    changed: int = 0
    seen: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return any((self.added, self.changed, self.seen, self.removed))

    def __str__(self) -> str:
        told = {
            "added": self.added,
            "changed": self.changed,
            "seen again": self.seen,
            "deleted (they come back)": self.removed,
        }
        counts = ", ".join(f"{number:,} {name}" for name, number in told.items() if number)
        return f"postings written since then: {counts}" if counts else "nothing"


class Archive(Protocol):
    """Copies of databases, each one file in a form of the engine's own. Everything blocks.

    A copy may come from anywhere, so nothing of it is run, and it is believed only after
    :meth:`read`. Nobody else may have it open. Everything may raise StoreUnavailable, StoreCorrupt
    and StoreBusy, and what writes StorageFull, and BackupError for a folder that cannot be used.
    """

    def scratch(self, url: StoreURL) -> AbstractContextManager[Path]:
        """Give a folder for copies that are to be put at ``url``; it is gone after the block.

        What killed processes left of theirs is removed.
        """

    def dump(self, url: StoreURL, copy: Path, progress: Progress) -> None:
        """Make the file ``copy``: the database as it is at this moment, while others write.

        Whatever was acknowledged before the call is in it.
        """

    def fits(self, head: bytes, octets: int) -> bool:
        """Return whether a file that begins with these 100 bytes can be a copy of that size."""

    def read(self, copy: Path, progress: Progress, *, thorough: bool, own: bool = False) -> Content:
        """Check a copy, and return what it holds.

        ``thorough``: indexes are compared with rows as well. With ``own`` BackupError is raised
        for a schema that is not the one which its migrations make; that of a newer jobstore is not
        known. Raises StoreCorrupt for damage, SchemaMismatch for a copy without tables.
        """

    def newer(self, copy: Path) -> str | None:
        """Say how a copy is that of a newer jobstore, beginning with a verb; mostly ``None``."""

    def compare(self, url: StoreURL, copy: Path) -> Loss:
        """Return what the database has that the copy has not; nothing where there is none."""

    def url(self, copy: Path) -> StoreURL:
        """Return where a copy can be opened as a store of its own, for as long as it stands."""

    def check_target(self, url: StoreURL, *, replace: bool) -> None:
        """Raise unless a copy can be put at ``url``, where with ``replace`` a database may be.

        Raises BackupError for what is no database of ours or must not be replaced, and StoreBusy
        when anybody has it open. Nothing is changed, and nobody waits for this.
        """

    def load(self, copy: Path, url: StoreURL) -> None:
        """Make a copy the database at ``url``, safely on disk: whole, or not at all.

        Raises BackupError if there is something.
        """

    def replace(
        self, url: StoreURL, copy: Path, save: Callable[[Dump], object], *, alone: bool
    ) -> Path | None:
        """Put a copy in the place of what is at ``url``, all of it or nothing, safely on disk.

        ``save`` is called before, unless nothing is there, with what copies it; until the end
        nobody else can write, so what was saved is what is replaced. What ``save`` raises ends
        this without a change. With ``alone`` StoreBusy is raised when anybody else has the
        database open, and one that cannot be read is moved aside; its new place is returned.
        Otherwise others may have it open, and go on with what was put there.
        """

    def remove(self, url: StoreURL, *, leave_file: bool) -> int:
        """Take a database away that has no posting; with ``leave_file`` an empty file stays.

        Returns how many postings keep it there.
        """
