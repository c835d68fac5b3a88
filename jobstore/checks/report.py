"""The report of health checks, and the limits that they go by.

Only records live here; a single check is in :mod:`jobstore.verdicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobstore.verdicts import Check, Verdict
from jobstore.version import __version__


@dataclass(slots=True, frozen=True)
class HealthReport:
    """All checks of one time, in order."""

    checks: Sequence[Check]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks."""
        verdicts = (check.verdict for check in self.checks)
        return max(verdicts, key=lambda each: each.rank, default=Verdict.PASS)

    def failing(self) -> tuple[str, ...]:
        """Return the names of the checks that failed."""
        return tuple(each.name for each in self.checks if each.verdict is Verdict.FAIL)

    def to_json(self) -> dict[str, Any]:
        """Return the whole in health+json."""
        checks: dict[str, list[dict[str, Any]]] = {}
        for each in self.checks:
            checks.setdefault(each.name, []).append(each.to_json())
        return {
            "status": self.verdict.value,
            # Of what is public: patches do not change it.
            "version": __version__.rpartition(".")[0],
            "releaseId": __version__,
            "description": "jobstore",
            "checks": checks,
        }


@dataclass(slots=True, frozen=True, kw_only=True)
class HealthLimits:
    """What health checks go by.

    ``timeout``: seconds for each check, then it fails. ``get_ms``, ``search_ms``,
    ``statistics_ms``: milliseconds (95th percentile) above which a check warns; above twice as
    many it fails. ``write_ms``: the same for having the disk keep something. ``disk_*``: free
    disk in percent, ``wal_*`` and ``memory_warn_mib`` MiB, ``queue_warn`` the share of the
    queue that is filled.
    """

    timeout: float = 5.0
    get_ms: float = 50.0
    search_ms: float = 50.0
    statistics_ms: float = 50.0
    write_ms: float = 50.0
    disk_warn_percent: float = 20.0
    disk_fail_percent: float = 10.0
    wal_warn_mib: float = 256
    wal_fail_mib: float = 1024
    wal_held_mib: float = 64
    memory_warn_mib: float = 1024
    queue_warn: float = 0.5
