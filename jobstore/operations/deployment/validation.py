"""The third phase: whether the store does what it is for, and quickly enough.

The live store is only read, and goes through its self-test, which is taken back. What has to be
written for good is written to a scratch copy beside it, on the same disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from jobstore.checks import Check, Verdict, self_test
from jobstore.checks.self_test import SOURCE, WORD, made_up
from jobstore.connecting import connect
from jobstore.engines import archive_of, upkeep_of
from jobstore.engines.protocol import Engine
from jobstore.operations.deployment.gates import Gate
from jobstore.records import JobPosting, SearchQuery
from jobstore.settings.sections import Settings
from jobstore.store import JobStore

# Seconds that the self-test waits for other processes.
_PATIENCE = 10.0
# How often latencies that are above their limit are measured; the last time counts.
_TURNS = 3
_BULK = 100
# As many operations at the same time as the store's promises are about.
_SIMULTANEOUS = 100

_LOSES = "Run 'jobstore doctor --verify'; then report it."
_SLOW = "See what else this machine does, and its disk; raise thresholds.{} only if that is right."


class ValidationPhase:
    """The checks of the phase.

    ``scratch`` is a folder on the disk of the store, in which a copy of it may stand.
    """

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self._settings = settings
        self._scratch = scratch
        self._trial = ExitStack()
        self._live: Any = None
        self._copy: Any = None

    def checks(self) -> Generator[Gate]:
        """Return the checks, in order; what they open is closed with the generator."""
        looks: dict[str, Callable[[], Coroutine[Any, Any, Check]]] = {
            "connectivity": self._connect,
            "operations": lambda: self_test.operate(self._live.engine, _PATIENCE),
            "counters": lambda: self_test.agree(self._live.engine),
            "scratch copy": self._open_copy,
            "bulk and search": self._search,
            "simultaneous": self._all_at_once,
            **{name: partial(self._time, name, calls) for name, calls in self_test.READS.items()},
            "write": partial(self._time, "write", self._writes),
        }
        with asyncio.Runner() as runner:
            try:
                for name, look in looks.items():
                    yield Gate(name, partial(_run, runner, look))
            finally:
                for store in filter(None, (self._live, self._copy)):
                    with suppress(Exception):
                        runner.run(store.close())
                self._trial.close()

    async def _open(self, url: str) -> JobStore:
        return await connect(url, options=self._settings.store.options)

    async def _connect(self) -> Check:
        self._live = await self._open(self._settings.store.url)
        return Check(Verdict.PASS, await self._live.count(), "postings")

    async def _open_copy(self) -> Check:
        address = self._settings.store.address
        trial = archive_of(address).trial(address, self._scratch)
        url = await asyncio.to_thread(self._trial.enter_context, trial)
        self._copy = await self._open(url.text)
        octets = await asyncio.to_thread(upkeep_of(url).footprint, url)
        return Check(Verdict.PASS, round(octets.database / 1024**2, 1), "MiB")

    async def _search(self) -> Check:
        """Store many at once, and find them in every way, in the copy."""
        copy = self._copy
        before = (await copy.statistics()).total
        report = await copy.upsert_many(_posting(f"bulk {number}") for number in range(_BULK))
        source = SearchQuery(source=SOURCE)
        first = await copy.search(SearchQuery(text=WORD, source=SOURCE), limit=_BULK // 2)
        second = await copy.search(
            SearchQuery(text=WORD, source=SOURCE), limit=_BULK, cursor=first.next_cursor
        )
        found = {
            "bulk": report.inserted,
            "count": await copy.count(source),
            "words": first.total,
            "pages": len({each.id for each in [*first.items, *second.items]}),
            "phrase": await copy.count(SearchQuery(text=f'"{WORD} posting"')),
            "prefix": await copy.count(SearchQuery(text=f"{WORD[:6]}*", source=SOURCE)),
            "filter": await copy.count(SearchQuery(source=SOURCE, applicants_min=1)),
            "statistics": (await copy.statistics()).total - before,
        }
        wrong = [f"{name} {number}" for name, number in found.items() if number != _BULK]
        told = f"{len(found) - len(wrong)} of {len(found)} ways find {_BULK}"
        if wrong:
            told = f"{told}; {', '.join(wrong)}"
            return Check(Verdict.FAIL, told, advice=_LOSES, limit="all")
        return Check(Verdict.PASS, told, limit="all")

    async def _all_at_once(self) -> Check:
        """Ask the copy for many things at the same time; nothing may be lost."""
        taken: list[float] = []

        async def one(index: int) -> bool:
            started = time.perf_counter()
            work = (self._write_and_read, self._find_one, self._read_statistics)[index % 3]
            right = await work(index)
            taken.append(round(1000 * (time.perf_counter() - started), 3))
            return right

        results = await asyncio.gather(*map(one, range(_SIMULTANEOUS)), return_exceptions=True)
        good = sum(each is True for each in results)
        number, target = _SIMULTANEOUS, f"{_SIMULTANEOUS} of {_SIMULTANEOUS}"
        told = f"{good} of {number} succeeded, p95 {self_test.p95(taken):,} ms"
        if good == number:
            return Check(Verdict.PASS, told, limit=target)
        errors = sorted({type(each).__name__ for each in results if each is not True})
        advice = (
            f"{', '.join(errors)}: raise store.queue_size or store.busy_timeout, or see the disk."
        )
        return Check(Verdict.FAIL, told, advice=advice, limit=target)

    async def _write_and_read(self, index: int) -> bool:
        given = _posting(f"at once {index}")
        made = await self._copy.upsert(given)
        return bool((await self._copy.get(made.id)).title == given.title)

    async def _find_one(self, _: int) -> bool:
        query = SearchQuery(text=WORD, source=SOURCE)
        return bool((await self._copy.search(query, limit=1)).items)

    async def _read_statistics(self, _: int) -> bool:
        return bool((await self._copy.statistics()).total >= _BULK)

    async def _time(
        self, name: str, calls: Callable[[Engine], Awaitable[self_test.Calls]]
    ) -> Check:
        """Measure calls of one operation, which fails above its limit."""
        limit = getattr(self._settings.thresholds, f"{name}_ms")
        found = await self_test.timed(partial(calls, self._live.engine), limit, limit, turns=_TURNS)
        if found.verdict is Verdict.PASS:
            return found
        return replace(found, advice=_SLOW.format(f"{name}_ms"))

    async def _writes(self, _: Engine) -> self_test.Calls:
        # Into the copy. New ones each time: storing one again is quicker.
        return (partial(self._copy.upsert, _posting(f"{uuid4()}")) for _ in range(self_test.CALLS))


def _run(runner: asyncio.Runner, look: Callable[[], Coroutine[Any, Any, Check]]) -> Check:
    return runner.run(look())


def _posting(key: str) -> JobPosting:
    text = "Made up while a deployment was validated. " * 20
    return made_up(key, description=text, applicant_count=1)
