"""Doing what is due, each task by one process at a time.

Who does a task holds its lock, which the kernel lets go of when its holder dies, so that a
killed process holds nothing up. Whether the task is still due is looked at under the lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from jobstore.engines import is_there
from jobstore.errors import Fault, InvalidQuery, JobStoreError, StoreBusy, StoreUnavailable
from jobstore.locking import FileLock
from jobstore.operations import logs
from jobstore.operations.schedule import state
from jobstore.operations.schedule.state import State
from jobstore.operations.schedule.tasks import NAMES, Occasion, Result, Task, tasks_of
from jobstore.operations.times import moment_of
from jobstore.threads import within

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

_log = logs.get("schedule")

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a task that was due.

    ``outcome`` is ``done``, ``failed``, ``skipped``, or ``busy`` where another process does it.
    ``seconds`` is how long it took.
    """

    name: str
    outcome: str
    detail: str
    due_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a task is due next, and how its last run went (``outcome`` is empty without one)."""

    name: str
    about: str
    due: bool
    next_at: datetime
    outcome: str
    detail: str
    started_at: datetime | None
    seconds: float | None
    failures: int
    process: int


def run_due(
    settings: Settings,
    *,
    only: Collection[str] = (),
    force: bool = False,
    clock: Clock = time.time,
    stop: Event | None = None,
    told: Callable[[Ran], object] | None = None,
) -> list[Ran]:
    """Do what is due, one task after the other, and return what became of each; blocks.

    ``only`` names the tasks that may be done (see NAMES), all without it; with ``force`` they are
    done whether they are due or not. A task that fails stops no other. Once
    ``stop`` is set, no further task is begun. ``told`` hears of each as it ends. ``clock`` gives
    the Unix time.

    Raises InvalidQuery for a name that there is not; StoreUnavailable where there is nothing at
    all, or the database of operations cannot be used; StorageFull, StoreBusy and SchemaMismatch.
    """
    tasks = _wanted(settings, only)
    occasion = Occasion(settings)
    found: list[Ran] = []
    for task in tasks:
        if stop is not None and stop.is_set():
            break
        ran = _attend(task, occasion, clock, force)
        if ran is not None:
            found.append(ran)
            if told is not None:
                told(ran)
    return found


def upcoming(
    settings: Settings, *, only: Collection[str] = (), clock: Clock = time.time
) -> list[Upcoming]:
    """Return when each task is due, and how it went last; nothing is changed.

    Raises what :func:`run_due` raises.
    """
    tasks = _wanted(settings, only)
    known, now = state.read(settings.operations_db), clock()
    return [_upcoming(task, known.get(task.name, State(task.name)), now) for task in tasks]


def _upcoming(task: Task, kept: State, now: float) -> Upcoming:
    kept = kept.mended(task.rhythm, now)
    return Upcoming(
        name=task.name,
        about=task.about,
        due=kept.due(task.rhythm, now) is not None,
        next_at=moment_of(kept.next_due(task.rhythm, now)),
        outcome=kept.outcome,
        detail=kept.detail,
        started_at=moment_of(kept.started_at) if kept.outcome else None,
        seconds=None if kept.ended_at is None else max(0.0, kept.ended_at - kept.started_at),
        failures=kept.failures,
        process=kept.process,
    )


def _wanted(settings: Settings, only: Collection[str]) -> list[Task]:
    if {*only} - {*NAMES}:
        raise InvalidQuery([Fault("only", f"must be one of {', '.join(NAMES)}")])
    url = settings.store.address
    # A store that was lost, or whose disk hangs, is a case for alerts; it has left its records
    # behind. The folder alone says nothing: whoever opens logs makes it.
    there = True
    with suppress(TimeoutError):
        looking = ("is the store there", url.path)
        there = within(settings.health.timeout, looking, partial(is_there, url))
    if not there and not settings.operations_db.exists():
        raise StoreUnavailable(f"There is no database file at {url.path}; check the store's URL.")
    return [each for each in tasks_of(settings) if not only or each.name in only]


def _attend(task: Task, occasion: Occasion, clock: Clock, force: bool) -> Ran | None:
    """Do a task if it is due or forced; ``None`` if it is neither."""
    path, now = occasion.settings.operations_db, clock()
    kept = state.read_one(path, task.name)
    mended = kept.mended(task.rhythm, now)
    slot = mended.due(task.rhythm, now, force=force)
    if slot is None and mended == kept:
        return None
    # The lock stands in the folder of the database, which this makes.
    state.write(path, [])
    lock = FileLock(path.with_name(f"schedule-{task.lock or task.name}"), 0.0)
    try:
        lock.acquire()
    except StoreBusy:
        if slot is None:
            return None
        return Ran(task.name, "busy", "another process does it", moment_of(slot), 0.0)
    try:
        # Another process may have done it between our look and the lock.
        kept = state.read_one(path, task.name).mended(task.rhythm, now)
        slot = kept.due(task.rhythm, now, force=force)
        if slot is None:
            state.write(path, [kept])
            return None
        return _run(task, kept.begun(slot, now), occasion, clock)
    finally:
        lock.release()


def _run(task: Task, begun: State, occasion: Occasion, clock: Clock) -> Ran:
    path = occasion.settings.operations_db
    state.write(path, [begun])
    started = time.monotonic()
    again = False
    try:
        result = task.work(occasion)
    except JobStoreError as error:
        result, again = Result(str(error), "failed"), True
    except Exception as error:
        # A fault of ours in one task must keep no other from being done.
        _log.exception("a task failed unexpectedly", task=task.name)
        result, again = Result(f"unexpected {type(error).__name__}", "failed"), True
    seconds = time.monotonic() - started
    state.write(path, [begun.ended(result.outcome, result.detail, clock(), again=again)])
    log = _log.error if result.outcome == "failed" else _log.debug if task.watches else _log.info
    log("a task ended", task=task.name, outcome=result.outcome, detail=result.detail,
        seconds=round(seconds, 3))  # fmt: skip
    return Ran(task.name, result.outcome, result.detail, moment_of(begun.tried), seconds)
