"""What must hold: figures with their limits, judged on the plain numbers of a run.

Only judging lives here; nothing is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]

SLOWEST = 50.0
"""No operation may have a p99 of so many milliseconds, at any scale."""
READ_RATIO = 1.5
MEMORY = 200 * 1024 * 1024
STALL = 10.0

# Operations by what they may take; their times are stated for a million postings.
KEYED = ("count", "company search", "recent", "get", "find", "statistics")
PAGED = ("title search", "first page", "fiftieth page", "common words")
HARD = ("no match", "prefix", "sort by salary", "sort by applicants")
FLAT = {"count": 1.3, "statistics": 1.3}
GROWTH = 2.0
COMPARED = (*KEYED, *PAGED, "complex query", *HARD)


@dataclass(slots=True, frozen=True)
class Gate:
    """One figure: what it is, what was measured, and its limit, ``at_least`` or at most.

    One that is not ``binding`` is told, and fails nothing: times depend on the machine.
    """

    name: str
    value: float
    limit: float
    at_least: bool = False
    binding: bool = True

    @property
    def holds(self) -> bool:
        """Whether the figure is on the right side of its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{self.name}: {self.value:,.3g} (must be {sign} {self.limit:,.3g})"


def judge(results: Results) -> list[Gate]:
    """Return every gate for which the results have a figure."""
    return [*_slowest(results), *_latencies(results), *_growth(results), *_ratios(results)]


def _alone(results: Results, size: object) -> Mapping[str, Any]:
    found: Mapping[str, Any] = results["reads"][str(size)]
    return found


def _slowest(results: Results) -> Iterator[Gate]:
    for name, found in _alone(results, results["scale"]).items():
        yield Gate(f"{name}, p99 ms", found["alone"]["p99"], SLOWEST)
    for name, found in results["writes"]["alone"].items():
        yield Gate(f"{name}, p99 ms", found["p99"], SLOWEST)


def _latencies(results: Results) -> Iterator[Gate]:
    found = _alone(results, results["scale"])
    for names, p50 in ((KEYED, 0.5), (PAGED, 1.0), (("complex query",), 3.0), (HARD, 25.0)):
        for name in names:
            yield Gate(f"{name}, p50 ms", found[name]["alone"]["p50"], p50, binding=False)
    for name in KEYED:
        yield Gate(f"{name}, p99 ms", found[name]["alone"]["p99"], 5.0, binding=False)
    complex_query = found["complex query"]["alone"]["max"]
    yield Gate("complex query, max ms", complex_query, 25.0, binding=False)


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
