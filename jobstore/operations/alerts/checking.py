"""One evaluation: compare facts with the rules, remember what changed, deliver what is due.

The order of things lives here; what a rule says is in ``rules``, what follows from what in
``causes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from jobstore.operations.alerts.causes import results
from jobstore.operations.alerts.delivering import Delivery, beat, deliver, name_of, notified
from jobstore.operations.alerts.facts import Facts
from jobstore.operations.alerts.notifications import Notification
from jobstore.operations.alerts.rules import Reading, State, advance, measure, only
from jobstore.operations.alerts.state import (
    AlertStore,
    Standing,
    prune,
    put_notification,
    silenced_by,
    silences_of,
    states_of,
)
from jobstore.operations.database import Statements

if TYPE_CHECKING:
    from jobstore.settings.alerting import Rule
    from jobstore.settings.sections import Settings

_RANKS = {"warning": 1, "critical": 2}


@dataclass(frozen=True, slots=True)
class Checked:
    """What an evaluation found: how each rule stands, the notifications, what was sent."""

    standings: list[Standing]
    notifications: list[Notification]
    deliveries: list[Delivery]


def check(settings: Settings, facts: Facts) -> Checked:
    """Evaluate the rules of ``settings`` for ``facts``, and deliver what is due.

    Blocks. Safe in several processes at once: there is one notification of each change. Facts
    that are not known leave their alerts as they are. When all were known, and everything has
    arrived, heartbeat sinks are called. Raises StoreUnavailable, StoreBusy and SchemaMismatch
    when the database of operations cannot be used.
    """
    store = AlertStore(settings.operations_db)
    rules = _enabled(settings)
    readings = {each.name: measure(each, facts, rules) for each in rules}
    with store.writing() as kept:
        notifications = _evaluate(kept, settings, facts, readings)
        prune(kept, [name_of(sink) for sink in settings.alerts.sinks], facts.at)
    deliveries = deliver(settings, facts.at)
    if None not in readings.values():
        beat(settings, facts.at)
    return Checked(store.standings(settings.alerts.rules, facts.at), notifications, deliveries)


def _enabled(settings: Settings) -> list[Rule]:
    """Return the enabled rules: the worst first, and what is about all checks after the others."""
    rules = [rule for rule in settings.alerts.rules if rule.enabled]
    return sorted(rules, key=lambda rule: (-rule.rank, rule.is_general))


def _evaluate(
    kept: Statements, settings: Settings, facts: Facts, readings: dict[str, Reading | None]
) -> list[Notification]:
    states, held = states_of(kept), silences_of(kept, facts.at)
    for name in states.keys() - readings.keys():
        kept.run("drop_alert", (name,))
    found: list[Notification] = []
    silenced = {name for name in readings if silenced_by(held, name) is not None}
    firing = {name for name, state in states.items() if state.firing}
    for rule, reading, covered in _by_cause(settings, facts, readings, firing, silenced):
        before = states.get(rule.name, State(since=facts.at))
        muted = "silenced" if rule.name in silenced else covered
        state, kind = advance(
            rule,
            before,
            reading,
            facts.at,
            muted=bool(muted),
            repeat_seconds=settings.alerts.repeat_minutes * 60,
        )
        kept.run("put_alert", (rule.name, *astuple(state)))
        (firing.add if state.firing else firing.discard)(rule.name)
        if kind is None and muted and state.firing != before.firing:
            # Nobody is notified, but the history has it.
            kind = "firing" if state.firing else "resolved"
        if kind is not None:
            notification = Notification(
                id=str(uuid4()),
                kind=kind,
                rule=rule.name,
                severity=rule.severity,
                at=facts.at,
                value=state.value,
                text=state.text,
                advice="" if kind == "resolved" else settings.hint(reading.advice),
                muted=muted,
            )
            put_notification(kept, notification, [] if muted else _sinks_for(settings, rule))
            found.append(notification)
    return found


def _by_cause(
    settings: Settings,
    facts: Facts,
    readings: dict[str, Reading | None],
    firing: set[str],
    silenced: set[str],
) -> Iterator[tuple[Rule, Reading, str]]:
    """Give each rule with its reading, and whether a notification of another one covers it.

    A rule is about what is not the result of something that a rule at least as severe says, nor
    said by a worse one. What follows from it is named with it. A silence hides its own rule alone,
    not what follows. Between two rules ``firing`` may change.
    """
    known = [(each, found) for each in _enabled(settings) if (found := readings[each.name])]
    bad = {each.name: each.verdict.rank for each in facts.checks if each.verdict.rank}
    for _, reading in known:
        bad |= reading.bad
    said: dict[str, int] = {}
    for rule, reading in known:
        about = _about(rule, reading, firing)
        explained = {
            name
            for other, their in known
            if other.rank >= rule.rank and other.name not in silenced
            for name in results(_about(other, their, firing), about)
        }
        own = {
            name: rank
            for name, rank in about.items()
            # Two rules about traffic that are as severe differ in what they look at.
            if name not in explained
            and said.get(name, 0) <= (0 if rule.measure == "checks" else rule.rank)
        }
        if about and not own:
            yield rule, reading, "covered"
        elif reading.bad and reading.checks:
            yield rule, only(reading, own, results(own, bad)), ""
        else:
            yield rule, reading, ""
        for name in own.keys() & _about(rule, reading, firing).keys():
            said.setdefault(name, rule.rank)


def _about(rule: Rule, reading: Reading, firing: set[str]) -> Mapping[str, int]:
    """Return what a rule says is bad, with how bad; while it fires, also what is well again."""
    if reading.bad or rule.name not in firing or rule.is_general:
        return reading.bad
    names = [each.name for each in reading.checks] or [rule.measure]
    return dict.fromkeys(names, rule.rank)


def _sinks_for(settings: Settings, rule: Rule) -> list[str]:
    return [name_of(sink) for sink in notified(settings) if rule.rank >= _RANKS[sink.severity]]
