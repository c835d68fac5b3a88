"""A run: everything that is measured, in its order; its results are plain numbers.

Nothing is judged or shown here.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks import report
from benchmarks.databases import Database, database, working_copy
from benchmarks.importing import ROWS, measure_import, measure_memory, measure_opening
from benchmarks.planting import Plants
from benchmarks.reading import (
    ROUNDS,
    Subject,
    measure_alone,
    measure_at_once,
    measure_plain_gets,
    subject,
)
from benchmarks.space import measure_space
from benchmarks.writing import measure_writes

SIZES = (10_000, 100_000, 1_000_000)
"""Where growth is measured from, and the sizes between there and the scale of a run."""
_FEW = 3
"""Rounds of writes, which are compared with a wide margin."""
_ONCE = 1
"""Rounds of what takes longest."""


@dataclass(slots=True, frozen=True)
class Run:
    """How to measure: the number of postings, the rounds, and what is slowed down on purpose."""

    scale: int
    rounds: int = ROUNDS
    plants: Plants = field(default_factory=dict)

    async def full(self) -> dict[str, Any]:
        """Measure everything at the scale, and reads at the sizes below it too."""
        sizes = [size for size in SIZES if size < self.scale]
        return await self._measure([database(size) for size in (*sizes, self.scale)], brief=False)

    async def brief(self) -> dict[str, Any]:
        """Measure at the scale alone, and leave out what takes minutes at a large one."""
        return await self._measure([database(self.scale)], brief=self.scale > SIZES[0])

    async def again(self, size: int, names: Collection[str]) -> dict[str, Any]:
        """Measure once more, at ``size``, those of ``names`` that are reads."""
        async with subject(database(size)) as opened:
            opened.operations = [each for each in opened.operations if each.name in names]
            plants = {name: factor for name, factor in self.plants.items() if name in names}
            return {"scale": size, "reads": await self._alone([opened], plants)}

    async def _measure(self, bases: Sequence[Database], *, brief: bool) -> dict[str, Any]:
        large = bases[-1]
        results: dict[str, Any] = {"scale": self.scale, "machine": report.machine()}
        ratios = results["ratios"] = {}
        async with AsyncExitStack() as stack:
            say("drawing parameters")
            opened = [await stack.enter_async_context(subject(each)) for each in bases]
            say("reads, one call at a time")
            reads = results["reads"] = await self._alone(opened, self.plants)
            if not brief:
                even = await stack.enter_async_context(subject(database(self.scale, "even")))
                for size, found in (await self._alone([even], self.plants)).items():
                    reads[size] |= found
                say("reads, 100 at once")
                at_once = await measure_at_once(opened[-1], _ONCE)
                at_once |= await measure_at_once(even, _ONCE)
                results["at_once"] = {name: each.summary() for name, each in at_once.items()}
            gets = await measure_plain_gets(opened[-1], large, self.rounds)
        rates = {name: each.summary()["per_second"] for name, each in gets.items()}
        results["gets_at_once"] = rates
        for name in rates.keys() - {"gateway"}:
            ratios[f"100 gets against {name}"] = rates["gateway"] / rates[name]
        say("writes")
        with working_copy(large) as copy:
            writes = await measure_writes(copy, min(self.rounds, _FEW))
        results["writes"] = writes.summary()
        for name, one, other in (
            ("upserts against sqlite3 in batches", "upsert new", "sqlite3"),
            ("upserts against the engine's functions", "upsert new", "engine functions"),
            ("unchanged upserts against new ones", "upsert unchanged", "upsert new"),
        ):
            ratios[name] = writes.ratio(one, other)
        results["space"] = measure_space(large)
        if not brief:
            say("opening, memory, import of a file")
            results["opening"] = await measure_opening(large)
            results["memory"] = measure_memory(large)
            results["import"] = measure_import(min(ROWS, self.scale // 2), _ONCE)
            ratios["import against executemany"] = results["import"]["ratio"]
        return results

    async def _alone(self, opened: Sequence[Subject], plants: Plants) -> dict[str, Any]:
        measured = await measure_alone(opened, self.rounds, plants)
        return {
            str(size): {name: found.summary() for name, found in operations.items()}
            for size, operations in measured.items()
        }


def say(what: str) -> None:
    """Tell whoever waits what goes on."""
    print(f"... {what}", file=sys.stderr, flush=True)
