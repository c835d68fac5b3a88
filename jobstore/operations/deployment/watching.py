"""The fourth phase: whether the store will be watched, and can be returned to.

What is looked at belongs to health, monitoring, alerts and backups; here are only the verdicts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property

from jobstore.checks import Check, HealthReport, Verdict
from jobstore.connecting import connect
from jobstore.operations import alerts
from jobstore.operations.alerts.rules import measure
from jobstore.operations.backup import create
from jobstore.operations.database import reading
from jobstore.operations.deployment.database import backed_up
from jobstore.operations.deployment.gates import Gate
from jobstore.operations.deployment.records import Deployment
from jobstore.operations.health import examine
from jobstore.operations.monitoring import recording
from jobstore.operations.monitoring.reading import ever
from jobstore.operations.times import DAY, Rhythm
from jobstore.settings.kinds import zone_of
from jobstore.settings.sections import Settings
from jobstore.verdicts import at_least

# Health is looked at again and again; after so many times, or minutes, without it nothing runs the
# schedule. One task, such as a backup, may take some minutes.
_SAMPLES = 5
_SILENT = 15

# Operations that are measured for a try.
_TRIED = 5


class WatchingPhase:
    """The checks of the phase; ``keep`` writes down what they change of ``deployment``."""

    def __init__(
        self, settings: Settings, deployment: Deployment, keep: Callable[[Deployment], None]
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._keep = keep

    def checks(self) -> Iterator[Gate]:
        """Return the checks, in order."""
        yield Gate("snapshot", self._snapshot)
        yield Gate("metrics", self._metrics)
        yield Gate("alert rules", self._alerts)
        yield Gate("backup schedule", self._schedule)
        yield Gate("health", self._health)

    @cached_property
    def _report(self) -> HealthReport:
        return examine(self._settings)

    def _snapshot(self) -> Check:
        """Back up what was deployed, so that there is something to return to."""
        deployment = self._deployment
        if deployment.backup and not (
            deployment.applied or deployment.samples or deployment.continues
        ):
            # What is there now is what was there then, but for what others wrote meanwhile.
            deployment.snapshot = deployment.backup
            told = f"{deployment.backup}, made before"
            return Check(Verdict.PASS, told, limit="a backup to return to")
        made = create(self._settings, reason=f"deployment {deployment.number}")
        deployment.snapshot = made.name
        self._keep(deployment)
        return backed_up(made)

    def _metrics(self) -> Check:
        settings = self._settings
        if not settings.monitoring.enabled:
            return Check(Verdict.PASS, "monitoring.enabled is false")
        before = _recorded(settings)
        asyncio.run(self._do_something())
        written = _recorded(settings) - before
        return at_least(
            written, "operations written down", _TRIED, _TRIED,
            advice=f"See why {settings.operations_db} cannot be written: monitoring.log.",
        )  # fmt: skip

    async def _do_something(self) -> None:
        store = self._settings.store
        async with (
            connect(store.url, options=store.options) as opened,
            recording(opened, self._settings, label="jobstore deploy"),
        ):
            for _ in range(_TRIED):
                await opened.count()

    def _alerts(self) -> Check:
        settings = self._settings
        rules = [rule for rule in settings.alerts.rules if rule.enabled]
        alerts.AlertStore(settings.operations_db).standings(rules, time.time())
        facts = alerts.gather(settings, self._report)
        known = [rule for rule in rules if measure(rule, facts) is not None]
        told = f"{len(known)} of {len(rules)} can be evaluated; sinks: {len(settings.alerts.sinks)}"
        target = f"{len(rules)} rules"
        if len(known) == len(rules) > 0:
            return Check(Verdict.PASS, told, limit=target)
        names = ", ".join(sorted({each.name for each in rules} - {each.name for each in known}))
        advice = (
            f"Not evaluated: {names}; see monitoring.log." if rules else "All rules are disabled."
        )
        return Check(Verdict.WARN, told, advice=advice, limit=target)

    def _schedule(self) -> Check:
        """See whether something makes the next backup; how old the last one is, health says."""
        settings = self._settings
        told, target = f"next at {_next(settings)}", "something that makes it"
        since = _minutes_since_schedule(settings)
        silent = max(_SILENT, _SAMPLES * settings.schedule.sample_minutes)
        if settings.environment == "development" or (since is not None and since <= silent):
            return Check(Verdict.PASS, told, limit=target)
        ran = "yet" if since is None else f"for {since:,.0f} minutes"
        advice = f"Nothing has run the schedule {ran}: start jobstore agent, or run-due by cron."
        return Check(Verdict.WARN, told, advice=advice, limit=target)

    def _health(self) -> Check:
        report = self._report
        wrong = [
            f"{each.name}: {each.explanation}" for each in report.checks if each.verdict != "pass"
        ]
        passed = len(report.checks) - len(wrong)
        told = f"{passed} of {len(report.checks)} pass"
        return Check(report.verdict, told, advice="; ".join(wrong), limit="none fails")


def _recorded(settings: Settings) -> int:
    known = ever(settings.operations_db)
    return known["count"].count if "count" in known else 0


def _minutes_since_schedule(settings: Settings) -> float | None:
    """Return how long ago a task was written down; ``None`` if none ever was."""
    with reading(settings.operations_db) as kept:
        latest = max((at for (at,) in kept.rows("task_times")), default=None)
    return None if latest is None else max(0.0, time.time() - latest) / 60


def _next(settings: Settings) -> str:
    given = settings.schedule
    zone = zone_of(given.timezone)
    due = Rhythm.of(DAY, given.backup_at, zone).following(datetime.now(UTC))
    return f"{due.astimezone(zone):%Y-%m-%d %H:%M} {given.timezone}"
