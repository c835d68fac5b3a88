"""What is looked at: the store, its files, its schema, the process and the machine.

Each function gives probes; how they are run is in :mod:`.running`. What asks the disk or the
system runs on a thread of its own, since it may never answer.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from jobstore import migrating
from jobstore.checks import self_test
from jobstore.checks.running import Probe
from jobstore.derived.funnel import LIVE
from jobstore.engines import archive_of, backend_of, upkeep_of
from jobstore.engines.backend import Capability
from jobstore.engines.protocol import Engine, MissingRights
from jobstore.files import folder_of
from jobstore.settings import HealthLimits, StoreURL
from jobstore.threads import apart, apart_once
from jobstore.verdicts import Check, Verdict, at_least, at_most

if TYPE_CHECKING:
    from psutil import Process

STORE_COMPONENTS = ("store", "operations", "performance", "counters", "applications")
"""The components that only an open store has."""

MIB = 1024 * 1024

# Bytes that the disk is asked to keep, and how often; one that is slow once is not slow.
_WRITTEN = 64 * 1024
_WRITES = 3
# Percent of the machine's memory below which hardly anything else fits in, and percent of the
# files that a process may have open.
_LITTLE_MEMORY = 5.0
_MANY_FILES, _TOO_MANY_FILES = 80.0, 95.0


def every(engine: Engine, limits: HealthLimits) -> list[Probe]:
    """Return all probes of an open store."""
    return [
        *of_store(engine, limits),
        Probe("queue:depth", partial(_queue, engine, limits)),
        *of_database(engine.url, limits),
        *of_process(limits),
        *of_machine(),
    ]


def of_store(engine: Engine, limits: HealthLimits) -> list[Probe]:
    """Return the probes that ask an open store: its self-test."""
    most = {name: getattr(limits, f"{name}_ms") for name in self_test.READS}
    return [
        Probe("store:responseTime", partial(self_test.answer, engine)),
        Probe("operations:responseTime", partial(_operate, engine, limits.timeout)),
        *(
            Probe(
                f"performance:{name}",
                partial(self_test.timed, partial(calls, engine), most[name], 2 * most[name]),
                alone=True,
            )
            for name, calls in self_test.READS.items()
        ),
        Probe("counters:total", partial(self_test.agree, engine)),
        Probe("applications:closed", partial(_closed, engine)),
    ]


async def _operate(engine: Engine, timeout: float) -> Check:
    """Do the self-test that writes; an account that only reads the store is well without."""
    try:
        return await self_test.operate(engine, timeout)
    except MissingRights:
        return Check(Verdict.PASS, output="not tried: this account may not write to the store")


def of_database(url: StoreURL, limits: HealthLimits) -> list[Probe]:
    """Return the probes of a database's files or server, its schema and software.

    It need not be open. There are none where its engine offers no upkeep.
    """
    capabilities = backend_of(url).capabilities
    blocking: list[tuple[str, str, Callable[[], Check]]] = []
    if Capability.FILES in capabilities:
        blocking += [
            ("disk:free", "system", partial(_disk, url, limits)),
            ("disk:write", "system", partial(_write, url, limits)),
            ("wal:size", "datastore", partial(_wal, url, limits)),
            ("wal:held", "datastore", partial(_held, url, limits)),
            ("wal:damaged", "datastore", partial(_damaged, url)),
        ]
    if Capability.ARCHIVE in capabilities:
        blocking.append(("store:replaced", "datastore", partial(_replaced, url)))
    if Capability.UPKEEP in capabilities:
        signs = upkeep_of(url).signs(url, limits)
        blocking += [(name, "datastore", look) for name, look in signs.items()]
        blocking += [
            ("schema:version", "datastore", partial(_schema, url)),
            ("library:version", "component", partial(_library, url)),
        ]
    return [
        Probe(name, partial(apart_once, (name, str(url)), look), kind)
        for name, kind, look in blocking
    ]


def of_process(limits: HealthLimits) -> list[Probe]:
    """Return the probes of this process."""
    return [
        Probe("memory:process", partial(apart, _memory, limits), "system"),
        Probe("files:open", partial(apart, _files), "system"),
    ]


def of_machine() -> list[Probe]:
    """Return the probes of the machine."""
    return [Probe("memory:available", partial(apart, _available), "system")]


async def _closed(engine: Engine) -> Check:
    """Tell how many postings closed while something may still come of an application for them.

    Nothing is wrong with the store then; an alert is raised of it where somebody wants one.
    """
    ((number,),) = await engine.rows("closed_applications_count", json.dumps(LIVE))
    return Check(Verdict.PASS, number, "applications")


async def _queue(engine: Engine, limits: HealthLimits) -> Check:
    return queue(engine.queue.depth, engine.queue.limit, limits)


def queue(depth: int, most: int, limits: HealthLimits) -> Check:
    """Return the check of how many operations wait in a queue that takes so many."""
    # A full one holds as many as it may, never more.
    return at_most(depth, "operations", limits.queue_warn * most, most - 1)


def _disk(url: StoreURL, limits: HealthLimits) -> Check:
    # Whether the database is there is a question of its own.
    usage = shutil.disk_usage(folder_of(url.path))
    free = round(100 * usage.free / usage.total, 1) if usage.total else 0.0
    told = f"{usage.free / MIB:,.0f} MiB are free"
    return at_least(
        free, "percent", limits.disk_warn_percent, limits.disk_fail_percent,
        told=told, advice="free some space",
    )  # fmt: skip


def _write(url: StoreURL, limits: HealthLimits) -> Check:
    """Have the disk keep something for a moment; it has no name, so nothing stays."""
    taken = []
    with tempfile.TemporaryFile(dir=folder_of(url.path), buffering=0) as file:
        for _ in range(_WRITES):
            started = time.perf_counter()
            file.write(bytes(_WRITTEN))
            os.fsync(file.fileno())
            taken.append(1000 * (time.perf_counter() - started))
    return at_most(round(median(taken), 3), "ms", limits.write_ms, 2 * limits.write_ms)


def _wal(url: StoreURL, limits: HealthLimits) -> Check:
    size = round(upkeep_of(url).footprint(url).log / MIB, 1)
    return at_most(size, "MiB", limits.wal_warn_mib, limits.wal_fail_mib)


def _held(url: StoreURL, limits: HealthLimits) -> Check:
    """Look at what waits to be written back; in a WAL that is small enough, nobody is asked."""
    most = limits.wal_held_mib * MIB
    if upkeep_of(url).footprint(url).log <= most:
        return Check(Verdict.PASS, 0, "MiB")
    octets, pids = upkeep_of(url).held_log(url)
    waiting = round(octets / MIB, 1)
    if octets <= most:
        return Check(Verdict.PASS, waiting, "MiB")
    if not pids:
        advice = "run 'jobstore run-due --force --only checkpoint'"
        return Check(Verdict.WARN, waiting, "MiB", "nobody is seen to read it", advice)
    told = f"kept by {', '.join(map(_program, pids))}, reading an old state"
    return Check(Verdict.WARN, waiting, "MiB", told, "end what it reads, or the program")


def _program(pid: int) -> str:
    import psutil

    name = "a program"
    with suppress(psutil.Error, OSError):
        name = psutil.Process(pid).name()
    return f"{name} (process {pid})"


def _damaged(url: StoreURL) -> Check:
    copies = upkeep_of(url).damaged_logs(url)
    if not copies:
        return Check(Verdict.PASS, 0, "files")
    kept = ", ".join(str(each) for each, _ in copies)
    told = f"copied to {kept}: what was stored last is missing"
    verdict = Verdict.FAIL if any(certain for _, certain in copies) else Verdict.WARN
    return Check(verdict, len(copies), "files", told, "run 'jobstore doctor'")


def _replaced(url: StoreURL) -> Check:
    asides = archive_of(url).asides(url)
    if not asides:
        return Check(Verdict.PASS, 0, "files")
    told = "set aside when the store was replaced, and in no backup"
    return Check(Verdict.WARN, len(asides), "files", told, " ".join(asides.values()))


def _schema(url: StoreURL) -> Check:
    migrating.check_schema(url)
    return Check(Verdict.PASS, migrating.status(url)[-1].id)


def _library(url: StoreURL) -> Check:
    found = upkeep_of(url).library(url)
    verdict = Verdict.PASS if found.usable else Verdict.FAIL
    return Check(verdict, found.version, None, found.detail, found.advice)


def _memory(limits: HealthLimits) -> Check:
    import psutil

    return memory(psutil.Process(), limits)


def memory(process: Process, limits: HealthLimits) -> Check:
    """Return the check of how much memory a process takes."""
    return at_most(round(process.memory_info().rss / MIB), "MiB", limits.memory_warn_mib)


def _available() -> Check:
    import psutil

    found = psutil.virtual_memory()
    told = f"{found.available / MIB:,.0f} MiB of memory are left on this machine"
    return at_least(
        round(100 * found.available / found.total, 1), "percent", _LITTLE_MEMORY, told=told
    )


def _files() -> Check:
    import psutil

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return files(psutil.Process(), most)


def files(process: Process, most: int) -> Check:
    """Return the check of how many files a process has open, of those that it may have."""
    if most == resource.RLIM_INFINITY:
        return Check(Verdict.PASS, 0, "percent")
    used = round(100 * process.num_fds() / most, 1)
    return at_most(used, "percent", _MANY_FILES, _TOO_MANY_FILES)
