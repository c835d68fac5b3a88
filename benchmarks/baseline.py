"""What has been reached: figures of earlier runs of the code, and how much of a loss is noise.

A figure is a cost: more of it is worse. None is a time, since times belong to a machine: each is a
quotient of what one run measured turn about on one machine. ``baseline.json`` has, for each size,
the median of each figure over some runs and the margin that their spread justifies.

Nothing is measured here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import Misuse
from benchmarks.gates import Gate

FILE = Path(__file__).with_name("baseline.json")

LEAST, MOST = 0.10, 0.20
"""Margins: less is noise on any machine; with more, a read could get 25% slower unseen."""
_WIDER = 2.0
"""A margin is so many times the largest distance of a run from the median of all."""

Figures = dict[str, float]
Baseline = dict[str, Any]


def figures(results: Mapping[str, Any]) -> dict[int, Figures]:
    """Return the costs that a run measured, by size and name."""
    found: dict[int, Figures] = {
        int(size): {name: each["cost"] for name, each in operations.items()}
        for size, operations in results["reads"].items()
    }
    own = found.setdefault(results["scale"], {})
    ratios = results.get("ratios", {})
    for cost, ratio in (
        ("sqlite3 in batches against upserts", "upserts against sqlite3 in batches"),
        ("new upserts against unchanged ones", "unchanged upserts against new ones"),
        ("aiosqlite in one hop against 100 gets", "100 gets against aiosqlite in one hop"),
        ("executemany against an import", "import against executemany"),
    ):
        if ratio in ratios:
            own[cost] = 1 / ratios[ratio]
    if "space" in results:
        own["disk against raw descriptions"] = results["space"]["ratio"]
    return found


def make(runs: Sequence[Mapping[str, Any]]) -> Baseline:
    """Return the baseline of what ``runs``, all of one scale, measured at it."""
    scale = runs[0]["scale"]
    measured = [figures(each)[scale] for each in runs]
    entry = {
        "runs": len(runs),
        "machine": runs[0]["machine"],
        "figures": {
            name: _figure([each[name] for each in measured], name in runs[0]["reads"][str(scale)])
            for name in measured[0]
        },
    }
    return {"about": _ABOUT, "sizes": {str(scale): entry}}


_ABOUT = (
    "Made by: python -m benchmarks baseline. Each figure is a cost without a unit; a run fails "
    "when it is more than `margin` above `median`. `spread` is the largest distance of one of the "
    f"runs from their median; `margin` is {_WIDER:g} times that, at least {LEAST:.0%}, and at most "
    f"{MOST:.0%} for a read."
)


def _figure(values: Sequence[float], read: bool) -> dict[str, float]:
    middle = median(values)
    spread = max(abs(value / middle - 1) for value in values)
    # What a single run says about noise is nothing.
    margin = max(_WIDER * spread, LEAST) if len(values) > 1 else MOST
    if read:
        margin = min(margin, MOST)
    return {"median": round(middle, 4), "spread": round(spread, 4), "margin": round(margin, 4)}


def noisy(made: Baseline) -> list[str]:
    """Return the figures whose runs spread more than the widest margin of reads allows for."""
    return [
        f"{name} at {int(size):,}: +-{each['spread']:.0%}"
        for size, entry in made["sizes"].items()
        for name, each in entry["figures"].items()
        if _WIDER * each["spread"] > MOST
    ]


def merge(old: Baseline, new: Baseline) -> Baseline:
    """Return both, where the new one's sizes replace the old one's."""
    sizes = {**old["sizes"], **new["sizes"]}
    return {**new, "sizes": dict(sorted(sizes.items(), key=lambda each: int(each[0])))}


def load(path: Path = FILE) -> Baseline:
    """Read a baseline, or make one of the results of a single run.

    Raises Misuse when it is neither.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return dict(found) if "sizes" in found else make([found])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Misuse(f"{path} is neither a baseline nor the results of a run: {error!r}") from None


def write(made: Baseline, path: Path = FILE) -> None:
    """Write a baseline."""
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def check(base: Baseline, scale: int, look: Mapping[int, Figures]) -> None:
    """Raise Misuse when the baseline has a figure at ``scale`` that was not measured."""
    known = base["sizes"].get(str(scale), {"figures": {}})["figures"]
    gone = known.keys() - look[scale].keys()
    if gone:
        raise Misuse(f"the base has figures that were not measured: {', '.join(sorted(gone))}")


def hold(base: Baseline, *looks: Mapping[int, Figures]) -> list[Gate]:
    """Return a gate for each figure of ``looks`` that the baseline has.

    Where several looks measured a figure, the least counts: noise adds to a cost, and a loss is
    there each time.
    """
    gates = []
    for size, name in _measured(looks):
        known = base["sizes"].get(str(size), {}).get("figures", {}).get(name)
        if known is not None:
            value = min(each[size][name] for each in looks if name in each.get(size, {}))
            limit = known["median"] * (1 + known["margin"])
            gates.append(Gate(f"{name} at {size:,}", value, limit, kind="baseline"))
    return gates


def lost(base: Baseline, look: Mapping[int, Figures]) -> dict[int, set[str]]:
    """Return by size the names of the figures of ``look`` that do not hold."""
    found: dict[int, set[str]] = {}
    for size, name in _measured([look]):
        if any(not each.holds for each in hold(base, {size: {name: look[size][name]}})):
            found.setdefault(size, set()).add(name)
    return found


def _measured(looks: Iterable[Mapping[int, Figures]]) -> list[tuple[int, str]]:
    """Return what any look measured: each size and name once, in the order of measuring."""
    return list(
        dict.fromkeys((size, name) for each in looks for size in each for name in each[size])
    )
