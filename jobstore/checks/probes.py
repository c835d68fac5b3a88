"""What is looked at: the store, its files, its schema, the process and the machine.

Each function gives probes; how they are run is in :mod:`.running`. What asks the disk or the
system runs on a thread of its own, since it may never answer.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from jobstore import migrating
from jobstore.checks.report import HealthLimits, Verdict, above, below
from jobstore.checks.running import Probe, Seen
from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.engines.protocol import Engine, Found
from jobstore.errors import StoreCorrupt
from jobstore.intake.validation import check_posting
from jobstore.records import JobPosting, JobSummary, SearchQuery, Statistics, job_id
from jobstore.search.criteria import Criteria, check_query
from jobstore.search.words import words
from jobstore.settings import StoreURL
from jobstore.threads import apart, apart_once

if TYPE_CHECKING:
    from psutil import Process

STORE_COMPONENTS = ("store", "operations", "performance", "counters")
"""The components that only an open store has."""

MIB = 1024 * 1024

# Calls that a 95th percentile is taken of.
_CALLS = 30
# Attempts to catch counters between two writes.
_TRIES = 3
# Bytes that the disk is asked to keep, and how often; one that is slow once is not slow.
_WRITTEN = 64 * 1024
_WRITES = 3
# Percent of the machine's memory below which hardly anything else fits in, and percent of the
# files that a process may have open.
_LITTLE_MEMORY = 5.0
_MANY_FILES, _TOO_MANY_FILES = 80.0, 95.0

_EVERYTHING = check_query(None)


def every(engine: Engine, limits: HealthLimits) -> list[Probe]:
    """Return all probes of an open store."""
    return [
        *of_store(engine, limits),
        Probe("queue:depth", partial(_queue, engine, limits)),
        *(of_file(engine.url, limits) if _has_files(engine.url) else ()),
        *of_process(limits),
        *of_machine(),
    ]


def of_store(engine: Engine, limits: HealthLimits) -> list[Probe]:
    """Return the probes that ask an open store."""
    return [
        Probe("store:responseTime", partial(_answer, engine)),
        Probe("operations:responseTime", partial(_operate, engine, limits.timeout)),
        Probe("performance:get", partial(_gets, engine, limits.get_ms), alone=True),
        Probe("performance:search", partial(_searches, engine, limits.search_ms), alone=True),
        Probe("performance:statistics", partial(_statistics, engine, limits), alone=True),
        Probe("counters:total", partial(_counters, engine)),
    ]


def of_file(url: StoreURL, limits: HealthLimits) -> list[Probe]:
    """Return the probes of a database's files, disk, schema and software; it need not be open."""
    blocking = [
        ("disk:free", "system", partial(_disk, url, limits)),
        ("disk:write", "system", partial(_write, url, limits)),
        ("wal:size", "datastore", partial(_wal, url, limits)),
        ("wal:held", "datastore", partial(_held, url, limits)),
        ("wal:damaged", "datastore", partial(_damaged, url)),
        ("schema:version", "datastore", partial(_schema, url)),
        ("library:version", "component", partial(_library, url)),
    ]
    return [
        Probe(name, partial(apart_once, (name, url.path), look), kind)
        for name, kind, look in blocking
    ]


def _has_files(url: StoreURL) -> bool:
    return Capability.FILES in backend_of(url).capabilities


def of_process(limits: HealthLimits) -> list[Probe]:
    """Return the probes of this process."""
    return [
        Probe("memory:process", partial(apart, _memory, limits), "system"),
        Probe("files:open", partial(apart, _files), "system"),
    ]


def of_machine() -> list[Probe]:
    """Return the probes of the machine."""
    return [Probe("memory:available", partial(apart, _available), "system")]


async def _answer(engine: Engine) -> Seen:
    started = time.perf_counter()
    await engine.count(_EVERYTHING)
    return Seen(Verdict.PASS, _since(started), "ms")


class _TakenBack(Exception):
    """Ends a transaction that shall leave nothing."""


async def _operate(engine: Engine, timeout: float) -> Seen:
    """Write, read what was written, search; then take the write back."""
    given = check_posting(
        JobPosting(
            source="jobstore-health", source_job_id=str(uuid4()), title="Health", company="jobstore"
        )
    )
    id = job_id(given.source, given.source_job_id)
    started = time.perf_counter()
    with suppress(_TakenBack):
        async with engine.transaction(timeout) as unit:
            await unit.upsert(given)
            (found,) = await unit.get_many([id])
            await _search(engine, _query("health"), 1)
            raise _TakenBack
    if found is None or found.title != given.title:
        raise StoreCorrupt("What was written did not come back; run 'jobstore doctor --verify'.")
    return Seen(Verdict.PASS, _since(started), "ms")


async def _gets(engine: Engine, limit: float) -> Seen:
    newest = await _newest(engine)
    ids: list[UUID] = [each.id for each in newest] or [uuid4()]
    return await _timed((partial(engine.get_many, [id]) for id in cycle(ids)), limit)


async def _searches(engine: Engine, limit: float) -> Seen:
    texts = [_phrase(each.title) for each in await _newest(engine)] or ["data"]
    return await _timed(
        (partial(_search, engine, _query(text), 20) for text in cycle(texts)), limit
    )


async def _statistics(engine: Engine, limits: HealthLimits) -> Seen:
    return await _timed(cycle([engine.statistics]), limits.statistics_ms)


async def _timed(calls: Iterable[Callable[[], Awaitable[object]]], limit: float) -> Seen:
    """Judge the 95th percentile of some calls, in milliseconds, by nearest rank."""
    taken = []
    for call in islice(calls, _CALLS):
        started = time.perf_counter()
        await call()
        taken.append(_since(started))
    p95 = sorted(taken)[math.ceil(0.95 * len(taken)) - 1]
    return judged(p95, "ms", limit, 2 * limit)


async def _newest(engine: Engine) -> list[JobSummary]:
    return (await _search(engine, _EVERYTHING, _CALLS)).items


def _search(engine: Engine, criteria: Criteria, limit: int) -> Awaitable[Found]:
    return engine.search(criteria, limit=limit, after=None, total=None, facets=(), snippets=False)


def _phrase(title: str) -> str:
    return " ".join(f'"{word}"' for word in words(title)[:2]) or "data"


def _query(text: str) -> Criteria:
    return check_query(SearchQuery(text=text))


async def _counters(engine: Engine) -> Seen:
    """Compare the counters with each other, and with as many postings as a search counts."""
    for _ in range(_TRIES):
        before = await engine.statistics()
        found = await _search(engine, _EVERYTHING, 1)
        after = await engine.statistics()
        # Others may have written meanwhile.
        low, high = sorted((before.total, after.total))
        if _agrees(after) and found.total <= high and (found.total_capped or low <= found.total):
            return Seen(Verdict.PASS, after.total, "postings")
    told = "differs from what is stored; run 'jobstore doctor --verify', then --repair"
    return Seen(Verdict.FAIL, after.total, "postings", told)


def _agrees(counted: Statistics) -> bool:
    # Every posting has a status and a source.
    stated = (counted.by_status, counted.by_source)
    return all(sum(each.values()) == counted.total for each in stated)


async def _queue(engine: Engine, limits: HealthLimits) -> Seen:
    return judged_queue(engine.queue.depth, engine.queue.limit, limits)


def judged_queue(depth: int, most: int, limits: HealthLimits) -> Seen:
    """Judge how many operations wait in a queue that takes so many."""
    # A full one holds as many as it may, never more.
    return judged(depth, "operations", limits.queue_warn * most, most - 1)


def _disk(url: StoreURL, limits: HealthLimits) -> Seen:
    usage = shutil.disk_usage(backend_of(url).upkeep.footprint(url).folder)
    free = 100 * usage.free / usage.total if usage.total else 0.0
    verdict = below(free, limits.disk_warn_percent, limits.disk_fail_percent)
    told = f"{usage.free / MIB:,.0f} MiB are free; free some space"
    return Seen(verdict, round(free, 1), "percent", "" if verdict is Verdict.PASS else told)


def _write(url: StoreURL, limits: HealthLimits) -> Seen:
    """Have the disk keep something for a moment; it has no name, so nothing stays."""
    taken = []
    with tempfile.TemporaryFile(
        dir=backend_of(url).upkeep.footprint(url).folder, buffering=0
    ) as file:
        for _ in range(_WRITES):
            started = time.perf_counter()
            file.write(bytes(_WRITTEN))
            os.fsync(file.fileno())
            taken.append(_since(started))
    return judged(median(taken), "ms", limits.write_ms, 2 * limits.write_ms)


def _wal(url: StoreURL, limits: HealthLimits) -> Seen:
    size = round(backend_of(url).upkeep.footprint(url).log / MIB, 1)
    return judged(size, "MiB", limits.wal_warn_mib, limits.wal_fail_mib)


def _held(url: StoreURL, limits: HealthLimits) -> Seen:
    """Look at what waits to be written back; in a WAL that is small enough, nobody is asked."""
    most = limits.wal_held_mib * MIB
    if backend_of(url).upkeep.footprint(url).log <= most:
        return Seen(Verdict.PASS, 0, "MiB")
    octets, pids = backend_of(url).upkeep.held_log(url)
    waiting = round(octets / MIB, 1)
    if octets <= most:
        return Seen(Verdict.PASS, waiting, "MiB")
    told = "nobody is seen to read it; run: jobstore run-due --force --only checkpoint"
    if pids:
        who = ", ".join(map(_program, pids))
        told = f"kept by {who}, reading an old state; end what it reads, or the program"
    return Seen(Verdict.WARN, waiting, "MiB", told)


def _program(pid: int) -> str:
    import psutil

    name = "a program"
    with suppress(psutil.Error, OSError):
        name = psutil.Process(pid).name()
    return f"{name} (process {pid})"


def _damaged(url: StoreURL) -> Seen:
    copies = backend_of(url).upkeep.damaged_logs(url)
    if not copies:
        return Seen(Verdict.PASS, 0, "files")
    told = ", ".join(str(each) for each, _ in copies)
    verdict = Verdict.FAIL if any(certain for _, certain in copies) else Verdict.WARN
    advice = "what was stored last is missing; run 'jobstore doctor'"
    return Seen(verdict, len(copies), "files", f"copied to {told}: {advice}")


def _schema(url: StoreURL) -> Seen:
    migrating.check_schema(url)
    return Seen(Verdict.PASS, migrating.status(url)[-1].id)


def _library(url: StoreURL) -> Seen:
    found = backend_of(url).upkeep.library()
    return Seen(Verdict.PASS if found.usable else Verdict.FAIL, found.version, output=found.detail)


def _memory(limits: HealthLimits) -> Seen:
    import psutil

    return judged(round(psutil.Process().memory_info().rss / MIB), "MiB", limits.memory_warn_mib)


def _available() -> Seen:
    import psutil

    memory = psutil.virtual_memory()
    free = round(100 * memory.available / memory.total, 1)
    told = f"{memory.available / MIB:,.0f} MiB of memory are left on this machine"
    verdict = below(free, _LITTLE_MEMORY)
    return Seen(verdict, free, "percent", "" if verdict is Verdict.PASS else told)


def _files() -> Seen:
    import psutil

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return judged_files(psutil.Process(), most)


def judged_files(process: Process, most: int) -> Seen:
    """Judge how many files a process has open, of those that it may have."""
    if most == resource.RLIM_INFINITY:
        return Seen(Verdict.PASS, 0, "percent")
    used = round(100 * process.num_fds() / most, 1)
    return judged(used, "percent", _MANY_FILES, _TOO_MANY_FILES)


def judged(value: float, unit: str, warn: float, fail: float = math.inf) -> Seen:
    """Judge a value that should be low, and say above what it is."""
    verdict = above(value, warn, fail)
    limit = fail if verdict is Verdict.FAIL else warn
    told = "" if verdict is Verdict.PASS else f"is above {limit:g} {unit}"
    return Seen(verdict, value, unit, told)


def _since(started: float) -> float:
    """Milliseconds that have passed."""
    return round(1000 * (time.perf_counter() - started), 3)
