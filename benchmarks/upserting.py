"""Coroutines that upsert as fast as they are answered, here or in a process of their own.

What they hand in is new and made beforehand, so that making it disturbs nobody who is timed.
``python -m benchmarks.upserting URL FIRST CALLERS`` is that process: it opens the store, and then
follows the words on its standard input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

import jobstore
from benchmarks import generator
from benchmarks.databases import REPOSITORY
from benchmarks.measuring import CALLERS, quiet
from benchmarks.processes import Obedient
from jobstore.records import JobPosting
from jobstore.store import JobStore

_STOCK = 6_000
"""More than is stored while one operation is measured."""
_STARTED = time.monotonic()


def now() -> datetime:
    """Return a time that goes on from the end of the generated ones."""
    return generator.NOW + timedelta(seconds=time.monotonic() - _STARTED)


class Upserting(Protocol):
    """What upserts between :meth:`start` and :meth:`stop`, any number of times."""

    async def prepare(self) -> None:
        """Make what will be handed in; not to be timed."""

    async def start(self) -> None:
        """Begin to upsert."""

    async def stop(self) -> float:
        """End it; returns how many postings a second were stored meanwhile."""


class Here:
    """Upserts to ``store`` on this event loop, postings from number ``first`` on."""

    def __init__(self, store: JobStore, first: int, callers: int = CALLERS) -> None:
        self._store = store
        self._number = callers
        self._next = first
        self._stock: list[JobPosting] = []
        self._going = False
        self._stored = 0
        self._since = 0.0
        self._callers: list[asyncio.Task[None]] = []

    async def prepare(self) -> None:
        """Fill up the stock."""
        missing = _STOCK - len(self._stock)
        made = generator.fresh(missing, first=self._next)
        self._stock = [*reversed([JobPosting(**each) for each in made]), *self._stock]
        self._next += missing

    async def start(self) -> None:
        """Let the coroutines begin."""
        self._going, self._stored, self._since = True, 0, time.perf_counter()
        self._callers = [asyncio.create_task(self._call()) for _ in range(self._number)]
        # Nobody is timed beside the first group, which finds an idle store.
        await asyncio.sleep(0.1)

    async def _call(self) -> None:
        while self._going:
            if not self._stock:
                raise RuntimeError("this machine writes more than was made for it; raise _STOCK")
            await self._store.upsert(self._stock.pop())
            self._stored += 1

    async def stop(self) -> float:
        """Let each coroutine end with the posting that it waits for."""
        self._going = False
        await asyncio.gather(*self._callers)
        return self._stored / (time.perf_counter() - self._since)


class Elsewhere(Obedient):
    """The same in a process of its own; made by :func:`elsewhere`."""

    async def prepare(self) -> None:
        """See :class:`Here`."""
        await self.say("prepare")

    async def start(self) -> None:
        """See :class:`Here`."""
        await self.say("start")

    async def stop(self) -> float:
        """See :class:`Here`."""
        return float(await self.say("stop"))


@asynccontextmanager
async def elsewhere(url: str, first: int, callers: int = CALLERS) -> AsyncIterator[Elsewhere]:
    """Start a process that upserts to the store at ``url``; it ends with the block."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", __name__, url, str(first), str(callers))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, cwd=REPOSITORY
    )
    try:
        yield Elsewhere(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _follow(url: str, first: str, callers: str) -> None:
    async with jobstore.connect(url, clock=now) as store:
        writing = Here(store, int(first), int(callers))
        with quiet():
            while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
                rate = await getattr(writing, word)()
                print(word if rate is None else rate, flush=True)


if __name__ == "__main__":
    asyncio.run(_follow(*sys.argv[1:]))
