"""What a rule says of facts, and what follows from that for its alert.

Pure: facts, a rule and what stood before go in, what stands now comes out. Only numbers, names
of rules, operations and checks get into a text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, isinf
from typing import TYPE_CHECKING, Literal

from jobstore.operations.alerts.facts import LATEST, OF_TRAFFIC, Facts, Window

if TYPE_CHECKING:
    from jobstore.settings.alerting import Rule

Kind = Literal["firing", "repeated", "resolved", "test"]

# Failing checks that are named one by one.
_NAMED = 10

ADVICE = {
    "latency_p95_ms": "See which operation is slow: jobstore monitor --once; then docs/alerts.md.",
    "error_percent": "See the errors by type: jobstore monitor --once; then jobstore doctor.",
    "health_failing": "See what fails and why: jobstore health; then jobstore doctor.",
    "backup_age_hours": "Make a backup now: jobstore backup create; then see why none was made.",
    "restore_test_age_days": "Test a restore now: jobstore backup verify --restore.",
    "disk_free_percent": "Free space on the disk of the store before writes fail.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured; ``value`` is ``None`` where there was too little to measure."""

    value: float | None
    text: str


@dataclass(frozen=True, slots=True)
class State:
    """How an alert stands: whether it fires and since when, and what people were told.

    ``well_since`` is when a firing one came back within its bounds. ``told`` is whether people
    know that it fires, ``told_at`` when they last heard of it.
    """

    firing: bool = False
    since: float = 0.0
    well_since: float | None = None
    told: bool = False
    told_at: float | None = None
    value: float | None = None
    text: str = ""


def measure(rule: Rule, facts: Facts) -> Reading | None:
    """Return what the facts say to a rule; ``None`` when they say nothing."""
    if rule.measure in OF_TRAFFIC:
        window = facts.windows.get(rule.window_minutes * 60 or LATEST)
        if window is None:
            return None
        return _latency(rule, window) if rule.measure == "latency_p95_ms" else _errors(rule, window)
    if rule.measure == "health_failing":
        return None if facts.failing is None else _health(facts.failing)
    value: float | None = getattr(facts, rule.measure)
    if value is None:
        return None
    if rule.measure == "backup_age_hours":
        return _age("backup", value, "hours")
    if rule.measure == "restore_test_age_days":
        return _age("restore test", value, "days")
    return Reading(value, f"{value:.1f}% of the disk is free")


def latency_limits(rules: Iterable[Rule]) -> tuple[float, float]:
    """Return the p95 in milliseconds above which rules warn, and are critical; for pictures."""
    found = {"warning": inf, "critical": inf}
    for rule in rules:
        if rule.enabled and rule.measure == "latency_p95_ms" and rule.above is not None:
            found[rule.severity] = min(found[rule.severity], rule.above)
    return found["warning"], found["critical"]


def _latency(rule: Rule, window: Window) -> Reading:
    enough = {name: p95 for name, (count, p95) in window.p95_ms.items() if count >= rule.min_count}
    # Of all together only where no operation has enough calls of its own.
    single = {name: p95 for name, p95 in enough.items() if name} or enough
    if not single:
        return Reading(None, _too_few(rule))
    name, p95 = max(single.items(), key=lambda item: item[1])
    return Reading(p95, f"p95 of {name or 'all operations'} is {p95:,.1f} ms ({_minutes(rule)})")


def _errors(rule: Rule, window: Window) -> Reading:
    if window.operations < rule.min_count:
        return Reading(None, _too_few(rule))
    percent = 100 * window.failures / window.operations
    text = f"{percent:.2f}% of {window.operations:,} operations failed ({_minutes(rule)})"
    return Reading(percent, text)


def _health(failing: tuple[str, ...]) -> Reading:
    if not failing:
        return Reading(0, "no health check fails")
    names = ", ".join(failing[:_NAMED]) + (" and more" if len(failing) > _NAMED else "")
    return Reading(len(failing), f"failing: {names}")


def _age(what: str, value: float, unit: str) -> Reading:
    if isinf(value):
        return Reading(value, f"there is no {what}")
    if value < 0:
        # It may be of any age.
        return Reading(inf, f"the last {what} is dated in the future")
    return Reading(value, f"the last {what} is {value:,.1f} {unit} old")


def _too_few(rule: Rule) -> str:
    return f"fewer than {rule.min_count} operations to judge by ({_minutes(rule)})"


def _minutes(rule: Rule) -> str:
    minutes = rule.window_minutes or LATEST / 60
    return f"last {minutes:g} min" if minutes >= 1 else f"last {60 * minutes:g} s"


def advance(
    rule: Rule,
    state: State,
    reading: Reading,
    now: float,
    *,
    muted: bool,
    repeat_seconds: float,
) -> tuple[State, Kind | None]:
    """Return how an alert stands after a reading, and what is to be told of it.

    It fires at once when the reading is beyond the limit, and is over when readings were past
    ``clear`` for ``clear_minutes``; in between it stays as it is. Too little to measure counts
    as well. While ``muted`` nobody is told; afterwards they are told what still matters.
    """
    # Of a clock that was set back, what lies ahead cannot have been.
    state = replace(
        state,
        since=min(state.since, now),
        well_since=None if state.well_since is None else min(state.well_since, now),
        told_at=None if state.told_at is None else min(state.told_at, now),
        value=reading.value,
        text=reading.text,
    )
    if not state.firing:
        if _beyond(rule, reading.value):
            state = replace(state, firing=True, since=now, well_since=None)
    elif not _past_clear(rule, reading.value):
        state = replace(state, well_since=None)
    else:
        well_since = now if state.well_since is None else state.well_since
        state = replace(state, well_since=well_since)
        if now - well_since >= rule.clear_minutes * 60:
            state = replace(state, firing=False, since=now, well_since=None)
    if muted:
        return state, None
    if state.firing != state.told:
        kind: Kind = "firing" if state.firing else "resolved"
    elif state.firing and state.told_at is not None and now - state.told_at >= repeat_seconds:
        kind = "repeated"
    else:
        return state, None
    return replace(state, told=state.firing, told_at=now), kind


def _beyond(rule: Rule, value: float | None) -> bool:
    if value is None:
        return False
    return value > rule.limit if rule.above is not None else value < rule.limit


def _past_clear(rule: Rule, value: float | None) -> bool:
    if value is None:
        return True
    bound = rule.limit if rule.clear is None else rule.clear
    return value <= bound if rule.above is not None else value >= bound
