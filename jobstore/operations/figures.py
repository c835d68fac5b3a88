"""All that is known of a store in figures, as Prometheus takes them.

What all processes did with it, how old its backup and its restore test are, how far the archive
is behind, what health and alerts found last. Nothing is looked for here that takes long: health
is that of the schedule, and no copy elsewhere is asked for. Everything blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from jobstore import migrating
from jobstore.checks import Verdict
from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.errors import JobStoreError
from jobstore.operations.alerts import AlertStore
from jobstore.operations.health.archive import archive_lag
from jobstore.operations.health.probes import last_backed_up, last_tested
from jobstore.operations.monitoring import reading
from jobstore.operations.monitoring.prometheus import (
    exposition,
    gauge,
    labelled,
    metrics,
    requests,
)
from jobstore.operations.monitoring.recorder import disk_of
from jobstore.operations.schedule import state
from jobstore.threads import within
from jobstore.version import __version__

if TYPE_CHECKING:
    from datetime import datetime

    from jobstore.settings.sections import Settings

_Value = tuple[Mapping[str, str], float]
_Look = Callable[["Settings"], Iterator[Metric]]

# Seconds that a part may take: what hangs, such as a database that cannot be reached, is missing,
# and keeps nobody from the rest. Prometheus gives up after ten.
_PATIENCE = 4.0

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""That of what :func:`figures` returns."""


def figures(settings: Settings) -> str:
    """Return the text of all metrics; each is labelled by store and environment.

    What cannot be read, or not within four seconds, is left out, and ``jobstore_figures_missing``
    tells which part it was of.
    """
    labels = {"store": settings.store.address.path.stem, "environment": settings.environment}
    return exposition(labelled(_all(settings), labels))


def requests_db(settings: Settings) -> Path:
    """Return the file in which processes of the service write down what they were asked."""
    return settings.state_folder / "requests.db"


def _all(settings: Settings) -> Iterator[Metric]:
    missing = []
    for name, look in _PARTS.items():
        key = ("figures", settings.store.url, name)
        try:
            found = within(_PATIENCE, key, partial(_looked, look, settings))
        except (JobStoreError, OSError):
            found = []
        yield from found
        missing.append(({"part": name}, float(not found)))
    yield gauge("jobstore_figures_missing", "Whether a part of the figures is missing.", *missing)
    about = {"version": __version__}
    yield gauge("jobstore_build_info", "The version that gives the figures.", (about, 1))


def _looked(look: _Look, settings: Settings) -> list[Metric]:
    return [*look(settings)]


def _operations(settings: Settings) -> Iterator[Metric]:
    frame = reading.frame(settings.operations_db, disk_of(settings), time.time())
    levels = {
        "queue_depth": frame.queue_depth,
        "group_size": max((each.group_size for each in frame.processes), default=0),
        "wal_bytes": frame.wal_bytes,
        "disk_free_bytes": frame.disk_free_bytes,
        "processes": len(frame.processes),
    }
    known = {name: value for name, value in levels.items() if value is not None}
    yield from metrics(reading.ever(settings.operations_db), known)


def _requests(settings: Settings) -> Iterator[Metric]:
    yield requests(reading.ever(requests_db(settings)))


def _backup(settings: Settings) -> Iterator[Metric]:
    at = last_backed_up(settings).at
    yield _age("jobstore_backup_age_seconds", "Age of the newest backup.", at)


def _restore_test(settings: Settings) -> Iterator[Metric]:
    at = last_tested(settings).at
    yield _age("jobstore_restore_test_age_seconds", "Time since a restore went well.", at)


def _archive(settings: Settings) -> Iterator[Metric]:
    lag = archive_lag(settings).observed
    told: list[_Value] = [({}, float(lag))] if lag is not None else []
    yield gauge("jobstore_archive_lag_seconds", "How far the worst place is behind.", *told)


def _health(settings: Settings) -> Iterator[Metric]:
    looked = state.read_one(settings.operations_db, "health")
    said = looked.detail.partition(":")[0]
    verdicts = {each.value: float(each.rank) for each in Verdict}
    known = looked.outcome == "done" and said in verdicts and looked.ended_at is not None
    found, at = (verdicts[said], looked.ended_at) if known else (None, None)
    yield gauge(
        "jobstore_health_verdict",
        "What the schedule's last look found: 0 pass, 1 warn, 2 fail.",
        *([({}, found)] if found is not None else []),
    )
    yield gauge(
        "jobstore_health_age_seconds",
        "Time since the schedule last looked.",
        *([({}, max(0.0, time.time() - at))] if at is not None else []),
    )


def _alerts(settings: Settings) -> Iterator[Metric]:
    kept = AlertStore(settings.operations_db)
    standings = kept.standings(settings.alerts.rules, time.time())
    yield gauge(
        "jobstore_alert_firing",
        "Whether an alert of jobstore's own fires.",
        *(
            ({"alert": each.rule, "severity": each.severity}, float(each.firing))
            for each in standings
            if each.since is not None
        ),
    )
    waiting = len(kept.undelivered())
    yield gauge(
        "jobstore_notifications_undelivered", "Notifications that wait.", ({}, float(waiting))
    )


def _schedule(settings: Settings) -> Iterator[Metric]:
    tasks = [
        each
        for each in state.read(settings.operations_db).values()
        if each.outcome and each.ended_at is not None
    ]
    yield gauge(
        "jobstore_task_failed",
        "Whether a task of the schedule failed when it ran last.",
        *(({"task": each.name}, float(each.outcome == "failed")) for each in tasks),
    )


def _schema(settings: Settings) -> Iterator[Metric]:
    address = settings.store.address
    found: list[_Value] = []
    if Capability.MIGRATIONS in backend_of(address).capabilities:
        applied = [each.id for each in migrating.status(address) if each.applied_at is not None]
        number = applied[-1].partition(".")[0] if applied else ""
        # Another program's migration may be called anything.
        found = [({}, float(number))] if number.isdecimal() else []
    yield gauge("jobstore_schema_version", "The number of the last migration.", *found)


_PARTS: dict[str, _Look] = {
    "operations": _operations,
    "requests": _requests,
    "backup": _backup,
    "restore-test": _restore_test,
    "archive": _archive,
    "health": _health,
    "alerts": _alerts,
    "schedule": _schedule,
    "schema": _schema,
}


def _age(name: str, text: str, at: datetime | None) -> Metric:
    """Return an age in seconds; none of what never was."""
    told: list[_Value] = [] if at is None else [({}, max(0.0, time.time() - at.timestamp()))]
    return gauge(name, text, *told)
