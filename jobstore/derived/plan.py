"""What a batch of writes makes of what is stored: the same on every engine.

An engine loads what is stored for the ids of a batch, lets a :class:`Plan` say what changes, and
writes the changes in their order. Pure: nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from jobstore.derived.merge import Merged, edit, join, key_id, merge
from jobstore.derived.record import Derived
from jobstore.errors import JobNotFound, VersionConflict
from jobstore.records import Job, JobPosting, UpsertResult


class Change(NamedTuple):
    """What one write changes about one posting."""

    before: Derived | None
    """What was stored before; ``None`` if nothing was."""
    after: Derived | None
    """What is to be stored; ``None`` if the posting is removed, with its revisions."""
    previous: dict[str, Any]
    """The values that were replaced, by field: they become a revision. If there are none, only
    the times of sightings have changed."""
    joined: tuple[Derived, ...] = ()
    """The stored postings that ``after`` is made of, if it is new by a change of its key: they are
    removed, and their revisions become its own, in order of time and with new versions."""


class Plan:
    """Plans the writes of one transaction, one after another; each sees those before it.

    ``stored(id)`` gives the posting that is stored, ``None`` where there is none. ``now`` is the
    time of all of them: postings that arrive together are listed together, in order. A write that
    is refused plans nothing.
    """

    def __init__(self, stored: Callable[[UUID], Job | None], now: datetime) -> None:
        self.now = now
        self.changes: list[Change] = []
        self._stored = stored
        self._planned: dict[UUID, Derived | None] = {}

    def upsert(self, posting: JobPosting) -> UpsertResult:
        """Store a checked posting, or merge it into the one that is stored under its key.

        Raises InvalidPosting; see :func:`~jobstore.derived.merge.merge`.
        """
        before = self._before(key_id(posting.source, posting.source_job_id))
        merged = merge(None if before is None else before.job, posting, self.now)
        self._change(before, merged)
        return UpsertResult(merged.job.id, merged.outcome, merged.job.version)

    def update(self, id: UUID, changes: Mapping[str, Any], expected_version: int | None) -> Job:
        """Set checked fields of a stored posting.

        Raises JobNotFound, VersionConflict, and InvalidPosting; see
        :func:`~jobstore.derived.merge.edit`.
        """
        before = self._before(id)
        if before is None:
            raise JobNotFound(f"No posting has the id {id}.")
        if expected_version is not None and before.job.version != expected_version:
            raise VersionConflict(
                f"The posting {id} is at version {before.job.version}, not {expected_version}; "
                "read it again and repeat the update."
            )
        merged = edit(before.job, changes, self.now)
        self._change(before, merged)
        return merged.job

    def delete(self, id: UUID) -> bool:
        """Remove a posting; return False if it was not there."""
        before = self._before(id)
        if before is None:
            return False
        self.changes.append(Change(before, None, {}))
        self._planned[id] = None
        return True

    def join(self, id: UUID, source: str, source_job_id: str) -> Job:
        """Give a stored posting another key, and make one of it and what is stored there.

        Raises JobNotFound; see :func:`~jobstore.derived.merge.join`.
        """
        before = self._before(id)
        if before is None:
            raise JobNotFound(f"No posting has the id {id}.")
        target = key_id(source, source_job_id)
        if target == id:
            return before.job
        other = self._before(target)
        there = None if other is None else other.job
        merged = join(before.job, there, source, source_job_id, self.now)
        after = Derived(merged.job)
        self._planned |= {id: None, target: after}
        joined = (before,) if other is None else (before, other)
        self.changes.append(Change(None, after, merged.previous, joined))
        return merged.job

    def _before(self, id: UUID) -> Derived | None:
        if id in self._planned:
            return self._planned[id]
        job = self._stored(id)
        return None if job is None else Derived(job)

    def _change(self, before: Derived | None, merged: Merged) -> None:
        after = self._planned[merged.job.id] = Derived(merged.job)
        self.changes.append(Change(before, after, merged.previous))
