"""Measures the PostgreSQL engine: beside the same SQL, beside SQLAlchemy, beside bare COPY.

``make bench-postgres``. Everything that is compared is interleaved, round by round, and what fails
a run is a ratio of one run, never a time of another machine; only the promise is a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

import jobstore
from benchmarks import generator, report
from benchmarks.gates import SLOWEST, Gate, Results
from benchmarks.measuring import CALLERS, Timings, at_once, quiet
from benchmarks.operations import reading_operations
from benchmarks.peers.schema import fresh_rows, row_of
from benchmarks.peers.schema import text as as_text
from benchmarks.postgres import bulk, limit
from benchmarks.postgres.server import ServerDraws, filled, migrated, running, settle, version
from benchmarks.running import say
from benchmarks.upserting import elsewhere
from jobstore.records import JobPosting
from jobstore.store import JobStore
from tests.fixtures.postgres import PostgresServer

if TYPE_CHECKING:
    from benchmarks.postgres.alchemy import Alchemy

READ_RATIO = 1.5
UPSERT_RATIO = 5.0
BULK_RATIO = 0.6
PROCESSES = (1, 2, 4)
PLAIN, SEARCHED = "SQLAlchemy Core", "SQLAlchemy Core with full text"

_CALLS, _LEAST, _SECONDS = 40, 10, 1.0
"""A round of one read ends after so many calls, or after so many seconds and the least of calls."""
_UPSERTS = 1_024
_BULK = 20_000
_CALLERS = 25
"""Coroutines of each of the processes that upsert at once."""

Call = Callable[[], Awaitable[Any]]


def run(scale: int, rounds: int) -> dict[str, Any]:
    """Measure at ``scale`` postings; returns plain numbers."""
    with running() as server:
        return asyncio.run(_run(server, scale, rounds))


async def _run(server: PostgresServer, scale: int, rounds: int) -> dict[str, Any]:
    # Imported here: it is not among the tools of tests.
    from benchmarks.postgres.alchemy import Alchemy, create

    results: dict[str, Any] = {"scale": scale, "machine": report.machine(), "schema": version()}
    with psycopg.connect(server.url) as conn:
        results["server"] = conn.info.server_version
    url, tables = await migrated(server), {}
    started = time.perf_counter()
    await filled(url, scale)
    results["filled_per_second"] = round(scale / (time.perf_counter() - started), 1)
    for name, searchable in ((PLAIN, False), (SEARCHED, True)):
        say(f"filling the table of {name}")
        tables[name] = server.create()
        create(tables[name], map(row_of, generator.postings(scale)), searchable=searchable)
        settle(tables[name])
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(jobstore.connect(url, clock=lambda: generator.NOW))
        peers = {}
        for name, table in tables.items():
            peers[name] = await Alchemy.open(table)
            stack.push_async_callback(peers[name].close)
        with psycopg.connect(url) as conn:
            draws = ServerDraws(conn)
        results["calls"] = await _reads(url, store, draws, rounds)
        results["pools"] = await _pools(url, store, draws, rounds)
        results["peers"] = await _peers(peers[SEARCHED], draws, rounds)
        results["upserts"] = await _upserts(store, peers, rounds)
    results["processes"] = await _processes(url)
    say("many at once, beside bare COPY")
    results["bulk"] = await bulk.beside_copy(server, min(scale, _BULK), rounds)
    results["full_text"] = await bulk.full_text(server, rounds)
    return results


async def _reads(
    url: str, store: JobStore, draws: ServerDraws, rounds: int
) -> dict[str, dict[str, Any]]:
    """Measure every read beside its own statements on a bare connection."""
    conn = await limit.bare(url)
    found = {}
    try:
        for operation in await reading_operations(draws, store):
            if not operation.calls:
                continue
            say(operation.name)
            calls = [partial(call, store) for call in operation.calls[: _CALLS * rounds]]
            own, same = Timings(), Timings()
            statements = [await limit.statements_of(call) for call in calls]
            for number in range(rounds):
                start = number * _CALLS % len(calls)
                pairs = islice(cycle(zip(calls, statements, strict=True)), start, start + _CALLS)
                await _round(conn, list(pairs), own, same)
            ratio = median(own.all) / median(same.all)
            found[operation.name] = {
                "store": own.summary(),
                "psycopg": same.summary(),
                "ratio": round(ratio, 3),
            }
    finally:
        await conn.close()
    return found


async def _pools(url: str, store: JobStore, draws: ServerDraws, rounds: int) -> dict[str, float]:
    """Measure a look-up by where its connection comes from."""
    say("connections")
    statements = [
        await limit.statements_of(partial(store.get, row.id)) for row in draws.rows[:_CALLS]
    ]
    return await limit.pools(url, [each[-1] for each in statements], rounds)


async def _round(
    conn: Any, pairs: Sequence[tuple[Call, list[limit.Statement]]], own: Timings, same: Timings
) -> None:
    clock = time.perf_counter
    ours: list[float] = []
    theirs: list[float] = []
    with quiet():
        until = clock() + _SECONDS
        for number, (call, statements) in enumerate(pairs):
            if number >= _LEAST and clock() > until:
                break
            ways = [(call, ours), (partial(limit.replay, conn, statements), theirs)]
            for way, durations in ways[:: -1 if number % 2 else 1]:
                started = clock()
                await way()
                durations.append(clock() - started)
    own.rounds.append(ours)
    same.rounds.append(theirs)


async def _peers(peer: Alchemy, draws: ServerDraws, rounds: int) -> dict[str, Any]:
    """Measure the same kinds of reads of SQLAlchemy, with words in a full-text index."""
    say(SEARCHED)
    rows = draws.rows[: _CALLS * rounds]
    asked: dict[str, list[dict[str, Any]]] = {
        "get": [{"id": 1 + number} for number in range(len(rows))],
        "find": [{"source": each.source, "source_job_id": each.source_job_id} for each in rows],
        "recent": [{"since": as_text(generator.NOW.replace(day=1))} for _ in rows],
        "words": [{"text": " ".join(each.title.split()[:2])} for each in rows],
        "complex": [
            {
                "text": each.title.split()[0],
                "status": each.status,
                "workplace": each.workplace or "remote",
                "salary": (each.yearly_max or 0) * 0.9,
            }
            for each in rows
        ],
    }
    found = {}
    for name, values in asked.items():
        timings = Timings()
        durations: list[float] = []
        with quiet():
            for bound in values:
                started = time.perf_counter()
                await peer.read(name, bound)
                durations.append(time.perf_counter() - started)
        timings.rounds.append(durations)
        found[name] = timings.summary()
    return found


async def _upserts(store: JobStore, peers: dict[str, Alchemy], rounds: int) -> dict[str, Any]:
    """Measure 100 coroutines that each await one upsert after another, new and again."""
    say(f"{CALLERS} coroutines that upsert")
    timings = {
        (name, kind): Timings() for name in ("store", *peers) for kind in ("new", "unchanged")
    }
    for number in range(rounds):
        first = 70_000_000 + number * _UPSERTS
        postings = [JobPosting(**each) for each in generator.fresh(_UPSERTS, first=first)]
        rows = fresh_rows(_UPSERTS, first)
        calls: dict[str, list[Call]] = {
            "store": [partial(store.upsert, each) for each in postings],
            **{name: [partial(peer.upsert, row) for row in rows] for name, peer in peers.items()},
        }
        order = list(calls)
        for name in order[number % len(order) :] + order[: number % len(order)]:
            for kind in ("new", "unchanged"):
                with quiet():
                    await at_once(calls[name], timings[name, kind])
    found: dict[str, Any] = {}
    for (name, kind), each in timings.items():
        found.setdefault(name, {})[kind] = each.summary()
    for name in peers:
        found[name]["ratio"] = round(
            found["store"]["new"]["per_second"] / found[name]["new"]["per_second"], 3
        )
    return found


async def _processes(url: str) -> dict[str, dict[str, float]]:
    """Measure how writes of several processes add up, and how busy the machine is then."""
    found = {}
    for number in PROCESSES:
        say(f"{number} processes that upsert")
        async with AsyncExitStack() as stack:
            writers = [
                await stack.enter_async_context(
                    elsewhere(url, 80_000_000 + (10 * number + each) * 100_000, _CALLERS)
                )
                for each in range(number)
            ]
            await asyncio.gather(*(each.prepare() for each in writers))
            await asyncio.gather(*(each.start() for each in writers))
            psutil.cpu_percent()
            await asyncio.sleep(2 * _SECONDS)
            busy = psutil.cpu_percent()
            rates = await asyncio.gather(*(each.stop() for each in writers))
        found[str(number)] = {"per_second": round(sum(rates), 1), "busy": busy}
    return found


def gates(results: Results) -> list[Gate]:
    """Return what the engine is held to."""
    size = f"{results['scale']:,}"
    found = []
    for name, each in results["calls"].items():
        found.append(
            Gate(f"{name} at {size}, p99 ms", each["store"]["p99"], SLOWEST, kind="promise")
        )
        found.append(Gate(f"{name} at {size}, against the same SQL", each["ratio"], READ_RATIO))
    for name in (PLAIN, SEARCHED):
        ratio = results["upserts"][name]["ratio"]
        found.append(Gate(f"upserts against {name}", ratio, UPSERT_RATIO, at_least=True))
    ratio = results["bulk"]["ratio"]
    found.append(Gate("upsert_many against bare COPY", ratio, BULK_RATIO, at_least=True))
    return found


def show(results: Results) -> None:
    """Print the figures of a run."""
    report.show_rows(
        f"Reads of {results['scale']:,} postings, milliseconds; the limit is the same SQL on bare"
        " psycopg",
        ("operation", "p50", "p99", "psycopg p50", "p99", "ratio"),
        [
            (
                name,
                *(f"{each[way][at]:.3f}" for way in ("store", "psycopg") for at in ("p50", "p99")),
                f"{each['ratio']:.2f}",
            )
            for name, each in results["calls"].items()
        ],
    )
    report.show_rows(
        "One posting by its id, microseconds",
        ("a connection of", "p50"),
        [(name, f"{each:,.0f}") for name, each in results["pools"].items()],
    )
    report.show_rows(
        f"{SEARCHED}, milliseconds",
        ("operation", "p50", "p99"),
        [(name, f"{e['p50']:.3f}", f"{e['p99']:.3f}") for name, e in results["peers"].items()],
    )
    report.show_rows(
        f"{CALLERS} coroutines that upsert, a second",
        ("way", "new", "unchanged", "store is"),
        [
            (
                name,
                *(f"{each[kind]['per_second']:,.0f}" for kind in ("new", "unchanged")),
                f"{each.get('ratio', 1):.2f}x",
            )
            for name, each in results["upserts"].items()
        ],
    )
    report.show_rows(
        f"Processes of {_CALLERS} coroutines that upsert",
        ("processes", "a second", "processors busy"),
        [
            (number, f"{each['per_second']:,.0f}", f"{each['busy']:.0f}%")
            for number, each in results["processes"].items()
        ],
    )
    found = results["bulk"]
    report.show_rows(
        "Many at once, new postings a second",
        ("way", "a second"),
        [
            *((name, f"{found[name]:,.0f}") for name in ("upsert_many", "bare COPY")),
            ("ratio", f"{found['ratio']:.2f}"),
            (f"filling with {results['scale']:,}", f"{results['filled_per_second']:,.0f}"),
        ],
    )
    report.show_rows(
        "What full text costs, microseconds a posting",
        ("part", "us"),
        [(name, f"{each:,.0f}") for name, each in results["full_text"].items()],
    )
