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
from benchmarks import Misuse, generator, report
from benchmarks.gates import SLOWEST, Gate, Results
from benchmarks.measuring import CALLERS, Timings, at_once, quiet
from benchmarks.operations import reading_operations
from benchmarks.peers.schema import fresh_rows, row_of
from benchmarks.peers.schema import text as as_text
from benchmarks.postgres import bulk, limit, ways
from benchmarks.postgres.server import (
    ServerDraws,
    filled,
    kept,
    running,
    settle,
    version,
    working_copy,
)
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

PARTS = ("reads", "upserts", "bulk")
"""What is measured, each by itself if need be."""

Call = Callable[[], Awaitable[Any]]


def run(scale: int, rounds: int, parts: Sequence[str] = PARTS) -> dict[str, Any]:
    """Measure ``parts`` at ``scale`` postings; returns plain numbers."""
    if unknown := set(parts).difference(PARTS):
        raise Misuse(
            f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}"
        )
    with running() as server:
        return asyncio.run(_run(server, scale, rounds, parts))


async def _run(
    server: PostgresServer, scale: int, rounds: int, parts: Sequence[str]
) -> dict[str, Any]:
    results: dict[str, Any] = {"scale": scale, "machine": report.machine(), "schema": version()}
    with psycopg.connect(server.url) as conn:
        results["server"] = conn.info.server_version
    if "reads" in parts:
        results |= await _reading(server, scale, rounds)
    if "upserts" in parts:
        results |= await _upserting(server, scale, rounds)
    if "bulk" in parts:
        say("many at once, beside bare COPY")
        results["bulk"] = await bulk.beside_copy(server, min(scale, _BULK), rounds)
        results["full_text"] = await bulk.full_text(server, rounds)
    return results


async def _store(server: PostgresServer, scale: int) -> str:
    return await kept(server, "store", scale, partial(filled, size=scale))


async def _table(server: PostgresServer, scale: int, name: str) -> str:
    """Return the URL of the table of SQLAlchemy that has this name."""
    # Imported here: it is not among the tools of tests.
    from benchmarks.postgres.alchemy import create

    async def fill(url: str) -> None:
        say(f"filling the table of {name}")
        rows = map(row_of, generator.postings(scale))
        create(url, rows, searchable=name == SEARCHED)
        settle(url)

    return await kept(server, "searched" if name == SEARCHED else "plain", scale, fill)


async def _reading(server: PostgresServer, scale: int, rounds: int) -> dict[str, Any]:
    from benchmarks.postgres.alchemy import Alchemy

    url, table = await _store(server, scale), await _table(server, scale, SEARCHED)
    results: dict[str, Any] = {}
    with psycopg.connect(url) as conn:
        draws = ServerDraws(conn)
        results["ways"] = ways.measured(conn, rounds)
    async with jobstore.connect(url, clock=lambda: generator.NOW) as store:
        results["calls"] = await _reads(url, store, draws, rounds)
        results["pools"] = await _pools(url, store, draws, rounds)
    peer = await Alchemy.open(table)
    results["peers"] = await _peers(peer, draws, rounds)
    await peer.close()
    return results


async def _upserting(server: PostgresServer, scale: int, rounds: int) -> dict[str, Any]:
    from benchmarks.postgres.alchemy import Alchemy

    originals = [await _store(server, scale)]
    originals += [await _table(server, scale, name) for name in (PLAIN, SEARCHED)]
    async with AsyncExitStack() as stack:
        say("copying what is written to")
        copies = [stack.enter_context(working_copy(server, each)) for each in originals]
        store = await stack.enter_async_context(
            jobstore.connect(copies[0], clock=lambda: generator.NOW)
        )
        peers = {}
        for name, table in zip((PLAIN, SEARCHED), copies[1:], strict=True):
            peers[name] = await Alchemy.open(table)
            stack.push_async_callback(peers[name].close)
        upserts = await _upserts(store, peers, rounds)
        return {"upserts": upserts, "processes": await _processes(copies[0])}


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
    for name, each in results.get("calls", {}).items():
        found.append(
            Gate(f"{name} at {size}, p99 ms", each["store"]["p99"], SLOWEST, kind="promise")
        )
        found.append(Gate(f"{name} at {size}, against the same SQL", each["ratio"], READ_RATIO))
    if "upserts" in results:
        for name in (PLAIN, SEARCHED):
            ratio = results["upserts"][name]["ratio"]
            found.append(Gate(f"upserts against {name}", ratio, UPSERT_RATIO, at_least=True))
    if "bulk" in results:
        ratio = results["bulk"]["ratio"]
        found.append(Gate("upsert_many against bare COPY", ratio, BULK_RATIO, at_least=True))
    return found


def show(results: Results) -> None:
    """Print the figures of a run."""
    for part, print_it in (
        ("calls", _show_reads),
        ("upserts", _show_upserts),
        ("bulk", _show_bulk),
    ):
        if part in results:
            print_it(results)


def _show_reads(results: Results) -> None:
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
        "What the ways of a search cost, microseconds",
        ("way", "us"),
        [(name, f"{each:,.2f}") for name, each in results["ways"].items()],
    )


def _show_upserts(results: Results) -> None:
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


def _show_bulk(results: Results) -> None:
    found = results["bulk"]
    report.show_rows(
        "Many at once, new postings a second",
        ("way", "a second"),
        [
            *((name, f"{found[name]:,.0f}") for name in ("upsert_many", "bare COPY")),
            ("ratio", f"{found['ratio']:.2f}"),
        ],
    )
    report.show_rows(
        "What a posting and its full text cost, microseconds",
        ("part", "us"),
        [(name, f"{each:,.0f}") for name, each in results["full_text"].items()],
    )
