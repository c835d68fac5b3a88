"""What is asked of the programs that use a store: their queues, their memory, their open files.

Whoever examines a store has none of its own that is worth asking. Programs are known where they
record themselves (:mod:`jobstore.operations.monitoring`); of others nothing is known.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from jobstore.checks import Check, HealthLimits, Probe, Verdict
from jobstore.checks.probes import files, memory, queue
from jobstore.errors import JobStoreError
from jobstore.operations.monitoring.reading import Running, frame
from jobstore.operations.monitoring.recorder import disk_of
from jobstore.threads import apart_once

if TYPE_CHECKING:
    from psutil import Process

    from jobstore.settings.sections import Settings

_UNKNOWN = Check(Verdict.PASS, output="not known: no program that uses the store records itself")

# Seconds by which a process may seem to have begun after its recorder.
_SLACK = 60.0


def programs_of(settings: Settings, limits: HealthLimits) -> list[Probe]:
    """Return the probes of the programs that use the store; each is of the worst of them."""
    looks = [
        ("queue:depth", "datastore", partial(_queue, limits, settings.store.queue_size)),
        ("memory:process", "system", partial(_measured, partial(memory, limits=limits))),
        ("files:open", "system", partial(_measured, _files)),
    ]
    folder = settings.state_folder
    return [
        Probe(name, partial(apart_once, (name, folder), partial(_look, settings, look)), kind)
        for name, kind, look in looks
    ]


def _look(settings: Settings, look: Callable[[list[Running]], Check]) -> Check:
    path, store = settings.operations_db, disk_of(settings)
    try:
        running = frame(path, store, time.time()).processes
    except JobStoreError:
        # Alerts say so where the history cannot be read.
        running = []
    return look(running) if running else _UNKNOWN


def _queue(limits: HealthLimits, most: int, running: list[Running]) -> Check:
    worst = max(running, key=lambda each: each.queue_depth)
    return _named(worst, queue(worst.queue_depth, most, limits))


def _measured(measure: Callable[[Process], Check], running: list[Running]) -> Check:
    """Go by the process in which the most is taken, of those that can be looked at."""
    import psutil

    found: list[tuple[float, Check]] = []
    for each in running:
        # It may have ended, belong to somebody else, or run in another container.
        with suppress(psutil.Error, OSError):
            process = psutil.Process(each.pid)
            if process.create_time() <= each.started_at + _SLACK:
                check = measure(process)
                found.append((float(check.observed or 0), _named(each, check)))
    return max(found, key=lambda each: each[0])[1] if found else _UNKNOWN


def _files(process: Process) -> Check:
    most, _ = process.rlimit(resource.RLIMIT_NOFILE)
    return files(process, most)


def _named(running: Running, found: Check) -> Check:
    if found.verdict is Verdict.PASS:
        return found
    return replace(found, output=f"{running.label} (process {running.pid}) {found.output}")
