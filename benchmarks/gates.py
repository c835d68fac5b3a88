"""What a run is held to, judged on its plain numbers: the promise, and the goals beside it.

What has been reached is held by :mod:`benchmarks.baseline`. Nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Results = Mapping[str, Any]
Kind = Literal["promise", "baseline", "goal"]

SLOWEST = 50.0
"""No operation may have a p99 of so many milliseconds, at any scale."""
READ_RATIO = 1.5
MEMORY = 200 * 1024 * 1024
STALL = 10.0

# Operations by what they may take; their times are wished for at a million postings.
KEYED = ("count", "company search", "recent", "get", "find", "statistics")
PAGED = (
    "title search", "first page", "fiftieth page", "common words", "first page, even draws",
)  # fmt: skip
HARD = ("no match", "prefix", "sort by salary", "sort by applicants")
FLAT = {"count": 1.3, "statistics": 1.3}
GROWTH = 2.0
FILTERED = ("any filters", "any filters, even draws", "four filters, even draws")
COMPARED = (*KEYED, *PAGED, "complex query", *HARD)


@dataclass(slots=True, frozen=True)
class Gate:
    """One figure: what it is, what was measured, and its limit, ``at_least`` or at most.

    One that is a goal is told, and fails nothing.
    """

    name: str
    value: float
    limit: float
    at_least: bool = False
    kind: Kind = "goal"

    @property
    def holds(self) -> bool:
        """Whether the figure is on the right side of its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def fails(self) -> bool:
        """Whether the run fails by it."""
        return self.kind != "goal" and not self.holds

    @property
    def distance(self) -> float:
        """How far the figure is beyond its limit, as a share of the limit; 0 when it holds."""
        return 0.0 if self.holds else abs(self.value / self.limit - 1)

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        wanted = "wished for" if self.kind == "goal" else "must be"
        told = f"{self.name}: {self.value:,.3g} ({wanted} {sign} {self.limit:,.3g}"
        return f"{told})" if self.holds else f"{told}, {self.distance:.0%} away)"

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for the file of results."""
        return {
            "kind": self.kind,
            "name": self.name,
            "value": self.value,
            "limit": self.limit,
            "holds": self.holds,
        }


def promise(results: Results) -> list[Gate]:
    """Return the gates of what is promised: no operation is slow, at no size."""
    found = []
    for size, operations in results["reads"].items():
        for name, each in operations.items():
            label = f"{name} at {int(size):,}, p99 ms"
            found.append(Gate(label, each["alone"]["p99"], SLOWEST, kind="promise"))
    for name, each in results["writes"]["alone"].items():
        found.append(Gate(f"{name}, p99 ms", each["p99"], SLOWEST, kind="promise"))
    return found


def goals(results: Results) -> list[Gate]:
    """Return every figure that is wished for and that the results have."""
    return [*_latencies(results), *_growth(results), *_ratios(results)]


def _alone(results: Results, size: object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = results["reads"][str(size)]
    return found


def _latencies(results: Results) -> Iterator[Gate]:
    found = _alone(results, results["scale"])
    for names, p50 in ((KEYED, 0.5), (PAGED, 1.0), (("complex query",), 3.0), (HARD, 25.0)):
        for name in names:
            yield Gate(f"{name}, p50 ms", found[name]["alone"]["p50"], p50)
    for name in KEYED:
        yield Gate(f"{name}, p99 ms", found[name]["alone"]["p99"], 5.0)
    for name in FILTERED:
        yield Gate(f"{name}, p50 ms", found[name]["alone"]["p50"], 2.0)
        yield Gate(f"{name}, p99 ms", found[name]["alone"]["p99"], 10.0)
    yield Gate("complex query, max ms", found["complex query"]["alone"]["max"], 25.0)


def _growth(results: Results) -> Iterator[Gate]:
    sizes = sorted(map(int, results["reads"]))
    if len(sizes) < 2:
        return
    small, large = _alone(results, sizes[0]), _alone(results, sizes[-1])
    for name in KEYED:
        growth = large[name]["alone"]["p50"] / small[name]["alone"]["p50"]
        limit = FLAT.get(name, GROWTH)
        yield Gate(f"{name}, growth from {sizes[0]:,} to {sizes[-1]:,}", growth, limit)


def _ratios(results: Results) -> Iterator[Gate]:
    found = _alone(results, results["scale"])
    for name in COMPARED:
        yield Gate(f"{name}, against sqlite3 + hop", found[name]["ratio"], READ_RATIO)
    ratios = results["ratios"]
    for name, limit in (
        ("100 gets against plain aiosqlite", 2.0),
        ("upserts against sqlite3 in batches", 0.55),
        ("unchanged upserts against new ones", 2.0),
        ("import against executemany", 0.6),
    ):
        if name in ratios:
            yield Gate(name, ratios[name], limit, at_least=True)
    yield Gate("event-loop stall, p99 ms", results["writes"]["stall"]["p99"], STALL)
    if "import" in results:
        yield Gate("memory of an import, bytes", results["import"]["memory"], MEMORY)
        yield Gate("memory of a stream, bytes", results["memory"]["stream_memory"], MEMORY)
    yield Gate("disk against raw descriptions", results["space"]["ratio"], 1.7)
