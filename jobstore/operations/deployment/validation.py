"""The third phase: whether the store does what it is for, and quickly enough.

The live store is only read, except in a transaction that is taken back. What has to be written
for good is written to a scratch copy beside it, on the same disk.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from jobstore.checks import Verdict
from jobstore.connecting import connect
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import StoreCorrupt
from jobstore.files import make_file
from jobstore.operations.deployment.conditions import PATIENCE
from jobstore.operations.deployment.gates import Check, Measured
from jobstore.records import JobPosting, Outcome, SearchQuery
from jobstore.scratch import require_space
from jobstore.search.words import words
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from jobstore.store import JobStore

SOURCE = "jobstore-deployment"
"""The source of every posting that is made up here."""

# Things that are done to a posting for a try.
_OPERATIONS = 9
# Calls that a 95th percentile is taken of, and postings that are stored at once.
_CALLS = 50
# How often latencies that are above their limit are measured; the last time counts.
_TURNS = 3
_BULK = 100
# As many operations at the same time as the store's promises are about.
_SIMULTANEOUS = 100
_WORD = "zyxwvut"

_LOSES = "Run: jobstore doctor --verify; then report it."
_SLOW = "See what else this machine does, and its disk; raise thresholds.{} only if that is right."


class _TakenBack(Exception):
    """Ends a transaction that shall leave nothing."""


class ValidationPhase:
    """The checks of the phase; a context manager, which closes what was opened.

    ``scratch`` is a folder on the disk of the store, in which a copy of it may stand.
    """

    def __init__(self, settings: Settings, scratch: Path) -> None:
        self._settings = settings
        self._copy_file = scratch / "copy.db"
        self._runner = asyncio.Runner()
        self._opened: list[JobStore] = []
        self._live: Any = None
        self._copy: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for store in self._opened:
            with suppress(Exception):
                self._runner.run(store.close())
        self._runner.close()

    def checks(self) -> Iterator[Check]:
        """Return the checks, in order."""
        limits = self._settings.thresholds
        looks: list[tuple[str, Callable[[], Awaitable[Measured]]]] = [
            ("connectivity", self._connect),
            ("operations", self._operate),
            ("no trace", self._look_for_traces),
            ("scratch copy", self._open_copy),
            ("bulk and search", self._search),
            ("simultaneous", self._all_at_once),
            ("get", partial(self._time, "get", limits.get_ms, self._gets)),
            ("search", partial(self._time, "search", limits.search_ms, self._searches)),
            (
                "statistics",
                partial(self._time, "statistics", limits.statistics_ms, self._statistics),
            ),
            ("write", partial(self._time, "write", limits.write_ms, self._writes)),
        ]
        for name, look in looks:
            yield Check(name, partial(self._run, look))

    def _run(self, look: Callable[[], Any]) -> Measured:
        found: Measured = self._runner.run(look())
        return found

    async def _open(self, url: str) -> JobStore:
        store = await connect(url, options=self._settings.store.options)
        self._opened.append(store)
        return store

    async def _connect(self) -> Measured:
        self._live = await self._open(self._settings.store.url)
        return Measured(await self._live.count(), unit="postings")

    async def _operate(self) -> Measured:
        """Do everything that can be done to a posting, and take it back."""
        given = _posting(f"{uuid4()}")
        done: list[str] = []

        def did(name: str, as_it_should: bool) -> None:
            if not as_it_should:
                raise StoreCorrupt(
                    f"The operation '{name}' gave a wrong answer, after {len(done)} of "
                    f"{_OPERATIONS} right ones. {_LOSES}"
                )
            done.append(name)

        with suppress(_TakenBack):
            async with self._live.transaction() as tx:
                made = await tx.upsert(given)
                did("insert", made.outcome is Outcome.INSERTED)
                did("get", (await tx.get(made.id)).title == given.title)
                found = await tx.find(given.source, given.source_job_id)
                did("find", found is not None and found.id == made.id)
                did("upsert again", (await tx.upsert(given)).outcome is Outcome.UNCHANGED)
                changed = await tx.update(made.id, {"applicant_count": 7}, expected_version=1)
                did("update", (changed.version, changed.applicant_count) == (2, 7))
                merged = await tx.upsert(_less(given, location="Köln"))
                did("merge", merged.outcome is Outcome.UPDATED and merged.version == 3)
                (job,) = await tx.get_many([made.id])
                did("keep", (job.applicant_count, job.location) == (7, "Köln"))
                did("delete", await tx.delete(made.id))
                did("be gone", await tx.find(given.source, given.source_job_id) is None)
                # Something to take back, so that there might be a trace.
                await tx.upsert(given)
                await tx.update(made.id, {"applicant_count": 8})
                raise _TakenBack
        self._made = made.id
        told = f"{len(done)} of {_OPERATIONS}: {', '.join(done)}"
        if len(done) == _OPERATIONS:
            return Measured(told, "each as it should")
        return Measured(told, "each as it should", verdict=Verdict.FAIL, advice=_LOSES)

    async def _look_for_traces(self) -> Measured:
        query = SearchQuery(source=SOURCE)
        traces = await self._live.count(query)
        traces += (await self._live.search(SearchQuery(text=_WORD))).total
        traces += len(await self._live.revisions(self._made))
        traces += (await self._live.statistics()).by_source.get(SOURCE, 0)
        if traces:
            return Measured(traces, 0, "traces", Verdict.FAIL, _LOSES)
        return Measured(0, 0, "traces")

    async def _open_copy(self) -> Measured:
        await asyncio.to_thread(_copy, self._settings.store.address.path, self._copy_file)
        self._copy = await self._open(sqlite_url(self._copy_file))
        size = self._copy_file.stat().st_size / 1024**2
        return Measured(round(size, 1), unit="MiB")

    async def _search(self) -> Measured:
        """Store many at once, and find them in every way, in the copy."""
        copy = self._copy
        report = await copy.upsert_many(_posting(f"bulk {number}") for number in range(_BULK))
        source = SearchQuery(source=SOURCE)
        first = await copy.search(SearchQuery(text=_WORD, source=SOURCE), limit=_BULK // 2)
        second = await copy.search(
            SearchQuery(text=_WORD, source=SOURCE), limit=_BULK, cursor=first.next_cursor
        )
        found = {
            "bulk": report.inserted,
            "count": await copy.count(source),
            "words": first.total,
            "pages": len({each.id for each in [*first.items, *second.items]}),
            "phrase": await copy.count(SearchQuery(text=f'"{_WORD} deployment"')),
            "prefix": await copy.count(SearchQuery(text=f"{_WORD[:6]}*", source=SOURCE)),
            "filter": await copy.count(SearchQuery(source=SOURCE, applicants_min=1)),
            "statistics": (await copy.statistics()).by_source.get(SOURCE, 0),
        }
        wrong = [f"{name} {number}" for name, number in found.items() if number != _BULK]
        told = f"{len(found) - len(wrong)} of {len(found)} ways find {_BULK}"
        if wrong:
            return Measured(
                f"{told}; {', '.join(wrong)}", "all", verdict=Verdict.FAIL, advice=_LOSES
            )
        return Measured(told, "all")

    async def _all_at_once(self) -> Measured:
        """Ask the copy for many things at the same time; nothing may be lost."""
        taken: list[float] = []

        async def one(index: int) -> bool:
            started = time.perf_counter()
            work = (self._write_and_read, self._find_one, self._read_statistics)[index % 3]
            right = await work(index)
            taken.append(_since(started))
            return right

        results = await asyncio.gather(*map(one, range(_SIMULTANEOUS)), return_exceptions=True)
        good = sum(each is True for each in results)
        told = f"{good} of {_SIMULTANEOUS} succeeded, p95 {p95(taken):,} ms"
        wanted = f"{_SIMULTANEOUS} of {_SIMULTANEOUS}"
        if good == _SIMULTANEOUS:
            return Measured(told, wanted)
        errors = sorted({type(each).__name__ for each in results if each is not True})
        advice = (
            f"{', '.join(errors)}: raise store.queue_size or store.busy_timeout, or see the disk."
        )
        return Measured(told, wanted, verdict=Verdict.FAIL, advice=advice)

    async def _write_and_read(self, index: int) -> bool:
        given = _posting(f"at once {index}")
        made = await self._copy.upsert(given)
        return bool((await self._copy.get(made.id)).title == given.title)

    async def _find_one(self, _: int) -> bool:
        query = SearchQuery(text=_WORD, source=SOURCE)
        return bool((await self._copy.search(query, limit=1)).items)

    async def _read_statistics(self, _: int) -> bool:
        return bool((await self._copy.statistics()).total >= _BULK)

    async def _time(
        self, name: str, limit: float, calls: Callable[[], Awaitable[Iterator[Any]]]
    ) -> Measured:
        """Measure calls of one operation; again where another program kept the machine busy."""
        turn, taken, found = 0, list[float](), math.inf
        while found > limit and turn < _TURNS:
            turn, taken = turn + 1, []
            for call in islice(await calls(), _CALLS):
                started = time.perf_counter()
                await call()
                taken.append(_since(started))
            found = p95(taken)
        slow = found > limit
        return Measured(
            found,
            limit,
            f"ms, p95 of {len(taken)}" + (f", measured {turn} times" if turn > 1 else ""),
            Verdict.FAIL if slow else Verdict.PASS,
            _SLOW.format(f"{name}_ms") if slow else "",
            bound="at most",
        )

    async def _gets(self) -> Iterator[Any]:
        page = await self._live.search(SearchQuery(), limit=_CALLS)
        ids: list[UUID] = [each.id for each in page.items] or [uuid4()]
        return (partial(self._live.get_many, [id]) for id in cycle(ids))

    async def _searches(self) -> Iterator[Any]:
        page = await self._live.search(SearchQuery(), limit=_CALLS)
        titles = [" ".join(words(each.title)[:2]) for each in page.items]
        queries = [SearchQuery(text=each) for each in titles if each] or [SearchQuery(text="data")]
        return (partial(self._live.search, query) for query in cycle(queries))

    async def _statistics(self) -> Iterator[Any]:
        return cycle([self._live.statistics])

    async def _writes(self) -> Iterator[Any]:
        # New ones each time: storing one again is quicker.
        postings = (_posting(f"{uuid4()}") for _ in range(_CALLS))
        return (partial(self._copy.upsert, posting) for posting in postings)


def _posting(key: str) -> JobPosting:
    return JobPosting(
        source=SOURCE,
        source_job_id=key,
        title=f"Validation {_WORD} deployment",
        company="jobstore",
        description="Made up while a deployment was validated. " * 20,
        applicant_count=1,
    )


def _less(posting: JobPosting, **stated: Any) -> JobPosting:
    """Return a sighting of the same posting that states hardly anything."""
    required = ("source", "source_job_id", "title", "company")
    return JobPosting(**{name: getattr(posting, name) for name in required}, **stated)


def _copy(path: Path, target: Path) -> None:
    """Copy the store as it is at this moment, while others write."""
    require_space(target.parent, path.stat().st_size)
    make_file(target)
    with (
        translated(),
        closing(open_file(path, "ro", PATIENCE)) as source,
        closing(open_file(target, "rw", PATIENCE)) as copy,
    ):
        source.backup(copy)


def p95(taken: list[float]) -> float:
    """Return the 95th percentile, by nearest rank; 0 of nothing."""
    return sorted(taken)[math.ceil(0.95 * len(taken)) - 1] if taken else 0.0


def _since(started: float) -> float:
    """Milliseconds that have passed."""
    return round(1000 * (time.perf_counter() - started), 3)
