"""What alerts are judged by: a snapshot of plain values, and how it is taken.

Health is not known here; whoever knows it hands in the names of the checks that fail.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, TypeVar

from jobstore.errors import JobStoreError
from jobstore.operations.monitoring.reading import window
from jobstore.operations.monitoring.traffic import UNTIMED, Traffic, together, total
from jobstore.threads import within

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

T = TypeVar("T")

_log = logging.getLogger("jobstore.alerts")

# Seconds that stand for "the latest" where a rule names no window.
LATEST = 60.0

# Seconds that the clock which stamped something may have been ahead of ours.
FAST = 300.0

# What a rule's ``measure`` says of the traffic in its window.
OF_TRAFFIC = frozenset({"latency_p95_ms", "error_percent"})


@dataclass(frozen=True, slots=True)
class Window:
    """The traffic of some minutes.

    ``operations`` and ``failures`` count all; ``p95_ms`` has the number of calls and the 95th
    percentile in milliseconds by operation, and under ``""`` of all that are timed.
    """

    operations: int = 0
    failures: int = 0
    p95_ms: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, traffic: Mapping[str, Traffic]) -> Window:
        """Return traffic as a window."""
        merged = together(traffic)
        timed = {name: each for name, each in traffic.items() if name not in UNTIMED}
        found = {
            name: (each.count, 1000 * seconds)
            for name, each in {**timed, "": merged}.items()
            if (seconds := each.quantile(0.95)) is not None
        }
        return cls(total(traffic), merged.failures, found)


@dataclass(frozen=True, slots=True)
class Facts:
    """How things stand ``at`` a Unix time; ``None`` for what is not known.

    ``windows`` has traffic by the seconds that it was taken over, ``failing`` the names of
    health checks that fail. ``backup_age_hours`` and ``restore_test_age_days`` are of the last that
    went well; ``inf`` when there never was one, and less than 0 when it is dated in the future,
    so that nobody knows its age. ``disk_free_percent``: 0 to 100.
    """

    at: float
    windows: Mapping[float, Window] = field(default_factory=dict)
    failing: tuple[str, ...] | None = None
    backup_age_hours: float | None = None
    restore_test_age_days: float | None = None
    disk_free_percent: float | None = None


def gather(
    settings: Settings, *, failing: Sequence[str] | None = None, now: float | None = None
) -> Facts:
    """Take a snapshot for the rules of ``settings``, at Unix time ``now``.

    Looks at the traffic in the monitoring history, the disk, and the latest backup and restore
    test. ``failing`` are the names of health checks that fail, which are known elsewhere.

    Blocks, for ``health.timeout`` seconds for each look at most. What cannot be read, or does not
    answer, is logged and not known; the rest is judged all the same.
    """
    at = time.time() if now is None else now

    def known(what: str, look: Callable[[], T]) -> T | None:
        try:
            return within(settings.health.timeout, (what, settings.state_folder), look)
        except JobStoreError as error:
            _log.warning("an alert cannot be judged: %s", error)
        except TimeoutError:
            _log.warning("an alert cannot be judged: %s: there was no answer in time", what)
        return None

    return Facts(
        at=at,
        windows=known("traffic", lambda: _windows(settings, at)) or {},
        failing=None if failing is None else tuple(failing),
        backup_age_hours=known("backup age", lambda: _backup_age(settings, at) / 3600),
        restore_test_age_days=known(
            "restore test age", lambda: _restore_test_age(settings, at) / 86_400
        ),
        disk_free_percent=known("free disk", lambda: _free(settings)),
    )


def _windows(settings: Settings, at: float) -> dict[float, Window]:
    wanted = {
        rule.window_minutes * 60 or LATEST
        for rule in settings.alerts.rules
        if rule.enabled and rule.measure in OF_TRAFFIC
    }
    return {each: Window.of(window(settings.operations_db, at, each)) for each in wanted}


def _backup_age(settings: Settings, at: float) -> float:
    # Brings compression and more along, which nobody needs who only imports this module.
    from jobstore.operations.backup.state import last_backup

    return _age(last_backup(settings).created_at, at)


def _restore_test_age(settings: Settings, at: float) -> float:
    from jobstore.operations.backup.state import last_drill

    drill = last_drill(settings, successful=True)
    return _age(None if drill is None else drill.at, at)


def _age(moment: datetime | None, at: float) -> float:
    if moment is None:
        return inf
    age = at - moment.timestamp()
    # A clock that was set back a little makes nothing younger than new.
    return age if age < -FAST else max(0.0, age)


def _free(settings: Settings) -> float | None:
    try:
        usage = shutil.disk_usage(settings.store.address.path.parent)
    except OSError:
        return None
    return 100 * usage.free / usage.total if usage.total else None
