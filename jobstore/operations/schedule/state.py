"""What is remembered of each task, in the database of operations, and what follows from it.

When a task is due is decided here: by what was settled, never by how long ago it was, so that
neither a missed time nor a clock that was set back does it twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from jobstore.operations.database import reading, writing
from jobstore.operations.times import Rhythm, moment_of

# Seconds until a failed task is tried again, doubled each time, until its next time comes.
_FIRST_PAUSE = 300.0
_MOST_DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class State:
    """One row of the table ``task``; see ``migrations/operations``.

    ``outcome`` is ``done``, ``failed`` or ``skipped``, ``running`` until there is one, and empty
    for a task that never ran.
    """

    name: str
    slot: int = 0
    tried: int = 0
    failures: int = 0
    retry_at: float = 0.0
    outcome: str = ""
    detail: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    process: int = 0

    def due(self, rhythm: Rhythm, now: float, *, force: bool = False) -> int | None:
        """Return the time that is due, ``None`` if none is; with ``force``, one always is.

        It is the latest of the rhythm: times that were missed before it are not caught up.
        """
        slot = int(rhythm.latest(moment_of(now)).timestamp())
        if force:
            # What was settled stays settled, by a clock that was ahead too.
            return max(slot, self.slot)
        waits = self.tried == slot and now < self.retry_at
        return None if slot <= self.slot or waits else slot

    def next_due(self, rhythm: Rhythm, now: float) -> float:
        """Return when it is due next; ``now`` if it is."""
        if self.due(rhythm, now) is not None:
            return now
        following = rhythm.following(moment_of(max(now, self.slot))).timestamp()
        return min(following, self.retry_at) if self.slot < self.tried else following

    def mended(self, rhythm: Rhythm, now: float) -> State:
        """Return the state without what only a clock that was wrong can have written.

        One that was set back a little comes by the settled time again, which is passed over. One
        that had been far ahead would stop the task until then, so it counts as settled now.
        """
        state = self
        if self.slot - now > rhythm.every.total_seconds() / 2:
            slot = int(rhythm.latest(moment_of(now)).timestamp())
            state = replace(self, slot=slot, tried=0)
        if self.retry_at - now > _pause(self.failures):
            state = replace(state, retry_at=now)
        return state

    def begun(self, slot: int, now: float) -> State:
        """Return the state of the task while this process runs it.

        A run counts as failed until it has ended, so that one which kills its process is not
        tried without a pause for ever.
        """
        failures = self.failures + 1 if self.tried == slot else 1
        return replace(
            self,
            tried=slot,
            failures=failures,
            retry_at=now + _pause(failures - 1),
            outcome="running",
            detail="",
            started_at=now,
            ended_at=None,
            process=os.getpid(),
        )

    def ended(self, outcome: str, detail: str, now: float, *, again: bool) -> State:
        """Return the state after a run; ``again`` if this time is still to be settled."""
        ended = replace(self, outcome=outcome, detail=detail, ended_at=now)
        if again:
            return replace(ended, retry_at=now + _pause(self.failures))
        return replace(ended, slot=self.tried, failures=0, retry_at=0.0)


def read(path: Path) -> dict[str, State]:
    """Return what is remembered, by the names of tasks; what cannot have been is forgotten."""
    with reading(path) as kept:
        return {row[0]: State(*row) for row in kept.rows("tasks")}


def read_one(path: Path, name: str) -> State:
    """Return what is remembered of the task ``name``."""
    return read(path).get(name, State(name))


def write(path: Path, states: Iterable[State]) -> None:
    """Remember states; all of them or none."""
    with writing(path) as kept:
        kept.run("put_task", *map(astuple, states))


def _pause(failures: int) -> float:
    return _FIRST_PAUSE * 2 ** min(failures - 1, _MOST_DOUBLINGS) if failures > 0 else 0.0
