"""The search for duplicates that follows what is written: what it costs, and what it costs writers.

``python -m benchmarks.following URL`` is the process that searches beside them: it opens the store,
and then follows the words ``start`` and ``stop`` on its standard input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from statistics import mean, median
from typing import Any, Protocol

import jobstore
from benchmarks import generator, living
from benchmarks.databases import REPOSITORY
from benchmarks.measuring import Timings, at_once, percentile, quiet
from benchmarks.processes import Obedient
from jobstore.records import Compared, JobPosting
from jobstore.store import JobStore

PER_ROUND = 512
"""Upserts that are compared with as many beside the search."""
ALONE = 200
"""Postings that arrive one at a time."""

Spent = Callable[[], float]
"""Gives the seconds of processor time that were spent so far."""


async def costs(store: JobStore, spent: Spent, first: int) -> dict[str, Any]:
    """Compare all postings, then some that arrive one at a time, numbered from ``first``.

    Returns the milliseconds of processor time that a posting takes: within the pieces that are
    compared at a time, each by its mean, and alone.
    """
    pieces: list[float] = []
    compared, since = 0, spent()

    def tell(found: Compared) -> None:
        nonlocal compared, since
        if (more := found.compared - compared) > 0:
            now = spent()
            pieces.append(1000 * (now - since) / more)
            compared, since = found.compared, spent()

    started = spent()
    await store.find_duplicates(progress=tell)
    seconds = spent() - started
    alone = []
    for posting in generator.fresh(ALONE, first=first):
        await store.upsert(JobPosting(**posting))
        since = spent()
        await store.find_duplicates()
        alone.append(1000 * (spent() - since))
    return {
        "compared": compared,
        "all": round(1000 * seconds / max(1, compared), 3),
        "in pieces": _summary(pieces),
        "one at a time": _summary(alone),
    }


def _summary(values: Sequence[float]) -> dict[str, float]:
    found = {f"p{p}": percentile(values, p) for p in (50, 99)}
    found |= {"mean": mean(values), "max": max(values)}
    return {name: round(value, 3) for name, value in found.items()}


class Following(Protocol):
    """What searches between :meth:`start` and :meth:`stop`, any number of times."""

    async def start(self) -> None:
        """Begin to search."""

    async def stop(self) -> int:
        """End it; returns how many postings were compared meanwhile."""


class Here:
    """Searches on this event loop."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._compared = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let the search begin."""
        self._compared = 0
        self._task = asyncio.create_task(self._follow())
        await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        while True:
            before = self._compared

            def tell(found: Compared, before: int = before) -> None:
                self._compared = before + found.compared

            await self._store.find_duplicates(progress=tell)

    async def stop(self) -> int:
        """Interrupt it, which it is made for."""
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        return self._compared


class _Elsewhere(Obedient):
    """The same in a process of its own; made by :func:`elsewhere`."""

    async def start(self) -> None:
        await self.say("start")

    async def stop(self) -> int:
        return int(await self.say("stop"))


@asynccontextmanager
async def elsewhere(url: str) -> AsyncIterator[_Elsewhere]:
    """Start a process that searches the store at ``url``; it ends with the block."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", __name__, url)
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, cwd=REPOSITORY
    )
    try:
        yield _Elsewhere(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def beside(
    store: JobStore, searching: Following, first: int, rounds: int, spent: Spent
) -> dict[str, Any]:
    """Measure upserts with a search beside them and without, turn about.

    Ratios are of rounds that followed each other: more than 1 is slower. Its processor time is that
    of the process that upserts.
    """
    walls: dict[bool, list[float]] = {True: [], False: []}
    busy: dict[bool, list[float]] = {True: [], False: []}
    compared = 0
    for number in range(rounds):
        for beside in (number % 2 == 0, number % 2 == 1):
            made = [JobPosting(**each) for each in generator.fresh(PER_ROUND, first=first)]
            first += PER_ROUND
            calls = [partial(store.upsert, each) for each in made]
            if beside:
                await searching.start()
            with quiet():
                since, started = spent(), time.perf_counter()
                await at_once(calls, Timings())
                walls[beside].append(time.perf_counter() - started)
                busy[beside].append(spent() - since)
            if beside:
                compared += await searching.stop()
    return {
        "per_second": round(PER_ROUND / median(walls[True]), 1),
        "per_second_alone": round(PER_ROUND / median(walls[False]), 1),
        "slower": _ratio(walls),
        "processor": _ratio(busy),
        "compared": compared,
    }


def _ratio(found: dict[bool, list[float]]) -> float:
    return round(median(a / b for a, b in zip(found[True], found[False], strict=True)), 3)


async def _serve(url: str) -> None:
    async with jobstore.connect(url, clock=living.now) as store:
        searching = Here(store)
        while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
            said = await getattr(searching, word)()
            print(word if said is None else said, flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
