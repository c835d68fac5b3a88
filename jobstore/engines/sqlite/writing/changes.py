"""What a batch of writes does to the tables: rows, texts, index, history and counts together.

These functions run on the writer's thread, in a transaction that :mod:`.group_commit` began. What
is stored for a batch is read at once. :mod:`jobstore.derived.plan` decides what becomes of it, and
raises errors of the caller (JobNotFound, VersionConflict, InvalidPosting) before anything is
written. The changes are written at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from jobstore.derived.counters import Tally
from jobstore.derived.digests import revision_digest, seen_digest
from jobstore.derived.joining import interleaved
from jobstore.derived.micros import to_micros
from jobstore.derived.plan import Change, Plan
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.kept import DELETION, FOLLOWING, FOLLOWING_MADE, Kept, Row, joined, sealed
from jobstore.engines.revisions import previous_to_json
from jobstore.engines.rows import (
    DESCRIPTION,
    LISTED_AT,
    LISTED_TIE,
    OPENED,
    PLACE,
    POSTING_COLUMNS,
    DamagedRow,
    job_from_row,
    opening_from,
    opening_parameters,
    posting_parameters,
    text_parameters,
)
from jobstore.engines.sqlite.tables import tables
from jobstore.engines.sqlite.writing import counters, renewing
from jobstore.engines.sqlite.writing.indexing import IndexChanges, entry
from jobstore.engines.sqlite.writing.list_order import Slot, find_slot
from jobstore.engines.writing.operations import ids_of
from jobstore.engines.writing.turns import Work
from jobstore.records import Job

_SQL = named_statements.load("sqlite")
# The columns of statement postings_by_ids that follow those of a job.
_ID = OPENED.stop


def begin(
    conn: sqlite3.Connection, works: Sequence[Work], clock: Callable[[], datetime]
) -> PostingWrites:
    """Read what is stored for operations that are about to run in one transaction."""
    return PostingWrites(conn, clock(), ids_of(works))


class _Position(NamedTuple):
    """Where a posting stands in the list order."""

    place: int
    listed_at: int
    tie: int


class _Stored:
    """What is stored for the postings of a transaction, and their positions in the list order.

    It is read at once for ``ids``, and for others when it is asked for.
    """

    def __init__(self, conn: sqlite3.Connection, ids: Collection[UUID]) -> None:
        self.positions: dict[UUID, _Position] = {}
        self._conn = conn
        self._rows: dict[bytes, Sequence[Any] | None] = {}
        if ids:
            # If one cannot be read, each is read when it is asked for, so that only that one fails.
            with suppress(sqlite3.DatabaseError):
                self._read([id.bytes for id in ids])

    def posting(self, id: UUID) -> Derived | None:
        """Return the posting that is stored, ``None`` where there is none."""
        octets = id.bytes
        if octets not in self._rows:
            self._read([octets])
        if (row := self._rows[octets]) is None:
            return None
        job = job_from_row(row)
        if job.id != id:
            raise DamagedRow("the index of ids names another row")
        self.positions[id] = _Position(row[PLACE], row[LISTED_AT], row[LISTED_TIE])
        return Derived(job, opening_from(row[OPENED]))

    def forget(self, id: UUID) -> None:
        """Take a posting as one that is not there."""
        self._rows[id.bytes] = None

    def _read(self, ids: list[bytes]) -> None:
        rows = self._conn.execute(_SQL["postings_by_ids"], {"ids": b"".join(ids)}).fetchall()
        self._rows.update(dict.fromkeys(ids))
        self._rows.update((row[_ID], row) for row in rows)


class PostingWrites(Plan):
    """The writes of one transaction: what was stored, the plan, and how it is written."""

    def __init__(self, conn: sqlite3.Connection, now: datetime, ids: Collection[UUID] = ()) -> None:
        self._loaded = _Stored(conn, ids)
        super().__init__(self._loaded.posting, now)
        self.conn = conn
        self._positions = self._loaded.positions
        self._index = IndexChanges()
        self._tally = Tally()
        self._sightings: list[tuple[Any, ...]] = []
        self._renewal = renewing.standing(conn)

    def finish(self) -> None:
        """Write what was planned, the index and the counts; the last thing before the commit."""
        for change in self.changes:
            self._write(change)
        self._write_deletions()
        self._write_sightings()
        if self._renewal is None:
            self._index.write(self.conn)
        elif self.changes:
            # Triggers have written down what the index knew of each.
            renewing.settle(self.conn, self._renewal, self._changed_ids())
        counters.write(self.conn, self._tally)

    def _changed_ids(self) -> set[bytes]:
        return {
            each.job.id.bytes
            for change in self.changes
            for each in (change.before, change.after, *change.joined)
            if each is not None
        }

    def _write(self, change: Change) -> None:
        if change.joined:
            self._join(change)
        elif change.before is None:
            assert change.after is not None
            self._insert(change.after)
        elif change.after is None:
            self._delete(change.before)
        else:
            self._replace(change.before, change.after, change.previous)

    def _insert(self, new: Derived) -> None:
        job, listed = new.job, to_micros(new.listed_at)
        slot = self._free(listed)
        parameters = posting_parameters(new)
        parameters.update(opening_parameters(new))
        parameters.update(listed_at=listed, listed_tie=slot.tie)
        first, last = parameters["first_seen_at"], parameters["last_seen_at"]
        parameters["seen_digest"] = seen_digest(job.id.bytes, first, last, listed, slot.tie)
        self._put(new, slot, parameters, text_parameters(job))

    def _put(
        self, new: Derived, slot: Slot, parameters: dict[str, Any], texts: Sequence[Any]
    ) -> None:
        self.conn.execute(_SQL["insert_posting"], {**parameters, "place": slot.place})
        self.conn.execute(_SQL["write_text"], (slot.place, *texts))
        self._index.add(slot.place, entry(new))
        self._tally.add(new.counters)
        self._positions[new.job.id] = _Position(slot.place, parameters["listed_at"], slot.tie)

    def carry(self, row: Sequence[Any], revisions: Iterable[Sequence[Any]]) -> None:
        """Put a posting, as another store has it, in the place of what is there of it.

        ``row`` is as statement every_posting gives it. Raises DamagedRow where it cannot be read.
        """
        self.remove(UUID(bytes=row[0]), alone=True)
        new, listed_at, tie = Derived(job_from_row(row)), row[LISTED_AT], row[LISTED_TIE]
        parameters = dict(zip(POSTING_COLUMNS, row, strict=True))
        self._put(new, self._free(listed_at, tie), parameters, row[DESCRIPTION:PLACE])
        self.conn.executemany(_SQL["insert_revision"], ((row[0], *each) for each in revisions))

    def remove(self, id: UUID, *, alone: bool = False) -> None:
        """Remove a posting, and everything kept about it, if it is there.

        ``alone``: rows of the life cycle stay.
        """
        if (old := self._loaded.posting(id)) is not None:
            self._delete(old, alone=alone)
            self._loaded.forget(id)

    def _delete(self, old: Derived, *, alone: bool = False) -> None:
        id = old.job.id
        place = self._positions.pop(id).place
        self._index.remove(place, entry(old))
        self.conn.execute(_SQL["delete_text"], (place,))
        self.conn.execute(_SQL["delete_posting"], (place,))
        self.conn.execute(_SQL["delete_revisions"], (id.bytes,))
        for at, keys in self.conn.execute(_SQL["blocks_of"], (id.bytes,)).fetchall():
            self.conn.execute(_SQL["remove_blocks"], (at, id.bytes, keys))
        for kept in (*(() if alone else FOLLOWING), *FOLLOWING_MADE):
            self.conn.execute(tables(kept).delete_of, (id.bytes,))
        self._tally.add(old.counters, -1)

    def _join(self, change: Change) -> None:
        new = change.after
        assert new is not None
        job, histories = new.job, []
        belonging: list[tuple[Kept, Row]] = []
        for old in change.joined:
            id = old.job.id.bytes
            rows = self.conn.execute(_SQL["revisions_of"], (id,)).fetchall()
            histories.append([row[1:] for row in reversed(rows)])
            for kept in FOLLOWING:
                belonging += [(kept, row) for row in self.conn.execute(tables(kept).of, (id,))]
            self._delete(old)
        self._insert(new)
        gone = {old.job.id.bytes for old in change.joined}
        following, mirrors = joined(belonging, gone, job.id.bytes)
        for kept, row in following:
            self.conn.execute(tables(kept).put, row)
        self.conn.executemany(_SQL["move_verdict"], mirrors)
        history, previous = interleaved(change.previous, histories)
        history.append((to_micros(self.now), previous_to_json(previous)))
        for version, row in enumerate(history, job.version - len(history) + 1):
            revision = (job.id.bytes, version, *row)
            self.conn.execute(_SQL["insert_revision"], (*revision, revision_digest(*revision)))

    def _replace(self, old: Derived, new: Derived, previous: dict[str, Any]) -> None:
        conn, job, at = self.conn, new.job, self._positions[new.job.id]
        first, last = to_micros(job.first_seen_at), to_micros(job.last_seen_at)
        seen = seen_digest(job.id.bytes, first, last, at.listed_at, at.tie)
        if previous:
            self._write_sightings()
            rewritten = {**posting_parameters(new), "place": at.place, "seen_digest": seen}
            conn.execute(_SQL["rewrite_posting"], rewritten)
            changed_at = to_micros(self.now)
            revision = (job.id.bytes, job.version, changed_at, previous_to_json(previous))
            conn.execute(_SQL["insert_revision"], (*revision, revision_digest(*revision)))
            if not previous.keys().isdisjoint(("description", "attributes")):
                self._write_text(at.place, job)
            before, after = entry(old), entry(new)
            if before != after:
                self._index.remove(at.place, before)
                self._index.add(at.place, after)
        else:
            self._sightings.append((first, last, seen, at.place))
        listed = to_micros(new.listed_at)
        if listed != at.listed_at:
            slot = self._free(listed)
            # Making room may have moved this posting too.
            place = self._positions[job.id].place
            seen = seen_digest(job.id.bytes, first, last, listed, slot.tie)
            conn.execute(_SQL["relist_posting"], (slot.place, listed, slot.tie, seen, place))
            self._moved(new, place, slot.place)
            self._positions[job.id] = _Position(slot.place, listed, slot.tie)
        if previous or listed != at.listed_at:
            self._tally.add(old.counters, -1)
            self._tally.add(new.counters)

    def _write_sightings(self) -> None:
        """Write the sightings that wait, before their postings are rewritten or moved."""
        self.conn.executemany(_SQL["sight_posting"], self._sightings)
        self._sightings.clear()

    def _write_deletions(self) -> None:
        deleted = [
            sealed((id.bytes, to_micros(at), origin.actor, origin.run))
            for id, at, origin in self.deletions
        ]
        self.conn.executemany(tables(DELETION).put, deleted)

    def _write_text(self, place: int, job: Job) -> None:
        self.conn.execute(_SQL["write_text"], (place, *text_parameters(job)))

    def _free(self, listed: int, tie: int | None = None) -> Slot:
        """Find a free position for a time; where there is none, move others aside."""
        self._write_sightings()
        while not isinstance(found := find_slot(self.conn, listed, tie), Slot):
            for old, new in found:
                id = UUID(bytes=self.conn.execute(_SQL["posting_at_place"], (old,)).fetchone()[0])
                row = self.conn.execute(_SQL["posting_by_id"], (id.bytes,)).fetchone()
                if row is None or row[PLACE] != old:
                    raise DamagedRow("the index of ids lacks a row, or names another")
                self.conn.execute(_SQL["move_posting"], (new, old))
                self._moved(Derived(job_from_row(row)), old, new)
                if (at := self._positions.get(id)) is not None:
                    self._positions[id] = at._replace(place=new)
        return found

    def _moved(self, derived: Derived, old: int, new: int) -> None:
        self.conn.execute(_SQL["move_text"], (new, old))
        words = entry(derived)
        self._index.remove(old, words)
        self._index.add(new, words)
