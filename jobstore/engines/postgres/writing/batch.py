"""What the changes of a plan come to: sets of rows to remove, insert, rewrite and touch.

Pure, so that the work for a large batch can run on a thread. Several changes to one posting come to
the one row that it has at the end, and to a revision for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from jobstore.derived.counters import Tally
from jobstore.derived.digests import revision_digest, seen_digest
from jobstore.derived.joining import interleaved
from jobstore.derived.micros import to_micros
from jobstore.derived.plan import Change, Deletion
from jobstore.derived.record import Derived
from jobstore.engines.kept import DELETION, Kept, Mirror, joined, sealed
from jobstore.engines.kept import Row as KeptRow
from jobstore.engines.postgres.schema import DERIVED_FORM
from jobstore.engines.postgres.search.vectors import indexed
from jobstore.engines.postgres.tables import named
from jobstore.engines.revisions import previous_to_json
from jobstore.engines.rows import (
    JOB_COLUMNS,
    OPENED_COLUMNS,
    TEXT_COLUMNS,
    job_from_row,
    opening_from,
    opening_parameters,
    posting_parameters,
    text_parameters,
)
from jobstore.records import Job

# The columns of statement postings_to_write that follow those of a job.
_LISTED_AT, _LISTED_TIE = len(JOB_COLUMNS), len(JOB_COLUMNS) + 1
_OPENED = slice(_LISTED_TIE + 1, _LISTED_TIE + 1 + len(OPENED_COLUMNS))
_DIGEST, _SEEN_DIGEST = _OPENED.stop, _OPENED.stop + 1
_VERSION = JOB_COLUMNS.index("version")

Row = Sequence[Any]
Identity = tuple[int, bytes, bytes]
"""The version of a stored posting and its digests: what no two states of it share."""


class Stored:
    """What is stored for the postings of a batch."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[bytes, Row] = {}
        self.add(rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Take in what is stored for more of them."""
        self._rows.update((row[0], row) for row in rows)

    def posting(self, id: UUID) -> Derived | None:
        """Return the posting that is stored, ``None`` where there is none."""
        row = self._rows.get(id.bytes)
        return None if row is None else Derived(job_from_row(row), opening_from(row[_OPENED]))

    def row(self, id: UUID) -> Row | None:
        """Return its row."""
        return self._rows.get(id.bytes)

    def identities(self) -> dict[bytes, Identity]:
        """Return which state of each posting is stored."""
        return {id: _identity(row) for id, row in self._rows.items()}


def _identity(row: Row) -> Identity:
    return row[_VERSION], row[_DIGEST], row[_SEEN_DIGEST]


class Wanted(NamedTuple):
    """What has to be read before changes become rows."""

    times: list[int]
    """Times under which postings are to be listed that are not listed there yet."""
    joined: list[UUID]
    """Postings whose revisions become those of another."""


def wanted(changes: Iterable[Change], stored: Stored) -> Wanted:
    """Return what has to be read for changes."""
    times: set[int] = set()
    joined: set[UUID] = set()
    for change in changes:
        if (after := change.after) is None:
            continue
        listed, row = to_micros(after.listed_at), stored.row(after.job.id)
        if row is None or change.before is None or row[_LISTED_AT] != listed:
            times.add(listed)
        joined.update(old.job.id for old in change.joined)
    return Wanted(sorted(times), list(joined))


class Found(NamedTuple):
    """What was read before changes become rows."""

    ties: Mapping[int, int | None] = {}
    """The last tie of each time."""
    histories: Mapping[bytes, Sequence[tuple[int, str]]] = {}
    """Times and previous values of the revisions of what is joined, by id, in order of version."""
    following: Mapping[bytes, Sequence[tuple[Kept, KeptRow]]] = {}
    """The rows that belong to what is joined, by id."""


class Batch(NamedTuple):
    """What a batch writes; rows are mappings from columns to values."""

    deleted: list[UUID]
    """Postings to remove, with their revisions, before anything else is written."""
    inserted: list[dict[str, Any]]
    rewritten: list[dict[str, Any]]
    seen: list[dict[str, Any]]
    """Rows of which only the times of sightings and the place in the listing change."""
    revisions: list[dict[str, Any]]
    counts: list[dict[str, Any]]
    states: dict[bytes, tuple[Identity | None, Identity | None]]
    """Of each posting the state before and after."""
    kept: dict[str, list[dict[str, Any]]]
    """Rows of the tables of the life cycle."""
    is_last: bool = True
    """Whether no other batch follows."""
    mirrors: Sequence[Mirror] = ()
    """What stands under other postings about those that are joined."""


def posting_row(derived: Derived, listed_at: int, listed_tie: int) -> dict[str, Any]:
    """Return the whole row of a posting, by column."""
    job = derived.job
    row = posting_parameters(derived)
    row.update(zip(TEXT_COLUMNS, text_parameters(job), strict=True))
    row.update(opening_parameters(derived))
    words = indexed(derived)
    row.update(
        id=job.id,
        listed_at=listed_at,
        listed_tie=listed_tie,
        form=DERIVED_FORM,
        words=words.vector,
        spoken=words.spoken,
        seen_digest=seen_digest(
            job.id.bytes, row["first_seen_at"], row["last_seen_at"], listed_at, listed_tie
        ),
    )
    return row


def gathered(
    changes: Iterable[Change],
    stored: Stored,
    found: Found,
    now: datetime,
    *,
    size: int,
    deletions: Iterable[Deletion] = (),
) -> Iterator[Batch]:
    """Give what changes write, in batches of at most ``size`` postings, at least one batch.

    ``found`` is what was :func:`wanted`. Each batch is worked out when it is asked for.
    """
    gathering = _Gathering(stored, found, to_micros(now), deletions)
    for change in changes:
        gathering.take(change)
    yield from gathering.batches(size)


class _Standing:
    """What stands under an id while the changes of a batch are gone through."""

    __slots__ = (
        "after",
        "following",
        "kept",
        "listed_at",
        "listed_tie",
        "revisions",
        "rewritten",
        "row",
    )

    def __init__(self, row: Row | None) -> None:
        self.row = row
        self.kept = row is not None  # whether the stored row stays
        self.after: Derived | None = None
        self.rewritten = False
        self.listed_at: int = 0 if row is None else row[_LISTED_AT]
        self.listed_tie: int = 0 if row is None else row[_LISTED_TIE]
        self.revisions: list[tuple[int, int, str]] = []
        self.following: list[tuple[Kept, KeptRow]] = []


class _Gathering:
    def __init__(
        self,
        stored: Stored,
        found: Found,
        now: int,
        deletions: Iterable[Deletion],
    ) -> None:
        self._stored = stored
        self._ties = dict(found.ties)
        self._found = found
        self._now = now
        self._deletions = deletions
        self._standing: dict[UUID, _Standing] = {}
        self._tally = Tally()
        self._mirrors: list[Mirror] = []

    def take(self, change: Change) -> None:
        if change.joined:
            self._join(change)
        elif change.before is None:
            assert change.after is not None
            self._insert(change.after)
        elif change.after is None:
            self._delete(change.before)
        else:
            self._replace(change.before, change.after, change.previous)

    def _at(self, id: UUID) -> _Standing:
        if (found := self._standing.get(id)) is None:
            found = self._standing[id] = _Standing(self._stored.row(id))
        return found

    def _list(self, standing: _Standing, listed: int) -> None:
        """Put a posting behind all that are listed at the same time."""
        last = self._ties.get(listed)
        standing.listed_at = listed
        standing.listed_tie = self._ties[listed] = 0 if last is None else last + 1

    def _insert(self, new: Derived) -> _Standing:
        standing = self._at(new.job.id)
        standing.after = new
        self._list(standing, to_micros(new.listed_at))
        self._tally.add(new.counters)
        return standing

    def _delete(self, old: Derived) -> None:
        standing = self._at(old.job.id)
        standing.after, standing.kept, standing.revisions = None, False, []
        standing.following = []
        self._tally.add(old.counters, -1)

    def _join(self, change: Change) -> None:
        assert change.after is not None
        histories: list[list[tuple[int, str]]] = []
        following: list[tuple[Kept, KeptRow]] = []
        for old in change.joined:
            standing = self._at(old.job.id)
            id, stored = old.job.id.bytes, standing.kept
            history = [*self._found.histories.get(id, ())] if stored else []
            histories.append(history + [revision[1:] for revision in standing.revisions])
            following += standing.following
            following += self._found.following.get(id, ()) if stored else ()
            self._delete(old)
        standing, version = self._insert(change.after), change.after.job.version
        octets = change.after.job.id.bytes
        gone = {old.job.id.bytes for old in change.joined}
        standing.following, mirrors = joined(following, gone, octets)
        self._mirrors += mirrors
        history, previous = interleaved(change.previous, histories)
        history.append((self._now, previous_to_json(previous)))
        standing.revisions = [
            (number, *revision)
            for number, revision in enumerate(history, version - len(history) + 1)
        ]

    def _replace(self, old: Derived, new: Derived, previous: dict[str, Any]) -> None:
        standing = self._at(new.job.id)
        standing.after = new
        if previous:
            standing.rewritten = True
            standing.revisions.append((new.job.version, self._now, previous_to_json(previous)))
        listed = to_micros(new.listed_at)
        if moved := listed != standing.listed_at:
            self._list(standing, listed)
        if previous or moved:
            self._tally.add(old.counters, -1)
            self._tally.add(new.counters)

    def batches(self, size: int) -> Iterator[Batch]:
        names = ("kind", "value", "label", "amount")
        counts = [dict(zip(names, count, strict=True)) for count in self._tally.changed()]
        # In one order for all writers, so that two that write the same keys seldom wait for each
        # other in a circle.
        ids = sorted(self._standing)
        deletions = [_deletion(each) for each in self._deletions]
        for start in range(0, max(1, len(ids)), size):
            batch = Batch([], [], [], [], [], counts, {}, {}, start + size >= len(ids))
            if deletions:
                batch.kept[DELETION.name] = deletions
            for id in ids[start : start + size]:
                self._add(batch, id, self._standing[id])
            yield batch._replace(mirrors=self._mirrors) if batch.is_last else batch
            counts, deletions = [], []

    def _add(self, batch: Batch, id: UUID, standing: _Standing) -> None:
        stored = standing.row
        before = None if stored is None else _identity(stored)
        after = None
        if stored is not None and not standing.kept:
            batch.deleted.append(id)
        if (new := standing.after) is not None:
            if standing.kept and not standing.rewritten:
                assert before is not None
                row = _sighting(new.job, standing)
                after = (before[0], before[1], row["seen_digest"])
                if after != before:
                    batch.seen.append(row)
            else:
                row = posting_row(new, standing.listed_at, standing.listed_tie)
                (batch.rewritten if standing.kept else batch.inserted).append(row)
                after = (row["version"], row["digest"], row["seen_digest"])
            batch.revisions.extend(_revision(id, *each) for each in standing.revisions)
            for kept, values in standing.following:
                batch.kept.setdefault(kept.name, []).append(named(kept, values))
        if before != after:
            batch.states[id.bytes] = (before, after)


def _deletion(deletion: Deletion) -> dict[str, Any]:
    id, at, by = deletion
    return named(DELETION, sealed((id.bytes, to_micros(at), by.actor, by.run)))


def _sighting(job: Job, standing: _Standing) -> dict[str, Any]:
    first, last = to_micros(job.first_seen_at), to_micros(job.last_seen_at)
    listed, tie = standing.listed_at, standing.listed_tie
    return {
        "id": job.id,
        "first_seen_at": first,
        "last_seen_at": last,
        "listed_at": listed,
        "listed_tie": tie,
        "seen_digest": seen_digest(job.id.bytes, first, last, listed, tie),
    }


def _revision(id: UUID, version: int, changed_at: int, previous: str) -> dict[str, Any]:
    return {
        "id": id,
        "version": version,
        "changed_at": changed_at,
        "previous": previous,
        "digest": revision_digest(id.bytes, version, changed_at, previous),
    }
