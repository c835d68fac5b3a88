"""What a look at something found: one record for health, doctor, deployments and alerts.

Only the record lives here, how a value is compared with its limit, and the form as JSON: the health
check response format for HTTP APIs
(https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06). How to look, and at
what, is said in :mod:`jobstore.checks`, by the engines and by operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from jobstore.moments import iso

Value = str | int | float


class Verdict(StrEnum):
    """How a check ended; the worst one is that of the report."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    """Works, and wants attention."""
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """How bad it is: 0 for ``pass``, 2 for ``fail``."""
        return list(Verdict).index(self)


@dataclass(slots=True, frozen=True)
class Check:
    """One thing that was looked at: what was found, what was wanted, and what to do.

    ``observed`` is the value and ``unit`` its unit, both ``None`` where there was nothing to
    measure; ``output`` says what is wrong, ``advice`` what to do about it. ``limit`` is what was
    wanted; where it is a limit, ``bound`` is ``at most`` or ``at least``. In a health report
    ``name`` is ``component:measurement``, and ``kind`` is ``datastore``, ``system`` or
    ``component``. ``time`` is when the look ended, ``seconds`` how long it took.
    """

    verdict: Verdict
    observed: Value | None = None
    unit: str | None = None
    output: str = ""
    advice: str = ""
    name: str = field(default="", kw_only=True)
    limit: Value = field(default="", kw_only=True)
    bound: str = field(default="", kw_only=True)
    kind: str = field(default="datastore", kw_only=True)
    time: datetime | None = field(default=None, kw_only=True)
    seconds: float = field(default=0.0, kw_only=True)

    @property
    def component(self) -> str:
        """What stands before the colon of the name."""
        return self.name.partition(":")[0]

    @property
    def explanation(self) -> str:
        """What is wrong, and what to do about it; empty where there is nothing to say."""
        return "; ".join(each for each in (self.output, self.advice) if each)

    def to_json(self) -> dict[str, Any]:
        """Return the check's object in health+json."""
        at = self.time and iso(self.time)
        given = {
            "componentType": self.kind,
            "observedValue": self.observed,
            "observedUnit": self.unit,
            "status": self.verdict.value,
            "time": at,
            "output": self.output or None,
            "advice": self.advice or None,
        }
        return {name: value for name, value in given.items() if value is not None}


def finding(name: str, verdict: Verdict, output: str) -> Check:
    """Return what an examination of a database found, in words."""
    return Check(verdict, output=output, name=name)


def at_most(value: float, unit: str, warn: float, fail: float = math.inf) -> Check:
    """Return the check of a value that should be low; what is at its limit is within it."""
    if value <= warn:
        return Check(Verdict.PASS, value, unit, limit=warn, bound="at most")
    verdict, limit = (Verdict.FAIL, fail) if value > fail else (Verdict.WARN, warn)
    told = f"is above {limit:g} {unit}"
    return Check(verdict, value, unit, told, limit=limit, bound="at most")


def at_least(
    value: float,
    unit: str,
    warn: float,
    fail: float = -math.inf,
    *,
    told: str = "",
    advice: str = "",
) -> Check:
    """Return the check of a value that should be high; ``told`` says what is wrong if it is not."""
    if value >= warn:
        return Check(Verdict.PASS, value, unit, limit=warn, bound="at least")
    verdict, limit = (Verdict.FAIL, fail) if value < fail else (Verdict.WARN, warn)
    return Check(verdict, value, unit, told, advice, limit=limit, bound="at least")
