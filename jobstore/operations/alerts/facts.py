"""What alerts are evaluated from: the checks of health, and the traffic in the history.

Health is not looked at here; whoever did hands its report in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobstore.errors import JobStoreError
from jobstore.operations.monitoring.reading import window
from jobstore.operations.monitoring.traffic import UNTIMED, Traffic, together, total
from jobstore.threads import within

if TYPE_CHECKING:
    from jobstore.checks import Check, HealthReport
    from jobstore.settings.alerting import Rule
    from jobstore.settings.sections import Settings

_log = logging.getLogger("jobstore.alerts")

# The measures that are taken of traffic.
TRAFFIC = ("latency_p95_ms", "error_percent")
# Seconds that stand for "the latest" where a rule names no window.
LATEST = 60.0


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
    """How things stand ``at`` a Unix time.

    ``windows`` has traffic by the seconds that it was taken over, none where it is not known;
    ``checks`` are those of a health report, none where nobody looked.
    """

    at: float
    windows: Mapping[float, Window] = field(default_factory=dict)
    checks: Sequence[Check] = ()


def gather(
    settings: Settings, report: HealthReport | None = None, *, now: float | None = None
) -> Facts:
    """Return the facts for the rules of ``settings`` at Unix time ``now``.

    ``report`` is what health found. Blocks, for ``health.timeout`` seconds at most. Traffic that
    cannot be read, or does not come in time, is logged and not known.
    """
    at = time.time() if now is None else now
    rules = [each for each in settings.alerts.rules if each.enabled and each.measure in TRAFFIC]
    wanted, path = {seconds_of(each) for each in rules}, settings.operations_db
    windows: dict[float, Window] = {}
    try:
        windows = within(
            settings.health.timeout,
            ("traffic", settings.state_folder),
            lambda: {each: Window.of(window(path, at, each)) for each in wanted},
        )
    except JobStoreError as error:
        _log.warning("latency and errors cannot be evaluated: %s", error)
    except TimeoutError:
        _log.warning("latency and errors cannot be evaluated: there was no answer in time")
    return Facts(at, windows, () if report is None else report.checks)


def seconds_of(rule: Rule) -> float:
    """Return the seconds of traffic that a rule is about."""
    return rule.window_minutes * 60 or LATEST
