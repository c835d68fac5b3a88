"""The recorder: an observer that counts, and a thread that writes down what it counted.

An operation is only put aside on the event loop, and counted with many others later, which
costs a fraction of counting each by itself. Files are touched by the thread alone, so that
neither a full nor a hung disk is felt by the store.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jobstore.engines import in_files
from jobstore.engines.protocol import Engine
from jobstore.errors import JobStoreError
from jobstore.events import Event
from jobstore.operations.monitoring import history
from jobstore.operations.monitoring.histogram import BOUNDS
from jobstore.operations.monitoring.history import Level, Process
from jobstore.operations.monitoring.traffic import OBSERVED, Key, Traffic, flat

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

_log = logging.getLogger("jobstore.monitoring")

# Operations that are counted at once: some tenths of a millisecond.
_BATCH = 256
# Seconds between readings of what goes up and down.
_READING = 1.0
# Seconds between prunings, and those that stopping waits for the last writing.
_PRUNING = 3600.0
_LAST_WRITING = 5.0


class Recorder(AbstractContextManager["Recorder"]):
    """Counts the operations of one store; pass it as ``connect(observers=[recorder])``.

    ``history`` is the database of operations, made when there is none; ``store`` the store's file,
    whose WAL and disk are read (``None``: it lies in none). ``sample_seconds`` (0.1 or more) is how
    often is written. Figures of days are kept for ``keep_days``. ``label`` says to people which
    program this is.
    ``clock`` gives the Unix time, for tests.

    :meth:`start` begins to write, :meth:`stop` ends it; between them it is also a context
    manager. What cannot be written is kept, and written later with the rest.
    """

    def __init__(
        self,
        history: Path,
        store: Path | None,
        *,
        sample_seconds: float = 10.0,
        keep_days: float = 730.0,
        label: str = "python",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = history
        self._store = store
        self._every = sample_seconds
        self._keep_days = keep_days
        self._clock = clock
        self._process = Process(os.getpid(), int(clock() * 1_000_000), label)
        self._fresh: deque[Event] = deque()
        self._traffic: dict[str, Traffic] = {}
        self._written: dict[Key, int] = {}
        self._levels: dict[str, Level] = {}
        self._engine: Engine | None = None
        self._looked_at = time.monotonic()
        self._pruned_at: float | None = None
        self._failing = False
        self._counting = threading.Lock()
        self._flushing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Count one operation."""
        fresh = self._fresh
        fresh.append(event)
        if len(fresh) >= _BATCH:
            self._count()

    def watch(self, store: JobStore) -> None:
        """Read the queue of the store's writes as well."""
        self._engine = store.engine

    def counted(self) -> dict[Key, int]:
        """Return everything that was counted since the recorder was made."""
        self._count()
        with self._counting:
            return flat(self._traffic)

    def _count(self) -> None:
        """Count what was put aside; any thread may."""
        traffic, take = self._traffic, self._fresh.popleft
        with self._counting:
            # Nobody else takes any; what is added meanwhile is for the next time.
            for _ in range(len(self._fresh)):
                operation, seconds, rows, error, _shape = take()
                if operation not in traffic:
                    traffic[operation] = Traffic()
                each = traffic[operation]
                each.buckets[bisect_left(BOUNDS, seconds)] += 1
                each.seconds += seconds
                each.rows += rows
                if error is not None:
                    each.errors[error] = each.errors.get(error, 0) + 1

    def levels(self) -> dict[str, int]:
        """Return what goes up and down, as it is now: numbers of operations and bytes.

        Reads the disk. What cannot be read is left out.
        """
        return self._waiting() | sizes(self._store)

    def start(self) -> None:
        """Begin to write down what is counted, on a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="jobstore-monitoring", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Write down the rest and end the thread; waits for it at most 5 seconds."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join(_LAST_WRITING)

    def __enter__(self) -> Recorder:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def flush(self) -> bool:
        """Write down what was counted since the last time; returns whether that was possible.

        Blocks. Never raises for what the disk does.
        """
        with self._flushing:
            self._look(self.levels())
            return self._write(ended=self._stopping.is_set())

    def _run(self) -> None:
        due = time.monotonic() + self._every
        while not self._stopping.wait(min(_READING, self._every)):
            if time.monotonic() >= due:
                self.flush()
                due = time.monotonic() + self._every
            else:
                with self._flushing:
                    self._look(self._waiting())
        self.flush()

    def _waiting(self) -> dict[str, int]:
        """Return what waits to be written; touches no file."""
        if self._engine is None:
            return {}
        queue = self._engine.queue
        return {"queue_depth": queue.depth, "group_size": queue.group}

    def _look(self, levels: dict[str, int]) -> None:
        for name, value in levels.items():
            lowest, highest, _ = self._levels.get(name, (value, value, value))
            self._levels[name] = Level(min(lowest, value), max(highest, value), value)

    def _write(self, *, ended: bool) -> bool:
        counted = self.counted()
        now = time.monotonic()
        fresh = {
            key: amount - self._written.get(key, 0)
            for key, amount in counted.items()
            if amount != self._written.get(key, 0)
        }
        fresh[OBSERVED] = round((now - self._looked_at) * 1_000_000)
        at = self._clock()
        try:
            history.add(self._path, self._process, int(at), fresh, self._levels, ended=ended)
            # From here on it is written: what follows may fail, and nothing is added twice.
            self._written, self._levels, self._looked_at = counted, {}, now
            if self._pruned_at is None or now - self._pruned_at >= _PRUNING:
                history.prune(self._path, self._keep_days, at)
                self._pruned_at = now
        except (JobStoreError, OSError) as error:
            if not self._failing:
                _log.warning("the monitoring history cannot be written: %s", error)
            self._failing = True
            return False
        if self._failing:
            _log.info("the monitoring history is written again")
        self._failing = False
        return True


@asynccontextmanager
async def recording(
    store: JobStore, settings: Settings, *, label: str = "python"
) -> AsyncIterator[Recorder | None]:
    """Record what ``store`` is asked while the block lasts, as ``settings`` say.

    Gives the recorder, or ``None`` where ``settings.monitoring.enabled`` is false. Nothing that
    happens to the database of operations is felt by the store or raised here.
    """
    if not settings.monitoring.enabled:
        yield None
        return
    recorder = of_settings(settings, label=label)
    recorder.watch(store)
    forget = store.observe(recorder)
    recorder.start()
    try:
        yield recorder
    finally:
        forget()
        await asyncio.to_thread(recorder.stop)


def of_settings(settings: Settings, *, label: str = "python") -> Recorder:
    """Return a recorder as ``settings`` describe it; it is not started."""
    return Recorder(
        settings.operations_db,
        disk_of(settings),
        keep_days=settings.monitoring.keep_days,
        label=label,
    )


def disk_of(settings: Settings) -> Path | None:
    """Return the store's file, whose disk is sampled; ``None`` where it lies in none."""
    address = settings.store.address
    return address.path if in_files(address) else None


def sizes(store: Path | None) -> dict[str, int]:
    """Return the bytes of the WAL of a store's file, and those that are free on its disk.

    What cannot be read is left out.
    """
    found: dict[str, int] = {}
    if store is None:
        return found
    with suppress(OSError):
        # Where the name is a link, the WAL stands beside the file that it leads to.
        file = Path(os.path.realpath(store))
        found["disk_free_bytes"] = shutil.disk_usage(file.parent).free
        wal = Path(f"{file}-wal")
        found["wal_bytes"] = wal.stat().st_size if wal.exists() else 0
    return found
