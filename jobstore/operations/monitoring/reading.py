"""Reading the history of monitoring: what goes on now, what went on, what alerts go by.

Everything here blocks and changes nothing. A history that is not there reads as an empty one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jobstore.operations.database import Statements, reading
from jobstore.operations.monitoring.history import DAY, HOUR, KEPT, MINUTE, SAMPLE
from jobstore.operations.monitoring.recorder import sizes
from jobstore.operations.monitoring.traffic import (
    OBSERVED,
    Key,
    Traffic,
    added,
    by_operation,
    total,
)

# Seconds that the live view looks back: some samples of each process.
WINDOW = 30
# Steps in seconds that a trend may have; each is a whole number of minutes, hours or days.
_STEPS = (60, 300, 900, 3600, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY)
# A sample that is dated this much later than now is of a clock that was a little fast.
_FAST = 60


@dataclass(frozen=True, slots=True)
class Running:
    """A process that uses the store: operations per second, its queue and its last group."""

    pid: int
    label: str
    started_at: float
    per_second: float
    queue_depth: int
    group_size: int


@dataclass(frozen=True, slots=True)
class Rate:
    """One operation as it goes now: per second, and percentiles in milliseconds.

    ``errors`` counts them by type; ``failures`` are those in which the store failed.
    """

    per_second: float
    rows_per_second: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    errors: dict[str, int]
    failures: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the live view, taken ``at`` (Unix time) over ``window`` seconds."""

    at: float
    window: float
    per_second: float
    failures: int
    queue_depth: int
    wal_bytes: int | None
    disk_free_bytes: int | None
    operations: dict[str, Rate] = field(default_factory=dict)
    processes: list[Running] = field(default_factory=list)


class LevelRange(NamedTuple):
    """What a level was in one step."""

    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a trend: it begins at ``starts_at`` (Unix time) and lasts ``seconds``.

    ``covered`` are the seconds of it that the trend is about: fewer in its first and last step.
    """

    starts_at: int
    seconds: int
    traffic: dict[str, Traffic]
    levels: dict[str, LevelRange]
    covered: float

    @property
    def per_second(self) -> float:
        """Return how many operations there were in a second, of every kind."""
        return total(self.traffic) / self.covered


def frame(path: Path, store: Path | None, now: float, window: float = WINDOW) -> Frame:
    """Return what all processes do with the store; ``store`` is its file."""
    with reading(path) as kept:
        known = kept.rows("processes", (now - window,))
        counted = _grouped(kept, "tallies_of_processes", (now - window, now + _FAST))
        rows_of_levels = kept.rows("latest_levels", (now - window, now + _FAST))
        latest = {(process, name): value for process, name, value in rows_of_levels}
    running: list[Running] = []
    rates: dict[str, float] = defaultdict(float)
    rows: dict[str, float] = defaultdict(float)
    for id, pid, started, label, _, ended in known:
        # A process that has just begun has not looked for the whole window; one that has ended
        # did nothing in the rest of it.
        looked = counted[id].get(OBSERVED, 0) / 1_000_000
        seconds = window if ended else max(1.0, looked)
        traffic = by_operation(counted[id])
        for operation, each in traffic.items():
            rates[operation] += each.count / seconds
            rows[operation] += each.rows / seconds
        if not ended:
            levels = (latest.get((id, name), 0) for name in ("queue_depth", "group_size"))
            per_second = total(traffic) / seconds
            running.append(Running(pid, label, started / 1_000_000, per_second, *levels))
    merged = by_operation(added(counted.values()))
    space = sizes(store)
    return Frame(
        at=now,
        window=window,
        per_second=sum(rates.values()),
        failures=sum(each.failures for each in merged.values()),
        queue_depth=sum(each.queue_depth for each in running),
        wal_bytes=space.get("wal_bytes"),
        disk_free_bytes=space.get("disk_free_bytes"),
        operations={
            name: Rate(
                rates[name],
                rows[name],
                milliseconds(each.quantile(0.5)),
                milliseconds(each.quantile(0.95)),
                milliseconds(each.quantile(0.99)),
                each.errors,
                each.failures,
            )
            for name, each in merged.items()
        },
        processes=running,
    )


def window(path: Path, now: float, seconds: float) -> dict[str, Traffic]:
    """Return what all processes did in the last ``seconds``.

    Up to two hours of single samples are looked at; a longer time begins with a whole minute,
    and one of more than a day with a whole hour.
    """
    with reading(path) as kept:
        if seconds <= KEPT[SAMPLE]:
            found = _grouped(kept, "tallies_of_processes", (now - seconds, now + _FAST))
        else:
            period = MINUTE if seconds <= DAY else HOUR
            asked = {"step": period, "period": period, "since": now - seconds, "until": now}
            found = _grouped(kept, "tallies_of_steps", asked)
    return by_operation(added(found.values()))


def ever(path: Path) -> dict[str, Traffic]:
    """Return all that was ever counted, whatever was pruned since."""
    with reading(path) as kept:
        return by_operation(added(_grouped(kept, "tallies_ever").values()))


def step_for(seconds: float, points: int) -> int:
    """Return the finest step, in seconds, that covers ``seconds`` with at most ``points``.

    As far back as ``seconds``, there is something of that step.
    """
    least = next((each for each in (MINUTE, HOUR) if seconds <= KEPT[each]), DAY)
    fitting = (step for step in _STEPS if step >= least and seconds / step <= points)
    return next(fitting, _STEPS[-1])


def trend(path: Path, since: float, until: float, *, points: int = 200) -> list[Point]:
    """Return what went on from ``since`` to ``until`` (Unix times), in at most ``points`` steps.

    Steps in which nothing was recorded are left out. The first and the last may reach beyond
    the bounds.
    """
    step = step_for(until - since, points)
    period = next(each for each in (DAY, HOUR, MINUTE) if step % each == 0)
    since -= since % period
    asked = {"step": step, "period": period, "since": since, "until": until}
    levels: dict[int, dict[str, LevelRange]] = defaultdict(dict)
    with reading(path) as kept:
        counted = _grouped(kept, "tallies_of_steps", asked)
        for at, name, *level in kept.rows("levels_of_steps", asked):
            levels[at][name] = LevelRange(*level)
    return [
        Point(at, step, by_operation(counted[at]), levels[at], _covered(at, step, since, until))
        for at in sorted(counted.keys() | levels.keys())
    ]


def _covered(starts_at: int, step: int, since: float, until: float) -> float:
    # A minute at least, since samples come when they come.
    return max(float(MINUTE), min(starts_at + step, until) - max(starts_at, since))


def milliseconds(seconds: float | None) -> float | None:
    """Return seconds as milliseconds, with the precision that a histogram has."""
    return None if seconds is None else round(seconds * 1000, 3)


def _grouped(kept: Statements, name: str, asked: Any = ()) -> dict[int, dict[Key, int]]:
    """Return the flat numbers that a statement gives, by what it groups them by."""
    found: dict[int, dict[Key, int]] = defaultdict(dict)
    for group, operation, measure, detail, amount in kept.rows(name, asked):
        found[group][operation, measure, detail] = amount
    return found
