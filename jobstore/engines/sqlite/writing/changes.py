"""What a write does to the tables: rows, texts, index, history and counts together.

Functions that run on the writer's thread inside a transaction that someone else began. An
error of the caller (JobNotFound, VersionConflict, InvalidPosting) is raised before anything is
written, so the rest of the transaction can go on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from jobstore.derived.counters import Tally
from jobstore.derived.digests import revision_digest, seen_digest
from jobstore.derived.merge import Merged, edit, merge
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.sqlite.errors import DamagedRow
from jobstore.engines.sqlite.rows import (
    job_from_row,
    posting_parameters,
    previous_to_json,
    to_json,
    to_micros,
)
from jobstore.engines.sqlite.writing import counters
from jobstore.engines.sqlite.writing.indexing import IndexChanges, entry
from jobstore.engines.sqlite.writing.list_order import Slot, find_slot
from jobstore.errors import JobNotFound, VersionConflict
from jobstore.records import Job, JobPosting, Outcome, UpsertResult, job_id

_SQL = named_statements.load("sqlite")
_PLACE, _LISTED_AT, _LISTED_TIE = -3, -2, -1


class Batch:
    """The writes of one transaction: its connection and time, and what is written at its end."""

    def __init__(self, conn: sqlite3.Connection, clock: Callable[[], datetime]) -> None:
        self.conn = conn
        # One time for all: postings that arrive together are listed together, in order.
        self.now = clock()
        self.index = IndexChanges()
        self.tally = Tally()

    def finish(self) -> None:
        """Write the index and the counts; the last thing before the commit."""
        self.index.write(self.conn)
        counters.write(self.conn, self.tally)


class _Stored(NamedTuple):
    job: Job
    place: int
    listed_at: int
    listed_tie: int


def upsert(batch: Batch, posting: JobPosting) -> UpsertResult:
    """Store a checked posting, or merge it into the one that is stored under its key."""
    stored = _load(batch.conn, job_id(posting.source, posting.source_job_id))
    merged = merge(stored and stored.job, posting, batch.now)
    if stored is None:
        _insert(batch, merged.job)
    else:
        _replace(batch, stored, merged)
    return UpsertResult(merged.job.id, merged.outcome, merged.job.version)


def update(batch: Batch, id: UUID, changes: Mapping[str, Any], expected_version: int | None) -> Job:
    """Set checked fields of a stored posting."""
    stored = _load(batch.conn, id)
    if stored is None:
        raise JobNotFound(f"No posting has the id {id}.")
    if expected_version is not None and stored.job.version != expected_version:
        raise VersionConflict(
            f"The posting {id} is at version {stored.job.version}, not {expected_version}; "
            "read it again and repeat the update."
        )
    merged = edit(stored.job, changes, batch.now)
    _replace(batch, stored, merged)
    return merged.job


def delete(batch: Batch, id: UUID) -> bool:
    """Remove a posting, its text, its words and its history; False if it was not there."""
    stored = _load(batch.conn, id)
    if stored is None:
        return False
    conn = batch.conn
    old = Derived(stored.job)
    batch.index.remove(stored.place, entry(old))
    conn.execute(_SQL["delete_text"], (stored.place,))
    conn.execute(_SQL["delete_posting"], (stored.place,))
    conn.execute(_SQL["delete_revisions"], (id.bytes,))
    batch.tally.add(old.counters, -1)
    return True


def _load(conn: sqlite3.Connection, id: UUID) -> _Stored | None:
    row = conn.execute(_SQL["posting_by_id"], (id.bytes,)).fetchone()
    if row is None:
        return None
    job = job_from_row(row)
    if job.id != id:
        raise DamagedRow("the index of ids names another row")
    return _Stored(job, row[_PLACE], row[_LISTED_AT], row[_LISTED_TIE])


def _insert(batch: Batch, job: Job) -> None:
    conn = batch.conn
    new = Derived(job)
    listed = to_micros(new.listed_at)
    slot = _slot(batch, listed)
    parameters = posting_parameters(new)
    parameters.update(place=slot.place, listed_at=listed, listed_tie=slot.tie)
    first, last = parameters["first_seen_at"], parameters["last_seen_at"]
    parameters["seen_digest"] = seen_digest(job.id.bytes, first, last, listed, slot.tie)
    conn.execute(_SQL["insert_posting"], parameters)
    conn.execute(_SQL["write_text"], (slot.place, job.description, to_json(job.attributes)))
    batch.index.add(slot.place, entry(new))
    batch.tally.add(new.counters)


def _replace(batch: Batch, stored: _Stored, merged: Merged) -> None:
    conn, job, place = batch.conn, merged.job, stored.place
    old, new = Derived(stored.job), Derived(job)
    first, last = to_micros(job.first_seen_at), to_micros(job.last_seen_at)
    seen = seen_digest(job.id.bytes, first, last, stored.listed_at, stored.listed_tie)
    if merged.outcome is Outcome.UPDATED:
        rewritten = {**posting_parameters(new), "place": place, "seen_digest": seen}
        conn.execute(_SQL["rewrite_posting"], rewritten)
        previous = previous_to_json(merged.previous)
        revision = (job.id.bytes, job.version, to_micros(batch.now), previous)
        conn.execute(_SQL["insert_revision"], (*revision, revision_digest(*revision)))
        if not merged.previous.keys().isdisjoint(("description", "attributes")):
            conn.execute(_SQL["write_text"], (place, job.description, to_json(job.attributes)))
        before, after = entry(old), entry(new)
        if before != after:
            batch.index.remove(place, before)
            batch.index.add(place, after)
    else:
        conn.execute(_SQL["sight_posting"], (first, last, seen, place))
    listed = to_micros(new.listed_at)
    if listed != stored.listed_at:
        slot = _slot(batch, listed)
        # Making room may have moved this posting too.
        (place,) = conn.execute(_SQL["place_of_posting"], (job.id.bytes,)).fetchone()
        seen = seen_digest(job.id.bytes, first, last, listed, slot.tie)
        conn.execute(_SQL["relist_posting"], (slot.place, listed, slot.tie, seen, place))
        _moved(batch, new, place, slot.place)
    if merged.outcome is Outcome.UPDATED or listed != stored.listed_at:
        batch.tally.add(old.counters, -1)
        batch.tally.add(new.counters)


def _slot(batch: Batch, listed: int) -> Slot:
    """Find a free position for a time, moving others aside where none is free."""
    conn = batch.conn
    while not isinstance(found := find_slot(conn, listed), Slot):
        for old, new in found:
            id = conn.execute(_SQL["posting_at_place"], (old,)).fetchone()[0]
            stored = _load(conn, UUID(bytes=id))
            if stored is None:
                raise DamagedRow("the index of ids lacks a row")
            conn.execute(_SQL["move_posting"], (new, old))
            _moved(batch, Derived(stored.job), old, new)
    return found


def _moved(batch: Batch, derived: Derived, old: int, new: int) -> None:
    batch.conn.execute(_SQL["move_text"], (new, old))
    words = entry(derived)
    batch.index.remove(old, words)
    batch.index.add(new, words)
