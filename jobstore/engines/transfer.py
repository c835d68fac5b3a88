"""Carrying postings from one store into another, whatever the engines: what each side offers.

Only the protocol and its data types live here; :mod:`.reconciling` says what is carried when.
Rows have the same columns, representations and digests in every engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from jobstore.engines.kept import Kept, Row
from jobstore.settings import StoreURL

CURSOR_KEY = "cursor_key"
"""The property that makes a store the one that it is: its key signs cursors."""
COPIED = "copied"
"""The property of a target that says of which store it is a copy, and with what in it."""


class Mark(NamedTuple):
    """Which state of a posting a store has. Marks sort as postings are listed, oldest first.

    Where two postings of a store share a tie, the later ones of their time are given as having
    higher ones, so that no two marks are listed at the same place.
    """

    listed_at: int
    listed_tie: int
    id: bytes
    digest: bytes
    seen_digest: bytes
    history: bytes
    """The digests of its earlier versions, one after another, oldest first."""

    @property
    def place(self) -> tuple[int, int, bytes]:
        """Where it stands in the order of listing."""
        return self[:3]


class Carried(NamedTuple):
    """A posting with everything that is kept about it."""

    row: tuple[Any, ...]
    """As :func:`jobstore.engines.rows.row_digests` takes it; what stands for PLACE has no sense."""
    revisions: tuple[tuple[int, int, str, bytes], ...]
    """Version, changed_at, previous and digest of each, oldest first."""


def carried(
    marks: Sequence[Mark], rows: Iterable[tuple[Any, ...]], revisions: Iterable[tuple[Any, ...]]
) -> list[Carried]:
    """Return the postings with these marks, of their rows and those of their revisions.

    A revision comes behind the id of its posting, the oldest first.
    """
    found = {row[0]: row for row in rows}
    histories: dict[bytes, list[Any]] = {}
    for id, *revision in revisions:
        histories.setdefault(id, []).append((*revision,))
    return [
        Carried(found[mark.id], (*histories.get(mark.id, ()),))
        for mark in marks
        if mark.id in found
    ]


Record = Callable[[Sequence[Mark]], bytes]
"""Returns what the property COPIED is to be, of the postings that were there before."""

OTHER_COPY = "Another copy into this store is being made; let it end, then run this again."


class Source(Protocol):
    """A store that is read. Everything may raise StoreUnavailable, StoreCorrupt or StoreBusy."""

    def total(self) -> int:
        """Count the postings."""

    def marks(self) -> Iterator[Mark]:
        """Yield the marks of all postings, oldest first; few are held at a time."""

    def postings(self, marks: Sequence[Mark]) -> list[Carried]:
        """Return the postings that have these marks, in their order."""

    def counters(self) -> Iterator[tuple[str, str, int]]:
        """Yield kind, value and amount of each count, but the quartiles, which follow from them."""

    def rows(self, kept: Kept) -> Iterator[Row]:
        """Yield the rows of a table of the life cycle in the order of its key; few are held."""

    def property(self, name: str) -> bytes | None:
        """Return a property of the store."""


class Target(Source, Protocol):
    """A store that becomes a copy. What is read is as of now."""

    def write(
        self, postings: Sequence[Carried], gone: Sequence[Mark], known: bytes, record: Record
    ) -> int:
        """Put postings in the place of what is there of them, and remove others.

        Rows of the life cycle stay as they are. It is one transaction, which is safely on disk at
        its end. A posting of ``gone`` is removed
        if it is still listed at the place of its mark. ``record`` is called with the marks of all
        that is replaced or removed. Returns how many were removed. Raises StoreBusy where COPIED is
        not ``known``, since another copy is being made into the store; StorageFull, StoreBusy,
        and OutcomeUnknown where a connection was lost in the end: then all of it is there, or
        nothing.
        """

    def write_rows(
        self, kept: Kept, rows: Sequence[Row], gone: Sequence[Row], known: bytes, record: bytes
    ) -> None:
        """Put rows of a table in the place of those with their keys, and remove others, in one
        transaction. Raises what :meth:`write` raises."""

    def become(self, key: bytes, record: bytes) -> None:
        """Take over the key of another store, and write down what is there as COPIED."""


class Transfer(Protocol):
    """What reads a database for a copy, and writes one. Everything blocks."""

    def place(self, url: StoreURL) -> str:
        """Return what tells this very database from all others of its engine, whatever its URL.

        A replica is the same database. "" where there is none yet.
        """

    def reading(self, url: StoreURL) -> AbstractContextManager[Source]:
        """Open the database as it is at one moment, while others write."""

    def closed(self, url: StoreURL, *, patience: float) -> AbstractContextManager[None]:
        """Let nobody write to the database while the block lasts, and end at once after it.

        ``patience``: seconds to wait for those who write. Raises StoreBusy.
        """

    def writing(self, url: StoreURL, *, durable: bool = True) -> AbstractContextManager[Target]:
        """Open a database, whose schema is up to date, to make it a copy of another one.

        Without ``durable`` a crash of the machine may leave it damaged: for files that are made
        anew then.
        """
