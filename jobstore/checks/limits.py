"""Comparing a value with its limit."""

from __future__ import annotations

import math

from jobstore.verdicts import Check, Verdict


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
