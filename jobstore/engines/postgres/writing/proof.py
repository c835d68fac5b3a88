"""Whether a transaction whose COMMIT was not answered is stored.

A server knows it by the transaction's number, as long as it goes on. After a restart, a crash or a
failover that number may be another transaction's. Then what tells are the states that the
transaction would leave: the writer keeps them, and looks at what is stored, with the rows locked. A
state is a version and two digests; the one over the content has the time of the change in it, so
that no other writer makes the same one. Of a posting that was to be inserted and is not there they
do not tell, since others may have removed it; where the caller waits, it is inserted again, as
another sighting of it would be.

Who finds it stored has to commit as well before saying so: with a synchronous standby, that the
rows are seen here does not mean yet that they are kept there, and a later commit waits for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from jobstore.engines.postgres.writing.batch import Batch, Identity

States = dict[bytes, tuple[Identity | None, Identity | None]]


class Evidence:
    """What one transaction, or several that follow each other in one, would leave behind."""

    def __init__(self, transaction: tuple[str, str] | None = None) -> None:
        self.transaction = transaction
        """In which history of the server it runs, and its number there."""
        self._states: States = {}
        self._revisions: dict[tuple[bytes, int], bytes] = {}
        self.more = False
        """Whether it also writes what leaves no state of a posting: that alone proves nothing."""
        self.counts = 0
        """How many rows of counts it appends."""

    @property
    def number(self) -> str | None:
        """The number of the transaction, where it is known."""
        return None if self.transaction is None else self.transaction[1]

    def add(self, batch: Batch) -> None:
        """Take in what a batch writes."""
        self._states |= batch.states
        self._revisions |= {
            (row["id"].bytes, row["version"]): row["digest"] for row in batch.revisions
        }
        self.counts += len(batch.counts)

    def follow(self, other: Evidence) -> None:
        """Take in what is written on top of it in the same transaction."""
        for id, (before, after) in other._states.items():
            first, _ = self._states.get(id, (before, None))
            self._states[id] = (first, after)
        self._revisions |= other._revisions
        self.transaction = other.transaction or self.transaction
        self.counts += other.counts

    @property
    def ids(self) -> list[UUID]:
        """The postings to lock and look at, in order."""
        return [UUID(bytes=id) for id in sorted(self._states)]

    def verdict(
        self,
        found: Mapping[bytes, Identity],
        revisions: Iterable[tuple[bytes, int, bytes]],
        *,
        repeats: bool = False,
    ) -> bool | None:
        """Return whether the transaction is stored; ``None`` if that cannot be told.

        ``found`` are the states that are stored and locked, ``revisions`` id, version and digest of
        what is kept of the same postings. With ``repeats`` the caller is about to do the same
        again if it is not stored.
        """
        changed = {id: each for id, each in self._states.items() if each[0] != each[1]}
        for id, (before, after) in changed.items():
            there = found.get(id)
            if there is not None and there == after:
                return True
            if there is not None and there == before:
                return False
        # Others have written on top of what was there before, or of what we wrote.
        for id, version, digest in revisions:
            known = self._revisions.get((id, version))
            if known is not None:
                return known == digest
        gone = [each for id, each in changed.items() if id not in found]
        if any(before is None and after is not None for before, after in gone):
            return False if repeats else None
        alone = not self.more and len(gone) == len(changed)
        if alone and all(after is None for _, after in gone):
            # Removed, all of it, as it should be. With anything else in the transaction it could
            # have been others who removed them.
            return True
        return None
