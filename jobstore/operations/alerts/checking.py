"""One check: judge facts by the rules, remember what changed, deliver what is to be told.

The order of things lives here; what a rule says is in ``rules``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from jobstore.operations.alerts.delivering import Delivery, deliver, name_of
from jobstore.operations.alerts.facts import Facts
from jobstore.operations.alerts.notices import Notice
from jobstore.operations.alerts.rules import ADVICE, State, advance, measure
from jobstore.operations.alerts.state import (
    AlertStore,
    Standing,
    prune,
    put_notice,
    put_state,
    silenced_by,
    silences_of,
    states_of,
)
from jobstore.operations.database import Statements

if TYPE_CHECKING:
    from jobstore.settings.alerting import Rule
    from jobstore.settings.sections import Settings

_RANK = {"warning": 0, "critical": 1}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: how each rule stands, what was decided to be told, what was sent."""

    standings: list[Standing]
    notices: list[Notice]
    deliveries: list[Delivery]


def check(settings: Settings, facts: Facts) -> Checked:
    """Judge ``facts`` by the rules of ``settings`` and deliver what is due.

    Blocks. Safe in several processes at once: each change is told once. Facts that are not
    known leave their alerts as they are. Raises StoreUnavailable, StoreBusy and SchemaMismatch
    when the database of operations cannot be used.
    """
    store = AlertStore(settings.operations_db)
    with store.writing() as kept:
        notices = _judge(kept, settings, facts)
        prune(kept, [name_of(sink) for sink in settings.alerts.sinks], facts.at)
    deliveries = deliver(settings, facts.at)
    return Checked(store.standings(settings.alerts.rules, facts.at), notices, deliveries)


def _judge(kept: Statements, settings: Settings, facts: Facts) -> list[Notice]:
    states = states_of(kept)
    held = silences_of(kept, facts.at)
    # The worst first: while a critical rule fires, a warning by the same measure is not told.
    rules = sorted(
        (rule for rule in settings.alerts.rules if rule.enabled),
        key=lambda rule: -_RANK[rule.severity],
    )
    for name in states.keys() - {rule.name for rule in rules}:
        kept.run("drop_alert", (name,))
    told: list[Notice] = []
    covered: set[str] = set()
    for rule in rules:
        before = states.get(rule.name, State(since=facts.at))
        state, kind = before, None
        muted = "silenced" if silenced_by(held, rule.name) is not None else ""
        if not muted and rule.severity == "warning" and rule.measure in covered:
            muted = "covered"
        reading = measure(rule, facts)
        if reading is not None:
            state, kind = advance(
                rule,
                before,
                reading,
                facts.at,
                muted=bool(muted),
                repeat_seconds=settings.alerts.repeat_minutes * 60,
            )
            put_state(kept, rule.name, state)
        if state.firing and rule.severity == "critical":
            covered.add(rule.measure)
        if kind is None and muted and state.firing != before.firing:
            # Nobody is told, but the history has it.
            kind = "firing" if state.firing else "resolved"
        if kind is not None:
            notice = _notice(rule, kind, state, facts.at, muted)
            put_notice(kept, notice, [] if muted else _sinks_for(settings, rule))
            told.append(notice)
    return told


def _notice(rule: Rule, kind: str, state: State, at: float, muted: str) -> Notice:
    return Notice(
        id=str(uuid4()),
        kind=kind,
        rule=rule.name,
        severity=rule.severity,
        at=at,
        value=state.value,
        text=f"{state.text}; limit {rule.limit:g}",
        advice="" if kind == "resolved" else ADVICE[rule.measure],
        muted=muted,
    )


def _sinks_for(settings: Settings, rule: Rule) -> list[str]:
    return [
        name_of(sink)
        for sink in settings.alerts.sinks
        if _RANK[rule.severity] >= _RANK[sink.severity]
    ]
