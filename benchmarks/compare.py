"""Tells regressions from noise: this working copy against the results of an earlier run.

Figures of two runs met two machines, even on one computer. So what is compared is not time:
each round of an operation also times a piece of work that never changes, and its median is
divided by that one's. A difference counts when it is larger than :data:`THRESHOLD` and the
rounds of both runs do not overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

THRESHOLD = 0.20
"""How much slower a median may be; below this, runs of the same code differ."""


@dataclass(slots=True, frozen=True)
class Change:
    """One operation in both runs: medians relative to the machine, and whether it got worse."""

    name: str
    before: float
    after: float
    verdict: str

    @property
    def change(self) -> float:
        """How much slower it is, as a share; negative when it is faster."""
        return self.after / self.before - 1


def judge(name: str, before: Sequence[float], after: Sequence[float]) -> Change:
    """Compare the rounds of one operation, each a duration relative to the machine's."""
    old, new = median(before), median(after)
    verdict = "same"
    if new > old * (1 + THRESHOLD) and min(after) > max(before):
        verdict = "slower"
    elif new * (1 + THRESHOLD) < old and max(after) < min(before):
        verdict = "faster"
    return Change(name, old, new, verdict)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Compare what both runs measured at the same size; raises ValueError if nothing is."""
    found = []
    for size in before["reads"].keys() & after["reads"].keys():
        old, new = before["reads"][size], after["reads"][size]
        for name in (name for name in new if name in old):
            label = f"{name} ({int(size):,})"
            found.append(judge(label, old[name]["relative"], new[name]["relative"]))
    old, new = before.get("writes", {}), after.get("writes", {})
    found += [
        judge(name, _per_limit(old, name), _per_limit(new, name))
        for name in ("upsert new", "upsert unchanged")
        if name in old.get("rounds", {}) and name in new.get("rounds", {})
    ]
    if not found:
        raise ValueError("the two runs have no operation and size in common")
    return found


def _per_limit(writes: Mapping[str, Any], name: str) -> list[float]:
    """Durations relative to those of bare sqlite3 in the same round."""
    rounds = writes["rounds"]
    return [limit / own for own, limit in zip(rounds[name], rounds["sqlite3"], strict=True)]
