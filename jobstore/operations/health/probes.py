"""What health asks of operations: how old backup and restore test are, how alerts stand."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jobstore.checks import Check, Probe, Verdict
from jobstore.operations.health.archive import archive_lag, archive_spool
from jobstore.threads import apart_once

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings


class Kept(NamedTuple):
    """When something last went well (``None``: never), and why the latest attempt failed.

    ``missing`` names the places that got no copy in the latest attempt.
    """

    at: datetime | None
    error: str | None = None
    missing: tuple[str, ...] = ()


class Alerting(NamedTuple):
    """Whether alerts were ever evaluated, which fire, how many notifications wait."""

    evaluated: bool
    firing: tuple[str, ...] = ()
    undelivered: int = 0


def last_backed_up(settings: Settings) -> Kept:
    """Return how making backups goes."""
    from jobstore.operations.backup import last_backup

    found = last_backup(settings)
    if found.attempt is None:
        return Kept(found.created_at)
    return Kept(found.created_at, found.attempt.error, tuple(found.attempt.failures))


def last_tested(settings: Settings) -> Kept:
    """Return how restore tests go."""
    from jobstore.operations.backup import last_restore_test

    good, latest = last_restore_test(settings, successful=True), last_restore_test(settings)
    return Kept(None if good is None else good.at, None if latest is None else latest.error)


def alerting(settings: Settings) -> Alerting:
    """Return how alerts stand."""
    from jobstore.operations.alerts import AlertStore
    from jobstore.operations.alerts.delivering import name_of

    kept = AlertStore(settings.operations_db)
    sinks = {name_of(sink) for sink in settings.alerts.sinks}
    standings = kept.standings(settings.alerts.rules, time.time())
    return Alerting(
        evaluated=any(each.since is not None for each in standings),
        firing=tuple(each.rule for each in standings if each.firing and not each.silenced),
        # What waits for a sink that was removed or renamed is nobody's concern any more.
        undelivered=sum(each.sink in sinks for each in kept.undelivered()),
    )


def probes_of(settings: Settings) -> list[Probe]:
    """Return the probes of operations, by the limits of ``settings``.

    What was never done warns; in development it passes, and says so.
    """
    never = Verdict.PASS if settings.environment == "development" else Verdict.WARN
    hours, days = settings.backup.max_age_hours, RESTORE_TEST_DAYS
    looks = {
        "backup:age": lambda: _age(last_backed_up(settings), "hours", hours, never, "create"),
        "restore-test:age": lambda: _age(
            last_tested(settings), "days", days, never, "verify --restore"
        ),
        "archive:lag": lambda: archive_lag(settings),
        "archive:spool": lambda: archive_spool(settings),
        "alerts:firing": lambda: _firing(alerting(settings), never),
        "alerts:undelivered": lambda: _undelivered(alerting(settings)),
    }
    return [
        Probe(name, partial(apart_once, (name, settings.state_folder), look), "component")
        for name, look in looks.items()
    ]


RESTORE_TEST_DAYS = 8.0
"""Restores are tested once a week; this is late."""

# Seconds that the clock which stamped something may have been ahead of ours.
_FAST = 300.0
_SECONDS = {"hours": 3600, "days": 86_400}


def _age(found: Kept, unit: str, limit: float, never: Verdict, command: str) -> Check:
    at, error, missing = found
    advice = f"run 'jobstore backup {command}'"
    if at is None:
        wrong = "never" if error is None else f"never; the latest attempt failed: {error}"
        return Check(never, output=wrong, advice=advice if error is None else "")
    seconds = (datetime.now(UTC) - at).total_seconds()
    # A clock that was set back a little makes nothing younger than new.
    exact = (seconds if seconds < -_FAST else max(0.0, seconds)) / _SECONDS[unit]
    age = round(exact, 2)
    if error is not None:
        wrong, advice = f"the latest attempt failed: {error}", ""
    elif seconds < -_FAST:
        wrong, advice = "is dated in the future", f"see whether the clock is right, then {advice}"
    elif exact > limit:
        wrong = f"is older than {limit:g} {unit}"
    elif missing:
        wrong, advice = f"got no copy: {', '.join(missing)}", "see 'jobstore backup list'"
    else:
        return Check(Verdict.PASS, age, unit, limit=limit, bound="at most")
    return Check(Verdict.WARN, age, unit, wrong, advice, limit=limit, bound="at most")


def _firing(found: Alerting, never: Verdict) -> Check:
    if not found.evaluated:
        return Check(never, output="never evaluated", advice="run 'jobstore alerts check'")
    # A failing health check is an alert itself: if alerts made health fail, neither would end.
    verdict = Verdict.WARN if found.firing else Verdict.PASS
    return Check(verdict, len(found.firing), "alerts", ", ".join(found.firing))


def _undelivered(found: Alerting) -> Check:
    waiting = found.undelivered
    if not waiting:
        return Check(Verdict.PASS, 0, "notifications")
    told, advice = "notifications did not arrive yet", "see 'jobstore alerts list'"
    return Check(Verdict.WARN, waiting, "notifications", told, advice)
