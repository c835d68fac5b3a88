"""What alerts are judged by: a snapshot of plain values, and how it is taken.

Health and backups are not known here; whoever knows them hands their values in.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobstore.operations.monitoring.reading import window
from jobstore.operations.monitoring.traffic import UNTIMED, Traffic, together, total

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

# Seconds that stand for "the latest" where a rule names no window.
LATEST = 60.0

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
    health checks that fail. ``backup_age_hours`` and ``drill_age_days`` are of the last that
    went well; ``inf`` when there never was one. ``disk_free_percent``: 0 to 100.
    """

    at: float
    windows: Mapping[float, Window] = field(default_factory=dict)
    failing: tuple[str, ...] | None = None
    backup_age_hours: float | None = None
    drill_age_days: float | None = None
    disk_free_percent: float | None = None


def gather(
    settings: Settings,
    *,
    failing: Sequence[str] | None = None,
    backup_age_hours: float | None = None,
    drill_age_days: float | None = None,
    now: float | None = None,
) -> Facts:
    """Take a snapshot for the rules of ``settings``: traffic and the disk, and what is given.

    Blocks. Raises StoreUnavailable and SchemaMismatch when the monitoring history cannot be
    read.
    """
    at = time.time() if now is None else now
    wanted = {
        rule.window_minutes * 60 or LATEST
        for rule in settings.alerts.rules
        if rule.enabled and rule.measure in OF_TRAFFIC
    }
    free = None
    with suppress(OSError):
        usage = shutil.disk_usage(settings.store.address.path.parent)
        free = 100 * usage.free / usage.total if usage.total else None
    return Facts(
        at=at,
        windows={
            seconds: Window.of(window(settings.monitoring_db, at, seconds)) for seconds in wanted
        },
        failing=None if failing is None else tuple(failing),
        backup_age_hours=backup_age_hours,
        drill_age_days=drill_age_days,
        disk_free_percent=free,
    )
