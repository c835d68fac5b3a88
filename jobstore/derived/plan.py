"""What a batch of writes makes of what is stored: the same on every engine.

An engine loads what is stored for the ids of a batch, lets a :class:`Plan` say what changes, and
writes the changes in their order. Pure: nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from jobstore.derived.joining import ABOUT, parts
from jobstore.derived.merge import Merged, edit, join, key_id, merge
from jobstore.derived.record import Derived, Opening
from jobstore.errors import JobNotFound, VersionConflict
from jobstore.records import NOBODY, Job, JobPosting, Origin, Status, UpsertResult


class Deletion(NamedTuple):
    """That a posting was removed."""

    id: UUID
    at: datetime
    origin: Origin


class Change(NamedTuple):
    """What one write changes about one posting."""

    before: Derived | None
    """What was stored before; ``None`` if nothing was."""
    after: Derived | None
    """What is to be stored; ``None`` if the posting is removed, with its revisions."""
    previous: dict[str, Any]
    """The values that were replaced, by field: they become a revision, with what is said of the
    change under :data:`ABOUT`. If there are none, only the times of sightings have changed."""
    joined: tuple[Derived, ...] = ()
    """The stored postings that ``after`` is made of, if it is new by a change of its key: they are
    removed, and their revisions become its own, in order of time and with new versions."""


class Plan:
    """Plans the writes of one transaction, one after another; each sees those before it.

    ``stored(id)`` gives the posting that is stored, ``None`` where there is none. ``now`` is the
    time of all of them: postings that arrive together are listed together, in order. A write that
    is refused plans nothing. ``origin`` is who writes, and why.
    """

    def __init__(self, stored: Callable[[UUID], Derived | None], now: datetime) -> None:
        self.now = now
        self.changes: list[Change] = []
        self.deletions: list[Deletion] = []
        self._stored = stored
        self._planned: dict[UUID, Derived | None] = {}

    def upsert(self, posting: JobPosting, origin: Origin = NOBODY) -> UpsertResult:
        """Store a checked posting, or merge it into the one that is stored under its key.

        Raises InvalidPosting; see :func:`~jobstore.derived.merge.merge`.
        """
        before = self._before(key_id(posting.source, posting.source_job_id))
        merged = merge(None if before is None else before.job, posting, self.now)
        self._change(before, merged, origin)
        opened = before is not None and before.job.status is not merged.job.status
        return UpsertResult(
            merged.job.id,
            merged.outcome,
            merged.job.version,
            reopened=opened and merged.job.status is Status.OPEN,
        )

    def update(
        self,
        id: UUID,
        changes: Mapping[str, Any],
        expected_version: int | None,
        origin: Origin = NOBODY,
    ) -> Job:
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
        self._change(before, merged, origin)
        return merged.job

    def set_status(
        self,
        id: UUID,
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> bool:
        """Close or reopen a posting; return whether that changed it.

        Nothing happens to a posting that is not there, that has the status, that was seen after
        ``unless_seen_after``, or that has not expired at ``expired_at``. ``closed_at`` is when it
        was closed, if that is not now.
        """
        before = self._before(id)
        if before is None or before.job.status is status:
            return False
        if unless_seen_after is not None and before.job.last_seen_at > unless_seen_after:
            return False
        expires = before.job.expires_at
        if expired_at is not None and (expires is None or expires > expired_at):
            return False
        self._change(before, edit(before.job, {"status": status}, self.now, closed_at), origin)
        return True

    def delete(self, id: UUID, origin: Origin = NOBODY) -> bool:
        """Remove a posting; return False if it was not there. That it was there is kept."""
        before = self._before(id)
        if before is None:
            return False
        self.changes.append(Change(before, None, {}))
        self.deletions.append(Deletion(id, self.now, origin))
        self._planned[id] = None
        return True

    def join(self, id: UUID, source: str, source_job_id: str, origin: Origin = NOBODY) -> Job:
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
        joined = (before,) if other is None else (before, other)
        openings = [each.opening for each in joined if each.opening is not None]
        # Of a posting that is older than openings are, it is not known when it was stored.
        known = len(openings) == len(joined)
        after = Derived(merged.job, min(openings, key=_at) if known else None)
        self._planned |= {id: None, target: after}
        about = {"joined": parts(merged.job, joined)}
        previous = _told(merged.previous, origin, about)
        self.changes.append(Change(None, after, previous, joined))
        return merged.job

    def _before(self, id: UUID) -> Derived | None:
        if id in self._planned:
            return self._planned[id]
        return self._stored(id)

    def _change(self, before: Derived | None, merged: Merged, origin: Origin) -> None:
        if before is None:
            opening: Opening | None = Opening(self.now, origin.actor, origin.run)
            previous = merged.previous
        else:
            opening = before.opening
            closed_at = None if merged.job.closed_at else before.job.closed_at
            about = {} if closed_at is None else {"closed_at": closed_at}
            previous = _told(merged.previous, origin, about)
        after = self._planned[merged.job.id] = Derived(merged.job, opening)
        self.changes.append(Change(before, after, previous))


def _at(opening: Opening) -> datetime:
    return opening.at


def _told(previous: dict[str, Any], origin: Origin, about: dict[str, Any]) -> dict[str, Any]:
    """Return replaced values with what is said of the change; nothing is said of a sighting."""
    if not previous:
        return previous
    about = {name: value for name, value in origin._asdict().items() if value is not None} | about
    return {**previous, ABOUT: about} if about else previous
