"""Delivering notifications that wait: claiming them, sending side by side, trying again later.

A notification is claimed before it is sent, so that two processes do not send it twice, and how it
went is kept as soon as it was; one whose process dies meanwhile is sent again by another. What a
sink does is in ``sinks``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobstore.errors import JobStoreError
from jobstore.operations.alerts.notifications import Notification, Origin
from jobstore.operations.alerts.sinks import Undelivered, send
from jobstore.operations.alerts.state import AlertStore

if TYPE_CHECKING:
    from jobstore.settings.alerting import NotifiedSink, Sink
    from jobstore.settings.sections import Settings

_log = logging.getLogger("jobstore.alerts")

# Seconds until the first further attempt, doubled each time, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3600.0
# Seconds in which sends may begin, and those after which a claim is void.
_PATIENCE, _CLAIMED = 60.0, 300.0
# Notifications that a sink gets in one turn.
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: which notification, to which sink; ``error`` is ``None`` when it arrived."""

    notification: str
    sink: str
    error: str | None


@dataclass(slots=True)
class _Job:
    number: int
    sink: str
    attempts: int
    notification: Notification
    error: str | None = None


def name_of(sink: Sink) -> str:
    """Return what a sink is called."""
    return sink.name or sink.type


def deliver(settings: Settings, now: float) -> list[Delivery]:
    """Send what is due to the sinks of ``settings``; returns the attempts.

    Blocks for about a minute at most, whatever hangs; what was not begun then waits for the next
    turn. What does not arrive is tried again after 30 seconds, then after twice as long each
    time, up to an hour.
    """
    store = AlertStore(settings.operations_db)
    if not store.undelivered():
        return []
    sinks = {name_of(sink): sink for sink in settings.alerts.sinks}
    jobs = _claim(store, sinks, now)
    finished: list[_Job] = []

    def keep(job: _Job) -> None:
        finished.append(job)
        _keep(store, job, now)

    unsent = _side_by_side(jobs, sinks, Origin.of(settings), now, keep)
    if unsent:
        with store.writing() as kept:
            kept.run("release", *((now, job.number, job.sink) for job in unsent))
    return [Delivery(job.notification.id, job.sink, job.error) for job in tuple(finished)]


def notified(settings: Settings) -> list[NotifiedSink]:
    """Return the sinks that get notifications: all but those that are called by heartbeats."""
    return [sink for sink in settings.alerts.sinks if sink.type != "heartbeat"]


def beat(settings: Settings, now: float) -> None:
    """Call the heartbeat sinks, unless a notification still has to arrive; nothing is kept.

    So they miss what keeps people from being notified as well.
    """
    names = [name_of(sink) for sink in settings.alerts.sinks if sink.type == "heartbeat"]
    waiting = {each.sink for each in AlertStore(settings.operations_db).undelivered()}
    if not names or waiting & {name_of(sink) for sink in settings.alerts.sinks}:
        return
    well = Notification.of("well", now, "Every rule was evaluated.")
    for each in send_once(settings, names, well, now):
        if each.error is not None:
            _log.warning("the heartbeat did not reach %s: %s", each.sink, each.error)


def send_once(
    settings: Settings, names: Sequence[str], notification: Notification, now: float
) -> list[Delivery]:
    """Send a notification to the sinks of those names, once; returns the attempts."""
    sinks = {name_of(sink): sink for sink in settings.alerts.sinks}
    jobs = {name: _Job(0, name, 0, notification, "timed out") for name in names}
    queues = {name: deque([job]) for name, job in jobs.items()}
    _side_by_side(queues, sinks, Origin.of(settings), now, lambda job: None)
    return [Delivery(job.notification.id, job.sink, job.error) for job in jobs.values()]


def _side_by_side(
    jobs: Mapping[str, deque[_Job]],
    sinks: Mapping[str, Sink],
    origin: Origin,
    now: float,
    keep: Callable[[_Job], object],
) -> list[_Job]:
    """Send each sink's notifications on a thread of its own, and return those that were not begun.

    One that hangs is left behind, without those that it has not begun.
    """
    threads = [
        threading.Thread(
            target=_send_all,
            args=(sinks[name], mine, origin, now, keep),
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
    # Whoever takes one from the queue has it alone: it is sent or given back, never both.
    return [job for mine in jobs.values() for job in _taken(mine)]


def _taken(jobs: deque[_Job]) -> Iterator[_Job]:
    while True:
        try:
            yield jobs.popleft()
        except IndexError:
            return


def _claim(store: AlertStore, sinks: dict[str, Sink], now: float) -> dict[str, deque[_Job]]:
    jobs: dict[str, deque[_Job]] = defaultdict(deque)
    with store.writing() as kept:
        # What is due later than any pause is long was put there by a clock that was fast.
        latest = now + max(_LONGEST_PAUSE, _CLAIMED)
        for number, sink, attempts, *notification in kept.rows("due", (now, latest)):
            if sink in sinks and len(jobs[sink]) < _AT_ONCE:
                jobs[sink].append(_Job(number, sink, attempts, Notification(*notification)))
                kept.run("claim", (now + _CLAIMED, number, sink))
    return jobs


def _send_all(
    sink: Sink,
    jobs: deque[_Job],
    origin: Origin,
    now: float,
    keep: Callable[[_Job], object],
) -> None:
    """Send notifications in order; after one that fails the others wait for its next turn."""
    error = None
    for job in _taken(jobs):
        if error is None:
            try:
                send(sink, job.notification, origin, now)
            except Undelivered as failure:
                error = str(failure)
            except Exception as failure:
                error = type(failure).__name__
        job.error = error
        keep(job)


def _keep(store: AlertStore, job: _Job, now: float) -> None:
    place = (job.number, job.sink)
    try:
        with store.writing() as kept:
            if job.error is None:
                kept.run("delivered", (now, *place))
            else:
                kept.run("failed", (now + _pause(job.attempts), job.error, *place))
    except JobStoreError as error:
        # It stays claimed, and is sent again when the claim is void.
        _log.warning("it cannot be kept how a notification went: %s", error)


def _pause(attempts: int) -> float:
    return float(min(_FIRST_PAUSE * 2 ** min(attempts, 20), _LONGEST_PAUSE))
