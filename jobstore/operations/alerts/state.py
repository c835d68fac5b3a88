"""What alerts remember between checks and share between processes, in the database of operations.

Reading and writing rows happens here; what they mean is decided in ``rules``, ``checking`` and
``delivering``. Everything here blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobstore.errors import Fault, InvalidQuery
from jobstore.operations.alerts.notifications import Notification
from jobstore.operations.alerts.rules import State
from jobstore.operations.database import Statements, reading, writing

if TYPE_CHECKING:
    from jobstore.settings.alerting import Rule

ALL_RULES = "*"

# The clock may be set back by this many seconds after a silence began, and it still holds.
_SLACK = 300.0
# Seconds that notifications are remembered.
_REMEMBERED = 90 * 86_400
# Seconds that a sink may be away from the settings before what waits for it is given up.
_KEPT_FOR_NOBODY = 7 * 86_400
_LONGEST_SILENCE = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which nobody is notified of a rule, or of all (``*``); Unix times."""

    id: int
    rule: str
    reason: str
    starts_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How one rule stands: its name, how bad it is, whether it fires and since when, and why.

    ``since`` is a Unix time, ``None`` for a rule that was never evaluated; ``silenced`` the reason
    of a silence that holds, or ``None``. One that is ``pending`` is about to fire.
    """

    rule: str
    severity: str
    firing: bool
    since: float | None
    value: float | None
    text: str
    silenced: str | None
    pending: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that has not arrived: how often it was tried, when it is next, and why."""

    id: str
    rule: str
    kind: str
    sink: str
    attempts: int
    next_at: float
    error: str | None


class AlertStore:
    """The alerts of one store, in its database of operations at ``path``.

    Any method may raise StoreUnavailable, StorageFull, StoreBusy and SchemaMismatch.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def writing(self) -> AbstractContextManager[Statements]:
        """Open it alone among processes; what the block does is one transaction."""
        return writing(self._path)

    def standings(self, rules: Iterable[Rule], now: float) -> list[Standing]:
        """Return how each of the enabled rules stands."""
        with reading(self._path) as kept:
            states, held = states_of(kept), silences_of(kept, now)
        found: list[Standing] = []
        for rule in (each for each in rules if each.enabled):
            state = states.get(rule.name, State(text="not evaluated yet"))
            since = state.since if rule.name in states else None
            told = (rule.name, rule.severity, state.firing, since, state.value, state.text)
            pending = not state.firing and state.turning_since is not None
            found.append(Standing(*told, silenced_by(held, rule.name), pending))
        return found

    def silence(self, rule: str, seconds: float, reason: str, now: float) -> Silence:
        """Notify nobody of ``rule`` (``*``: of any) for ``seconds``, at most 366 days.

        Raises InvalidQuery when there is no reason or the time is out of range.
        """
        faults = []
        if not reason.strip():
            faults.append(Fault("reason", "must say why"))
        if not 0 < seconds <= _LONGEST_SILENCE:
            faults.append(Fault("for", "must be more than 0, at most 366 days"))
        if faults:
            raise InvalidQuery(faults)
        values = (rule, " ".join(reason.split()), now, now + seconds)
        with self.writing() as kept:
            ((id,),) = kept.rows("put_silence", values)
        return Silence(id, *values)

    def lift(self, id: int, now: float) -> bool:
        """End a silence; returns whether it held."""
        with self.writing() as kept:
            return kept.run("lift_silence", {"now": now, "id": id}) > 0

    def silences(self, now: float) -> list[Silence]:
        """Return the silences that hold."""
        with reading(self._path) as kept:
            return silences_of(kept, now)

    def history(self, since: float, limit: int) -> list[Notification]:
        """Return at most ``limit`` notifications from ``since`` (Unix time) on, newest first."""
        with reading(self._path) as kept:
            return [Notification(*row) for row in kept.rows("notifications", (since, limit))]

    def undelivered(self) -> list[Waiting]:
        """Return the notifications that are still to arrive, oldest first."""
        with reading(self._path) as kept:
            return [Waiting(*row) for row in kept.rows("undelivered")]


def states_of(kept: Statements) -> dict[str, State]:
    """Return the states of rules by name."""
    return {
        rule: State(bool(firing), since, turning, bool(notified), *others)
        for rule, firing, since, turning, notified, *others in kept.rows("alerts")
    }


def put_notification(kept: Statements, notification: Notification, sinks: Sequence[str]) -> None:
    """Remember a notification, and that it is to be delivered to ``sinks``."""
    ((number,),) = kept.rows("put_notification", astuple(notification))
    for sink in sinks:
        # That something still fires is old news once there is any later.
        kept.run("supersede", (sink, notification.rule))
        kept.run("put_delivery", (number, sink, notification.at))


def silences_of(kept: Statements, now: float) -> list[Silence]:
    """Return the silences that hold."""
    return [Silence(*row) for row in kept.rows("silences", (now + _SLACK, now))]


def silenced_by(held: Iterable[Silence], rule: str) -> str | None:
    """Return the reason of the silence that holds for a rule, ``None`` without one."""
    return next((each.reason for each in held if each.rule in (rule, ALL_RULES)), None)


def prune(kept: Statements, sinks: Sequence[str], now: float) -> None:
    """Forget notifications and silences of long ago; what was not delivered to ``sinks`` is kept.

    What waits for other sinks, which were removed or renamed, is kept for a week.
    """
    kept.run("prune_deliveries", (json.dumps([*sinks]), now - _KEPT_FOR_NOBODY))
    kept.run("prune_notifications", (now - _REMEMBERED,))
    kept.run("prune_silences", (now - _REMEMBERED,))
