"""Many clients at once: 200 that search while 50 write, and 10,000 that say nothing."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import jobstore
from benchmarks.databases import Database
from benchmarks.service.asking import Client, Told, get, posting, put
from benchmarks.service.servers import Server, rate
from jobstore import JobPosting, JobStore, SearchQuery

SEARCHING, WRITING = 200, 50
# Seconds of load, and between two requests of a client: nobody reads faster.
LOAD = 10.0
PAUSE = 2.0
SILENT = 10_000


Asking = Callable[[], Awaitable[tuple[int, bytes]]]


async def _under_load(
    searching: Sequence[Asking], writing: Sequence[Asking], seconds: float
) -> tuple[Told, Told]:
    """Let clients ask with pauses; those are no part of what is measured."""
    searches, writes = Told(), Told()
    started = time.perf_counter()
    drawn = random.Random(1)

    async def one(ask: Asking, told: Told, first: float) -> None:
        await asyncio.sleep(first)
        while time.perf_counter() - started < seconds:
            asked_at = time.perf_counter()
            status, head = await ask()
            told.add(time.perf_counter() - asked_at, status, head)
            await asyncio.sleep(PAUSE)

    await asyncio.gather(
        *(one(each, searches, drawn.random() * PAUSE) for each in searching),
        *(one(each, writes, drawn.random() * PAUSE) for each in writing),
    )
    return searches, writes


async def load(served: Server, copy: Database) -> dict[str, Any]:
    """200 clients search and 50 write, over HTTP, and then by the library alone."""
    numbers = iter(range(10**9))
    words = ("engineer", "data", "senior", "manager", "python")

    def over_http(client: Client, request: Callable[[], bytes]) -> Asking:
        async def ask() -> tuple[int, bytes]:
            status, head, _ = await client.ask(request())
            return status, head

        return ask

    def search() -> bytes:
        return get(f"/v1/postings?text={words[next(numbers) % len(words)]}")

    async with AsyncExitStack() as stack:
        connecting = (Client(served.port) for _ in range(SEARCHING + WRITING))
        clients = [await stack.enter_async_context(each) for each in connecting]
        asking = [over_http(each, search) for each in clients[:SEARCHING]]
        writing = [over_http(each, lambda: put(next(numbers))) for each in clients[SEARCHING:]]
        # What is made at first is no growth: SQLite's caches grow to 64 MiB for the writer and 16
        # MiB for each reader.
        await _under_load(asking, writing, LOAD)
        before = served.memory()
        searches, writes = await _under_load(asking, writing, LOAD)
        after = served.memory()
    async with jobstore.connect(copy.url) as store:
        own = [_by_library(store, words, numbers, write=False)] * SEARCHING
        own_writing = [_by_library(store, words, numbers, write=True)] * WRITING
        own_searches, own_writes = await _under_load(own, own_writing, LOAD)
    statuses: dict[int, int] = {}
    for told in (searches, writes):
        for status, count in told.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    figures: dict[str, Any] = {
        f"{what} {share}": told.ms(float(share[1:]) / 100)
        for what, told in (
            ("searches", searches),
            ("writes", writes),
            ("library searches", own_searches),
            ("library writes", own_writes),
        )
        for share in ("p50", "p99")
    }
    figures["statuses"] = statuses
    figures["per_second"] = sum(statuses.values()) / LOAD
    figures["without Retry-After"] = searches.unasked + writes.unasked
    figures["memory MiB"] = [round(each / 1024**2, 1) for each in (before, after)]
    return figures


def _by_library(
    store: JobStore, words: Sequence[str], numbers: Iterator[int], *, write: bool
) -> Asking:
    async def ask() -> tuple[int, bytes]:
        number = next(numbers)
        if write:
            await store.upsert(
                JobPosting(source="load", source_job_id=str(number), **posting(number))
            )
        else:
            await store.search(SearchQuery(text=words[number % len(words)]), limit=20)
        return 200, b""

    return ask


async def silent(served: Server) -> dict[str, Any]:
    """Ask while thousands are connected and say nothing."""
    request = get("/v1/postings?text=engineer")
    before = await rate(served, [request])
    hold = (
        "import resource, socket, sys\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
        f"many = min({SILENT}, hard - 100)\n"
        f"held = [socket.create_connection(('127.0.0.1', {served.port})) for _ in range(many)]\n"
        "print(many, flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", hold),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        many = int(await process.stdout.readline())
        beside = await rate(served, [request])
    finally:
        process.stdin.close()
        await process.wait()
    return {
        "silent": many,
        "per_second": [round(each["per_second"]) for each in (before, beside)],
        "p50_ms": [round(each["p50_ms"], 1) for each in (before, beside)],
    }
