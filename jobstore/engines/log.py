"""The log of a database, whatever the engine: every commit is kept, so that any second can be had.

Only the protocol and its data types live here. While a log is *kept*, what is committed is copied
into numbered segments in a folder beside the database (the spool), before the engine may forget
it. Shipping segments to other places, and choosing what to restore, is done elsewhere.

A *generation* is a chain of segments without a gap. Where there may be one (another program wrote
to the database's file, a disk took back what it had, a segment is missing), the generation ends
with a reason in words and another one begins, which needs a backup of its own to begin from.

Time is that of *stamps*: a transaction that writes postings or schema carries the Unix second in
which it began. Stamps never go down inside a generation.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from jobstore.progress import Progress
from jobstore.settings import StoreURL


class Mark(NamedTuple):
    """A place in the log: behind segment ``segment`` of a generation, 0 before the first.

    ``generation`` is a random name of 16 hexadecimal digits.
    """

    generation: str
    segment: int


class Segment(NamedTuple):
    """One segment in the spool: a file of ``octets`` bytes, and what is in it.

    Everything that was committed before ``captured_at`` (Unix time) is in it or in an earlier one.
    ``last`` is the last stamp in it, a Unix second; ``None`` where no commit of it has one.
    """

    generation: str
    number: int
    path: Path
    octets: int
    captured_at: float
    last: int | None


class Kept(NamedTuple):
    """What the spool holds.

    ``mark`` is the newest place; ``segments`` are those of all generations that were not released,
    oldest first, and take ``octets`` bytes. ``looked_at`` is when :meth:`Log.capture` last began,
    in Unix time. ``broken`` says why the present generation had to begin: ``None`` for the first,
    and after :meth:`Log.settled`. ``shipped`` is what :meth:`Log.shipped` was last told; ``wait``
    and ``limit`` (bytes) are those of :meth:`Log.start`.
    """

    mark: Mark
    segments: list[Segment]
    octets: int
    looked_at: float
    broken: str | None
    shipped: Mark | None
    wait: bool
    limit: int


class Replayed(NamedTuple):
    """What a replay did: the last stamp that it applied, and how much that was.

    ``complete`` is false where the log ended before the second that was asked for.
    """

    second: int | None
    commits: int
    frames: int
    complete: bool


class Log(Protocol):
    """The log of databases. Everything blocks, and may be called by any process at any time.

    Everything may raise StoreUnavailable, StoreBusy where another process holds the spool for too
    long, and what writes StorageFull.
    """

    def folder(self, url: StoreURL) -> Path:
        """Return the spool's folder. It is there only while a log is kept."""

    def start(self, url: StoreURL, *, limit: int, wait: bool) -> Mark:
        """Keep the log from now on, or go on with the one that is kept; return the newest place.

        ``limit``: bytes that the spool may take; when segments that were not released take more,
        the generation ends and they are dropped. ``wait``: a write is acknowledged only once
        :meth:`shipped` was told that it is where it has to be. Raises StoreUnavailable where there
        is no database.
        """

    def stop(self, url: StoreURL) -> None:
        """Keep no log from now on, and remove what is kept. Does nothing where none is kept."""

    def is_lost(self, url: StoreURL) -> bool:
        """Whether what the log was kept in was removed, but not by :meth:`stop`."""

    def kept(self, url: StoreURL) -> Kept | None:
        """Return what is kept; ``None`` where no log is. The database need not be there."""

    def capture(self, url: StoreURL) -> Mark:
        """Keep what was committed since this was last done, and return the newest place.

        Whatever was acknowledged before the call is before that place, safely on disk. Where there
        may be a gap, the place is in a new generation. Raises StoreUnavailable where no log is
        kept.
        """

    def shipped(self, url: StoreURL, mark: Mark) -> None:
        """Say that every write up to ``mark`` is where ``wait`` wants it; who waits goes on."""

    def release(self, url: StoreURL, mark: Mark) -> None:
        """Remove segments up to ``mark`` and those of earlier generations."""

    def settled(self, url: StoreURL, generation: str) -> None:
        """Say that there is a backup from which a generation can begin."""

    def stamp(self, copy: Path) -> int:
        """Return the stamp of a copy of a database: a Unix second, or 0 where it has none.

        Raises BackupError for a file that is no such copy.
        """

    def replay(
        self,
        copy: Path,
        pieces: Iterable[Path],
        *,
        generation: str,
        after: int,
        until: int | None,
        progress: Progress,
    ) -> Replayed:
        """Apply segments ``after + 1`` and so on to a copy, which nobody else may have open.

        The copy was made by :meth:`jobstore.engines.archive.Archive.dump` after the place
        ``(generation, after)`` was taken. ``pieces`` are files, each one segment or several end to
        end, in order; those up to ``after`` are passed over. Of the commits all are applied
        before the first one whose stamp is ``until`` or more (a Unix second; ``None``: all there
        are): whatever was acknowledged before that second, and nothing that began in it or later.
        No more of ``pieces`` is taken then. The copy is safely on disk afterwards.

        The pieces must reach the moment at which the copy was made; only then is it whole. Raises
        BackupError for a gap, a damaged piece, one of another chain, and where ``until`` is before
        the copy's own moment; the copy is worthless then, unless nothing was applied.
        """
