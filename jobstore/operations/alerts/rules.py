"""What a rule says of facts, and what follows from that for its alert.

Pure: facts, a rule and what stood before go in, what stands now comes out. Only numbers, names
of rules, operations and checks, and what checks say get into a text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Literal

from jobstore.operations.alerts.facts import LATEST, Facts, Window, seconds_of
from jobstore.verdicts import Check, Verdict

if TYPE_CHECKING:
    from jobstore.settings.alerting import Rule

Kind = Literal["firing", "repeated", "resolved", "test", "well"]

# Checks that are named one by one.
_NAMED = 10

_ADVICE = {
    "closed_applications": "See which: 'jobstore applications --closed'.",
    "latency_p95_ms": "See which operation is slow: 'jobstore monitor --once'.",
    "error_percent": "See the errors by type: 'jobstore monitor --once'; then 'jobstore doctor'.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What facts say to a rule.

    ``bad`` has what is beyond the limit (names of checks, or the measure) with how bad each is,
    as a rank of verdicts; it is well again when ``well``. ``value`` is ``None`` where there was
    too little to measure; ``checks`` are those that the rule is about.
    """

    value: float | None
    text: str
    bad: Mapping[str, int] = field(default_factory=dict)
    well: bool = True
    advice: str = ""
    checks: Sequence[Check] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How an alert stands: whether it fires and since when, and what people were notified of.

    ``turning_since`` is when readings began to say otherwise: that a firing one is well, or
    another one is not. ``notified`` is whether people know that it fires, ``notified_at`` when
    they last heard of it.
    """

    firing: bool = False
    since: float = 0.0
    turning_since: float | None = None
    notified: bool = False
    notified_at: float | None = None
    value: float | None = None
    text: str = ""


def measure(rule: Rule, facts: Facts, others: Iterable[Rule] = ()) -> Reading | None:
    """Return what the facts say to a rule; ``None`` when they say nothing.

    A rule about all checks leaves out what one of the ``others`` is about that is as severe.
    """
    if rule.measure == "checks":
        # Health warns of alerts that fire: if that raised one, neither would end.
        checks = [each for each in facts.checks if each.component != "alerts"]
        if rule.checks:
            checks = [each for each in checks if _is_about(rule, each)]
        for other in others:
            if rule.is_general and other.rank >= rule.rank:
                checks = [each for each in checks if not _is_about(other, each)]
        bad = [each for each in checks if each.verdict.rank >= Verdict(rule.verdict).rank]
        return _checks(checks, bad) if checks else None
    if rule.measure == "closed_applications":
        return _closed(rule, facts.checks) if facts.checks else None
    window = facts.windows.get(seconds_of(rule))
    if window is None:
        return None
    return _latency(rule, window) if rule.measure == "latency_p95_ms" else _errors(rule, window)


def _is_about(rule: Rule, check: Check) -> bool:
    return rule.measure == "checks" and bool({check.name, check.component} & {*rule.checks})


def only(reading: Reading, names: Collection[str], following: Iterable[str]) -> Reading:
    """Return a reading that is about the bad checks ``names`` alone, and what follows from them."""
    found = _checks(reading.checks, [each for each in reading.checks if each.name in names])
    more = ", ".join(sorted(following))
    return replace(found, text=f"{found.text}; what follows from it: {more}") if more else found


def latency_limits(rules: Iterable[Rule]) -> tuple[float, float]:
    """Return the p95 in milliseconds above which rules warn, and are critical; for pictures."""
    found = {"warning": inf, "critical": inf}
    for rule in rules:
        if rule.enabled and rule.measure == "latency_p95_ms" and rule.above is not None:
            found[rule.severity] = min(found[rule.severity], rule.above)
    return found["warning"], found["critical"]


def _checks(selected: Sequence[Check], bad: Sequence[Check]) -> Reading:
    shown = bad or selected
    value: float | None = len(bad)
    if len(shown) == 1:
        value = shown[0].observed if isinstance(shown[0].observed, int | float) else None
    if not bad and len(selected) > 1:
        return Reading(value, f"{len(selected)} checks are well", checks=selected)
    named = "; ".join(map(_said, shown[:_NAMED]))
    more = f"; and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    advice = dict.fromkeys(
        f"{each.advice[0].upper()}{each.advice[1:].rstrip('.')}." for each in bad if each.advice
    )
    return Reading(
        value,
        named + more,
        {each.name: each.verdict.rank for each in bad},
        not bad,
        " ".join(advice) or "See 'jobstore health'.",
        selected,
    )


def _said(check: Check) -> str:
    number = check.observed if isinstance(check.observed, int | float) else None
    value = "" if number is None else f" {number:,} {check.unit or ''}".rstrip()
    # More may follow, behind a semicolon.
    return f"{check.name}{value}" + (f": {check.output.rstrip('.')}" if check.output else "")


def _latency(rule: Rule, window: Window) -> Reading:
    enough = {name: p95 for name, (count, p95) in window.p95_ms.items() if count >= rule.min_count}
    # Of all together only where no operation has enough calls of its own.
    single = {name: p95 for name, p95 in enough.items() if name} or enough
    if not single:
        return _too_few(rule)
    name, p95 = max(single.items(), key=lambda item: item[1])
    return _compared(rule, p95, f"p95 of {name or 'all operations'} is {p95:,.1f} ms")


def _errors(rule: Rule, window: Window) -> Reading:
    if window.operations < rule.min_count:
        return _too_few(rule)
    percent = 100 * window.failures / window.operations
    return _compared(rule, percent, f"{percent:.2f}% of {window.operations:,} operations failed")


def _compared(rule: Rule, value: float, text: str) -> Reading:
    return _limited(rule, value, f"{text} ({_minutes(rule)})")


def _limited(rule: Rule, value: float, text: str) -> Reading:
    limit = inf if rule.above is None else rule.above
    bad: dict[str, int] = {rule.measure: rule.rank} if value > limit else {}
    well = value <= (limit if rule.clear is None else rule.clear)
    text = f"{text}; limit {limit:g}"
    return Reading(value, text, bad, well, _ADVICE[rule.measure])


def _closed(rule: Rule, checks: Sequence[Check]) -> Reading:
    found = {each.name: each.observed for each in checks}.get("applications:closed")
    if not isinstance(found, int | float):
        return Reading(None, "the store did not say which postings closed")
    return _limited(rule, found, f"{found:,} postings that were applied for have closed")


def _too_few(rule: Rule) -> Reading:
    return Reading(None, f"fewer than {rule.min_count} operations ({_minutes(rule)})")


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
    """Return how an alert stands after a reading, and which notification is due.

    It fires when readings were beyond the limit for ``for_minutes``, and is over when they were
    past ``clear`` for ``clear_minutes``; in between it stays as it is. Too little to measure
    counts as well. While ``muted`` nobody is notified; afterwards of what still matters.
    """
    # Of a clock that was set back, what lies ahead cannot have been.
    state = replace(
        state,
        since=min(state.since, now),
        turning_since=None if state.turning_since is None else min(state.turning_since, now),
        notified_at=None if state.notified_at is None else min(state.notified_at, now),
        value=reading.value,
        text=reading.text,
    )
    turning = reading.well if state.firing else bool(reading.bad)
    since = (now if state.turning_since is None else state.turning_since) if turning else None
    state = replace(state, turning_since=since)
    minutes = rule.clear_minutes if state.firing else rule.for_minutes
    if since is not None and now - since >= minutes * 60:
        state = replace(state, firing=not state.firing, since=now, turning_since=None)
    if muted:
        return state, None
    if state.firing != state.notified:
        kind: Kind = "firing" if state.firing else "resolved"
    elif (
        state.firing and state.notified_at is not None and now - state.notified_at >= repeat_seconds
    ):
        kind = "repeated"
    else:
        return state, None
    return replace(state, notified=state.firing, notified_at=now), kind
