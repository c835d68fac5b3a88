"""What health checks say, and the limits that they judge by.

Only records live here, and their form as JSON: the health check response format for HTTP APIs
(https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from jobstore.version import __version__


class Verdict(StrEnum):
    """How a check ended; the worst one is that of the report."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    """Works, and wants attention."""
    FAIL = "fail"


_BADNESS = {Verdict.PASS: 0, Verdict.WARN: 1, Verdict.FAIL: 2}


@dataclass(slots=True, frozen=True, kw_only=True)
class Check:
    """One thing that was measured: ``name`` is ``component:measurement``.

    ``kind`` is ``datastore``, ``system`` or ``component``; ``observed`` the value and ``unit``
    its unit, both ``None`` where there was nothing to measure; ``output`` says what is wrong.
    """

    name: str
    verdict: Verdict
    time: datetime
    kind: str = "datastore"
    observed: float | int | str | None = None
    unit: str | None = None
    output: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the check's object in health+json."""
        given = {
            "componentType": self.kind,
            "observedValue": self.observed,
            "observedUnit": self.unit,
            "status": self.verdict.value,
            "time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "output": self.output or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_json(cls, name: str, given: Mapping[str, Any]) -> Check:
        """Return the check that :meth:`to_json` made this object of."""
        return cls(
            name=name,
            verdict=Verdict(given["status"]),
            time=datetime.fromisoformat(given["time"]),
            kind=given["componentType"],
            observed=given.get("observedValue"),
            unit=given.get("observedUnit"),
            output=given.get("output", ""),
        )


@dataclass(slots=True, frozen=True)
class HealthReport:
    """All checks of one time, in order."""

    checks: Sequence[Check]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks."""
        verdicts = (check.verdict for check in self.checks)
        return max(verdicts, key=_BADNESS.__getitem__, default=Verdict.PASS)

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

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> HealthReport:
        """Return the report that :meth:`to_json` made this object of."""
        return cls([
            Check.from_json(name, each) for name, found in given["checks"].items() for each in found
        ])  # fmt: skip


@dataclass(slots=True, frozen=True, kw_only=True)
class HealthLimits:
    """What health checks judge by.

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


def above(value: float, warn: float, fail: float = float("inf")) -> Verdict:
    """Judge a value that should be low."""
    if value > fail:
        return Verdict.FAIL
    return Verdict.WARN if value > warn else Verdict.PASS


def below(value: float, warn: float, fail: float = float("-inf")) -> Verdict:
    """Judge a value that should be high."""
    return above(-value, -warn, -fail)
