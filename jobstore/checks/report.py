"""The report of health checks.

Only the record lives here; a single check is in :mod:`jobstore.verdicts`.
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
