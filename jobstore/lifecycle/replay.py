"""What a posting was at each of its versions, worked out backwards from what is stored.

Pure. A revision holds the values that it replaced, so each version follows from the one after it.
Where a posting was joined to another one, each of both has versions of its own before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

from jobstore.derived.joining import ABOUT
from jobstore.derived.merge import key_id, read_description
from jobstore.derived.places import only, says_more
from jobstore.derived.record import Opening
from jobstore.records import Job, Status


class Revised(NamedTuple):
    """A revision: the version that it made, when, and what it replaced."""

    version: int
    at: datetime
    previous: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        """What is said of the change."""
        about: dict[str, Any] = self.previous.get(ABOUT, {})
        return about


class State(NamedTuple):
    """What a posting was from a moment on."""

    job: Job
    at: datetime | None
    """``None`` where it is not known since when."""
    revised: Revised | None
    """The revision that made it; ``None`` for what is the first that is known."""
    opening: Opening | None = None
    """Who stored the posting, of its first version."""


class Line(NamedTuple):
    """The states of a posting, newest first, and of what it was joined from before them."""

    states: list[State]
    parts: list[Line]

    def every(self) -> Iterator[State]:
        """Yield all states."""
        yield from self.states
        for part in self.parts:
            yield from part.every()

    def at(self, moment: datetime, id: UUID) -> State | None:
        """Return what was stored at a moment under an id, or under the key that it had then."""
        for state in self.states:
            if state.at is not None and state.at <= moment:
                return state
        # What was under this id before all others.
        for part in sorted(self.parts, key=lambda part: part.states[0].job.id != id):
            if (found := part.at(moment, id)) is not None:
                return found
        return None

    def version(self, number: int) -> State | None:
        """Return what the posting was at one of its versions."""
        return next((each for each in self.every() if each.job.version == number), None)


def replay(job: Job, opening: Opening | None, revisions: Sequence[Revised]) -> Line:
    """Return the states of a posting; ``revisions`` newest first, without those that were pruned.

    A first state that nothing tells the version of has version 0.
    """
    unbroken = list(_unbroken(job, revisions))
    line = _line(job, job.version, opening, unbroken)
    lowest = job.version - len(unbroken)
    firsts = [each for each in line.every() if each.revised is None]
    if len(firsts) > 1:
        # Of two postings that were made one, the version before all others is the older one's.
        dated = [each for each in firsts if each.at is not None]
        firsts = [min(dated, key=lambda each: each.at or each.job.updated_at)] if dated else []
        lowest = lowest if lowest == 1 else 0
    for each in firsts:
        each.job.version = lowest
    return line


def _unbroken(job: Job, revisions: Sequence[Revised]) -> Iterator[Revised]:
    for version, each in zip(count(job.version, -1), revisions, strict=False):
        if each.version != version:
            return
        yield each


def _line(job: Job, version: int, opening: Opening | None, revisions: Sequence[Revised]) -> Line:
    states: list[State] = []
    for number, each in enumerate(revisions, 1):
        states.append(State(replace(job, version=each.version, updated_at=each.at), each.at, each))
        if joined := each.about.get("joined"):
            before = revisions[number:]
            return Line(states, [_part(job, part, before) for part in joined])
        job = _before(job, each)
    at = job.first_seen_at if opening is None else opening.at
    first = replace(job, version=0, updated_at=at)
    known = len(revisions) == version - 1
    states.append(State(first, at if known else None, None, opening if known else None))
    return Line(states, [])


def _part(job: Job, part: dict[str, Any], before: Sequence[Revised]) -> Line:
    was = part["was"]
    earlier = replace(job, **was)
    earlier.id = key_id(earlier.source, earlier.source_job_id)
    read_description(earlier, was)
    own = [before[back - 1] for back in part["back"] if back <= len(before)]
    return _line(earlier, part["version"], part["opened"], own)


def _before(job: Job, revised: Revised) -> Job:
    previous = {name: value for name, value in revised.previous.items() if name != ABOUT}
    earlier = replace(job, **previous)
    if "locations" not in previous and not says_more(job):
        earlier.locations = only(earlier.location, earlier.country)
    read_description(earlier, previous)
    if "status" in previous:
        closed = previous["status"] is Status.CLOSED
        earlier.closed_at = revised.about.get("closed_at") if closed else None
    return earlier
