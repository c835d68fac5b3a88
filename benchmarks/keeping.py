"""What it costs to keep the log: the same writes without it, with it, and waiting for it.

Four stores take turns, a round of 100 coroutines each: one that writes as before there was a log
(SQLite writes the log back by itself, nothing is stamped), one whose log is not kept, one whose log
is kept each second, and one whose writes wait until they are shipped, here to nowhere. What counts
is processor time, of the whole process: the thread that keeps the log is in it.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from statistics import median
from typing import Any

import jobstore
from benchmarks import generator, report
from benchmarks.databases import Database, database, scratch
from benchmarks.measuring import Timings, at_once, quiet
from benchmarks.running import say
from jobstore.engines import log_of
from jobstore.records import JobPosting
from jobstore.settings import parse_store_url, sqlite_url
from jobstore.store import JobStore

PER_ROUND = 512
ARMS = ("as before", "not kept", "kept", "waiting")
# The part of the processor's time that a log which is not kept may add.
MOST = 0.02


def run(scale: int, rounds: int) -> int:
    """Measure, and print a table; 1 where a log that is not kept costs more than it may."""
    found = asyncio.run(_measure(database(scale), rounds))
    ratios = {
        arm: median(
            one / two for one, two in zip(found[arm][0], found["as before"][0], strict=True)
        )
        for arm in ARMS
    }
    rows = [
        (
            arm,
            f"{1e6 * median(found[arm][0]) / PER_ROUND:,.0f} us",
            f"{ratios[arm]:.3f}",
            f"{median(found[arm][1]):,.0f}",
        )
        for arm in ARMS
    ]
    columns = ("the log is", "processor a write", "ratio", "writes a second")
    report.show_rows("What keeping the log costs", columns, rows)
    return int(ratios["not kept"] > 1 + MOST)


async def _measure(original: Database, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Return by arm the processor seconds and the rate of each round."""
    found: dict[str, tuple[list[float], list[float]]] = {arm: ([], []) for arm in ARMS}
    next_number = original.size
    with scratch() as folder:
        async with AsyncExitStack() as stack:
            stores: dict[str, JobStore] = {}
            for arm in ARMS:
                path = folder / f"{arm.replace(' ', '-')}.db"
                shutil.copyfile(original.path, path)
                store = await stack.enter_async_context(jobstore.connect(sqlite_url(path)))
                if arm == "as before":
                    await _as_before(store)
                elif arm != "not kept":
                    url = parse_store_url(sqlite_url(path))
                    log_of(url).start(url, limit=1 << 40, wait=arm == "waiting")
                stores[arm] = store
            for number in range(rounds + 1):
                say(f"round {number} of {rounds}")
                for arm, store in stores.items():
                    made = list(generator.fresh(PER_ROUND, first=next_number))
                    next_number += PER_ROUND
                    calls = [partial(store.upsert, JobPosting(**each)) for each in made]
                    with _keeping(store, arm), quiet():
                        spent, started = time.process_time(), time.perf_counter()
                        await at_once(calls, Timings())
                        spent, passed = (
                            time.process_time() - spent,
                            time.perf_counter() - started,
                        )
                    # The first one warms up.
                    if number:
                        found[arm][0].append(spent)
                        found[arm][1].append(PER_ROUND / passed)
    return found


class _Nothing:
    """Does nothing, whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def _as_before(store: JobStore) -> None:
    writer = store._engine.writer
    writer._transactions._pace = writer._transactions._stamps = _Nothing()
    await writer._session.run(
        lambda conn: conn.execute("PRAGMA wal_autocheckpoint = 8000").fetchall()
    )


@contextmanager
def _keeping(store: JobStore, arm: str) -> Iterator[None]:
    if arm in ("as before", "not kept"):
        yield
        return
    url = parse_store_url(str(store._engine.url))
    log, over = log_of(url), threading.Event()

    def keep() -> None:
        while not over.wait(0.001 if arm == "waiting" else 1.0):
            mark = log.capture(url)
            log.shipped(url, mark)
            log.release(url, mark._replace(segment=mark.segment - 1))

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
