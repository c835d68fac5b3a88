"""Delivering notices that wait: claiming them, sending side by side, trying again later.

A notice is claimed before it is sent, so that two processes do not send it twice; one whose
process dies meanwhile is sent again by another. What a sink does is in ``sinks``.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobstore.operations.alerts.notices import Notice, Origin, trial_notice
from jobstore.operations.alerts.sinks import Undelivered, send
from jobstore.operations.alerts.state import SQL, AlertStore

if TYPE_CHECKING:
    from jobstore.settings.alerting import Sink
    from jobstore.settings.sections import Settings

# Seconds until the first further attempt, doubled each time, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3600.0
# Seconds that all sinks together may take, and those after which a claim is void.
_PATIENCE, _CLAIMED = 60.0, 300.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: which notice, to which sink; ``error`` is ``None`` when it arrived."""

    notice: str
    sink: str
    error: str | None


@dataclass(slots=True)
class _Job:
    number: int
    sink: str
    attempts: int
    notice: Notice
    done: bool = False
    error: str | None = None


def name_of(sink: Sink) -> str:
    """Return what a sink is called."""
    return sink.name or sink.type


def deliver(settings: Settings, now: float) -> list[Delivery]:
    """Send what is due to the sinks of ``settings``; returns the attempts.

    Blocks for about a minute at most, whatever hangs. What does not arrive is tried again after
    30 seconds, then after twice as long each time, up to an hour.
    """
    store = AlertStore(settings.alerts_db)
    if not store.undelivered():
        return []
    sinks = {name_of(sink): sink for sink in settings.alerts.sinks}
    jobs = _claim(store, sinks, now)
    _side_by_side(jobs, sinks, Origin.of(settings), now)
    finished = [job for mine in jobs.values() for job in mine if job.done]
    with store.writing() as conn:
        for job in finished:
            place = (job.number, job.sink)
            if job.error is None:
                conn.execute(SQL["delivered"], (now, *place))
            else:
                conn.execute(SQL["failed"], (now + _pause(job.attempts), job.error, *place))
    return [Delivery(job.notice.id, job.sink, job.error) for job in finished]


def try_out(settings: Settings, names: Sequence[str], now: float) -> list[Delivery]:
    """Send a notice that is only a test to the sinks of those names; returns the attempts."""
    sinks = {name_of(sink): sink for sink in settings.alerts.sinks}
    jobs = {name: [_Job(0, name, 0, trial_notice(now))] for name in names}
    _side_by_side(jobs, sinks, Origin.of(settings), now)
    return [
        Delivery(job.notice.id, job.sink, job.error if job.done else "timed out")
        for (job,) in jobs.values()
    ]


def _side_by_side(
    jobs: Mapping[str, list[_Job]], sinks: Mapping[str, Sink], origin: Origin, now: float
) -> None:
    """Send each sink's notices on a thread of its own; one that hangs is left behind."""
    threads = [
        threading.Thread(
            target=_send_all,
            args=(sinks[name], mine, origin, now),
            name="jobstore-alerts",
            daemon=True,
        )
        for name, mine in jobs.items()
    ]
    deadline = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _claim(store: AlertStore, sinks: dict[str, Sink], now: float) -> dict[str, list[_Job]]:
    jobs: dict[str, list[_Job]] = defaultdict(list)
    with store.writing() as conn:
        # What is due later than any pause is long was put there by a clock that was fast.
        latest = now + max(_LONGEST_PAUSE, _CLAIMED)
        for number, sink, attempts, *notice in conn.execute(SQL["due"], (now, latest)).fetchall():
            if sink in sinks:
                jobs[sink].append(_Job(number, sink, attempts, Notice(*notice)))
                conn.execute(SQL["claim"], (now + _CLAIMED, number, sink))
    return jobs


def _send_all(sink: Sink, jobs: list[_Job], origin: Origin, now: float) -> None:
    """Send notices in order; after one that fails the others wait for its next turn."""
    error = None
    for job in jobs:
        if error is None:
            try:
                send(sink, job.notice, origin, now)
            except Undelivered as failure:
                error = str(failure)
            except Exception as failure:
                error = type(failure).__name__
        job.error = error
        job.done = True


def _pause(attempts: int) -> float:
    return float(min(_FIRST_PAUSE * 2 ** min(attempts, 20), _LONGEST_PAUSE))
