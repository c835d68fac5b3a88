"""Making one store a copy of another: what differs is carried over, what is too much is removed.

Both sides are read in the order of listing as marks (:class:`~jobstore.engines.transfer.Mark`), so
a pass over stores that agree reads no posting. A first pass, one that takes what changed since,
and one that goes on where another was killed are all the same.

With each transaction a target writes down of which store it is a copy, and the sum of the marks
that it has. What others write into it is noticed by that, whenever it is: a target that is not
what the last pass left there is taken only where that is allowed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from jobstore.derived.digests import RowSum, revision_digest, store_identity
from jobstore.engines.archive import Loss
from jobstore.engines.kept import BY_NAME, KEPT, TOLD, Kept, Row, is_sound
from jobstore.engines.rows import PLACE, row_digests, stored_digests
from jobstore.engines.transfer import COPIED, CURSOR_KEY, Carried, Mark, Source, Target
from jobstore.errors import CopyError, StoreCorrupt
from jobstore.progress import Progress

_T = TypeVar("_T")

# Postings that are carried, or read, at a time.
_BATCH = 512
# Marks between two news of the progress.
_NEWS = 2048


class Passed(NamedTuple):
    """What one pass did: the postings that were compared, carried, and removed in the target."""

    compared: int
    carried: int
    removed: int


class Table(NamedTuple):
    """The rows of a table, and a hash of all that is in them, whatever the engine."""

    rows: int
    digest: str


def reconcile(source: Source, target: Target, progress: Progress) -> Passed:
    """Make ``target`` a copy of ``source`` in one pass; see :class:`Copying`."""
    copying = Copying(source, target, progress)
    done = copying.take(source)
    copying.check()
    return done


class Copying:
    """Passes that make a store a copy of another one.

    They may be interrupted at any moment; whoever begins anew goes on. With ``replace`` the target
    may have postings that no copy of this store brought there: they are removed. Raises CopyError
    without it.
    """

    def __init__(
        self, source: Source, target: Target, progress: Progress, *, replace: bool = False
    ) -> None:
        self._target = target
        self._progress = progress
        key = source.property(CURSOR_KEY) or b""
        self._identity = store_identity(key)
        self._sum = self._next = self._present()
        self._rows = {kept.name: self._summed(kept) for kept in KEPT}
        record = self._record(self._sum)
        known = target.property(COPIED) == record
        if not known and self._sum.rows and not replace:
            raise CopyError(
                f"The target has {self._sum.rows:,} postings that are not those of a copy of this "
                "store, or were changed there since; nothing was changed. Copy into an empty "
                "store, or say --replace to remove what is there."
            )
        if not known or target.property(CURSOR_KEY) != key:
            target.become(key, record)

    def take(self, source: Source) -> Passed:
        """Take over what a moment of the source has otherwise than the target.

        Raises StoreCorrupt where a posting of the source is not what was written.
        """
        total, done, carried, removed = source.total(), 0, 0, 0
        wanted: list[Mark] = []
        gone: list[Mark] = []
        for theirs, ours in _beside(source.marks(), self._target.marks(), _place):
            if theirs is not None:
                done += 1
                if done % _NEWS == 0:
                    self._progress("copy postings", done, total)
            if theirs == ours:
                continue
            if theirs is not None:
                wanted.append(theirs)
                carried += 1
            elif ours is not None:
                gone.append(ours)
            if len(wanted) + len(gone) == _BATCH:
                removed += self._write(source, wanted, gone)
        if wanted or gone:
            removed += self._write(source, wanted, gone)
        self._progress("copy postings", total, total)
        for kept in KEPT:
            self._take_rows(source, kept)
        return Passed(done, carried, removed)

    def _take_rows(self, source: Source, kept: Kept) -> None:
        """Take over the rows of a table."""
        put: list[Row] = []
        gone: list[Row] = []
        for theirs, ours in _beside(source.rows(kept), self._target.rows(kept), kept.key_of):
            if theirs == ours:
                continue
            if theirs is not None:
                put.append(_sound_row(kept, theirs))
            if ours is not None:
                gone.append(ours)
            if len(put) + len(gone) >= _BATCH:
                self._write_rows(kept, put, gone)
        if put or gone:
            self._write_rows(kept, put, gone)

    def _write_rows(self, kept: Kept, put: list[Row], gone: list[Row]) -> None:
        known = self._record(self._sum)
        for row in gone:
            self._rows[kept.name].remove(row)
        for row in put:
            self._rows[kept.name].add(row)
        self._target.write_rows(kept, put, gone, known, self._record(self._sum))
        put.clear()
        gone.clear()

    def check(self) -> None:
        """Raise CopyError where the target has anything else than what was put there."""
        rows = {kept.name: self._summed(kept) for kept in KEPT}
        if self._told(self._present(), rows) != self._told(self._sum, self._rows):
            raise CopyError(
                "Somebody else wrote to the target meanwhile, so it is no copy. Stop who writes "
                "there, then run the copy again with --replace."
            )

    def _write(self, source: Source, wanted: list[Mark], gone: list[Mark]) -> int:
        """Carry over postings, and remove others; the lists are empty afterwards."""

        def record(before: Sequence[Mark]) -> bytes:
            # Called again where an engine has to repeat the transaction.
            self._next = copy(self._sum)
            for mark in before:
                self._next.remove(mark)
            for mark in wanted:
                self._next.add(mark)
            return self._record(self._next)

        postings = [_sound(each) for each in source.postings(wanted)]
        if len(postings) != len(wanted):
            raise StoreCorrupt("The store has lost postings; run 'jobstore doctor --full'.")
        removed = self._target.write(postings, gone, self._record(self._sum), record)
        self._sum = self._next
        wanted.clear()
        gone.clear()
        return removed

    def _present(self) -> RowSum:
        found, total = RowSum(), self._target.total()
        for mark in self._target.marks():
            found.add(mark)
            if found.rows % _NEWS == 0:
                self._progress("look at the target", found.rows, total)
        return found

    def _summed(self, kept: Kept) -> RowSum:
        found = RowSum()
        for row in self._target.rows(kept):
            found.add(row)
        return found

    def _record(self, marks: RowSum) -> bytes:
        return self._told(marks, self._rows)

    def _told(self, marks: RowSum, rows: Mapping[str, RowSum]) -> bytes:
        others = (f" {name}:{each}" for name, each in sorted(rows.items()) if each.rows)
        return f"{self._identity} {marks}{''.join(others)}".encode()


def contents(store: Source, progress: Progress, step: str = "verify") -> dict[str, Table]:
    """Read all that is kept, compare it with its digests, and return a hash of each table.

    Raises StoreCorrupt where something is not what was written.
    """
    names = ("posting", "revision", *BY_NAME, "counter")
    sums = {name: RowSum() for name in names}
    total, marks = store.total(), store.marks()
    while batch := list(islice(marks, _BATCH)):
        for each in store.postings(batch):
            row, revisions = _sound(each)
            sums["posting"].add((*row[:PLACE], *row[PLACE + 1 :]))
            for revision in revisions:
                sums["revision"].add((row[0], *revision))
        progress(step, sums["posting"].rows, total)
    for kept in KEPT:
        for beside in store.rows(kept):
            sums[kept.name].add(_sound_row(kept, beside))
    for count in store.counters():
        sums["counter"].add(count)
    # With all digits, since people compare the first of them.
    return {name: Table(sums[name].rows, str(sums[name]).zfill(64)) for name in names}


def _place(mark: Mark) -> tuple[int, int, bytes]:
    return mark.place


def _beside(
    theirs: Iterator[_T], ours: Iterator[_T], place: Callable[[_T], Any]
) -> Iterator[tuple[_T | None, _T | None]]:
    """Yield what is at each place of both sides, in the order of places."""
    their, our = next(theirs, None), next(ours, None)
    while their is not None or our is not None:
        if our is None or (their is not None and place(their) < place(our)):
            yield their, None
            their = next(theirs, None)
        elif their is None or place(our) < place(their):
            yield None, our
            our = next(ours, None)
        else:
            yield their, our
            their, our = next(theirs, None), next(ours, None)


def _sound(found: Carried) -> Carried:
    """Return what is what was written. Raises StoreCorrupt."""
    row = found.row
    try:
        faulty = row_digests(row) != stored_digests(row) or any(
            revision_digest(row[0], *each[:3]) != each[3] for each in found.revisions
        )
    except (AttributeError, TypeError, ValueError, struct.error):
        faulty = True
    if faulty:
        raise StoreCorrupt(
            f"The posting {bytes(row[0]).hex()}, or an earlier version of it, is not what was "
            "written; run 'jobstore doctor', then restore a backup."
        )
    return found


def _sound_row(kept: Kept, row: Row) -> Row:
    """Return a row that is what was written. Raises StoreCorrupt."""
    if not is_sound(row):
        raise StoreCorrupt(
            f"A row of table {kept.name} is not what was written; run 'jobstore doctor', then "
            "restore a backup."
        )
    return row


def _lacking(store: Source, earlier: Source, kept: Kept) -> int:
    """Count the rows of a table that an earlier state lacks or has otherwise."""
    pairs = _beside(store.rows(kept), earlier.rows(kept), kept.key_of)
    return sum(ours is not None and ours != theirs for ours, theirs in pairs)


def difference(store: Source, earlier: Source) -> Loss:
    """Return what a store has that an earlier state of it lacks; no posting is read.

    Marks that differ are held until the end, where a posting may be listed elsewhere by now.
    """
    now: dict[bytes, Mark] = {}
    then: dict[bytes, Mark] = {}
    for ours, theirs in _beside(store.marks(), earlier.marks(), _place):
        if ours == theirs:
            continue
        if ours is not None:
            now[ours.id] = ours
        if theirs is not None:
            then[theirs.id] = theirs
    both = now.keys() & then.keys()
    changed = sum(
        (now[id].digest, now[id].history) != (then[id].digest, then[id].history) for id in both
    )
    return Loss(
        added=len(now) - len(both),
        changed=changed,
        seen=len(both) - changed,
        removed=len(then) - len(both),
        beside=sum(_lacking(store, earlier, kept) for kept in TOLD),
    )
