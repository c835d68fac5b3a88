"""Runs the store and every other way through the same operations, and prints the table."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol

import jobstore
from benchmarks import bare, generator, report
from benchmarks.databases import Database, database, scratch, working_copy
from benchmarks.draws import Draws
from benchmarks.markdown import OPERATIONS
from benchmarks.measuring import Timings, at_once, quiet
from benchmarks.peers import schema
from jobstore.records import SearchQuery
from jobstore.store import JobStore

_CALLS, _SECONDS = 100, 3.0
_WRITES = 1000
BULK = 20_000

Call = Callable[[], Awaitable[Any]]
Questions = dict[str, list[dict[str, Any]]]
"""What every way is asked, by operation: the arguments of each call."""


class Peer(Protocol):
    """One way to keep postings; it has a method for each of OPERATIONS as well."""

    name: str

    async def open(self, path: Path) -> None:
        """Open the database at ``path``."""

    async def close(self) -> None:
        """Close the database."""

    async def upsert(self, row: dict[str, Any]) -> None:
        """Store one posting durably."""


def run(scale: int) -> int:
    """Measure, print and write ``results/peers.json``; returns the exit code."""
    try:
        from benchmarks.peers import bulk, plain, sqlalchemy_
    except ImportError as error:
        print(f"{error}; install the extra: pip install -e '.[bench]'")
        return 1
    peers: list[Peer] = [
        sqlalchemy_.Orm(),
        sqlalchemy_.Core(),
        sqlalchemy_.SearchableCore(),
        plain.Databases(),
        plain.Aiosql(),
        plain.Aiosqlite(),
    ]
    results = asyncio.run(_measure(scale, peers))
    results["bulk"] = bulk.measure(BULK)
    report.write(results, "peers")
    _show(results)
    ways = results["ways"]
    ratio = ways["jobstore"]["upsert"] / ways["SQLAlchemy Core"]["upsert"]
    like = ways["jobstore"]["upsert"] / ways["Core with full text"]["upsert"]
    print(f"awaited durable upserts against SQLAlchemy Core: {ratio:.1f}x (to be >= 10x)")
    print(f"... where Core keeps a full-text index too: {like:.1f}x")
    return 0


async def _measure(scale: int, peers: list[Peer]) -> dict[str, Any]:
    base = database(scale)
    path = schema.table(scale)
    with closing(bare.connect(base.path)) as conn, closing(sqlite3.connect(path)) as table:
        draws = Draws(conn)
        questions = _questions(draws, table)
    ways: dict[str, dict[str, Any]] = {}
    with working_copy(base) as copy:
        ways["jobstore"] = await _measure_store(copy, draws)
    for peer in peers:
        with scratch() as place:
            copied = place / "jobs.db"
            shutil.copyfile(path, copied)
            ways[peer.name] = await _measure_peer(peer, copied, scale, questions)
    return {"scale": scale, "machine": report.machine(), "ways": ways}


def _questions(draws: Draws, table: sqlite3.Connection) -> Questions:
    """Return what the store is asked, in terms of the other ways' table."""
    key = "SELECT id FROM jobs WHERE source = ? AND source_job_id = ?"
    ids = [table.execute(key, (row.source, row.source_job_id)).fetchone()[0] for row in draws.rows]
    words = [query.text.replace("title:", "").split() for query in draws.title() if query.text]
    return {
        "get": [{"id": id} for id in ids],
        "find": [{"source": row.source, "source_job_id": row.source_job_id} for row in draws.rows],
        "count": [{}],
        "title": [{"one": f"%{each[0]}%", "two": f"%{each[-1]}%"} for each in words],
        "company": [{"company": row.company} for row in draws.rows],
        "recent": [{"since": schema.text(_days_ago(days))} for days in range(1, 31)],
        "statistics": [{}],
        "complex": [
            {
                "word": f"%{each[0]}%",
                "location": row.location,
                "workplace": row.workplace or "remote",
                "salary": 30_000.0,
                "status": row.status,
            }
            for each, row in zip(words, draws.rows, strict=True)
        ],
    }


def _days_ago(days: int) -> Any:
    return generator.NOW - timedelta(days=days)


async def _measure_store(copy: Database, draws: Draws) -> dict[str, Any]:
    async with jobstore.connect(copy.url, clock=lambda: generator.NOW) as store:
        found = await _time({name: _calls(store, name, draws) for name in OPERATIONS})
        new = list(generator.fresh(_WRITES, first=copy.size))
        for name in ("upsert", "unchanged"):
            found[name] = await _rate([partial(store.upsert, posting) for posting in new])
        return found


def _calls(store: JobStore, name: str, draws: Draws) -> list[Call]:
    """Return calls on the store that ask what the other ways are asked."""
    rows = draws.rows
    searches: dict[str, list[SearchQuery]] = {
        "title": draws.title(),
        "company": [SearchQuery(company=row.company) for row in rows],
        "complex": [
            SearchQuery(
                text=row.title.split()[0],
                location=row.location,
                workplace=row.workplace or "remote",
                salary_min=30_000,
                status=row.status,
            )
            for row in rows
        ],
    }
    if name in searches:
        return [partial(store.search, query, snippets=False) for query in searches[name]]
    others: dict[str, list[Call]] = {
        "get": [partial(store.get, row.id) for row in rows],
        "find": [partial(store.find, row.source, row.source_job_id) for row in rows],
        "count": [store.count],
        "recent": [partial(store.recent, days) for days in range(1, 31)],
        "statistics": [store.statistics],
    }
    return others[name]


async def _measure_peer(peer: Peer, path: Path, size: int, questions: Questions) -> dict[str, Any]:
    await peer.open(path)
    try:
        calls: dict[str, list[Call]] = {
            name: [partial(getattr(peer, name), **values) for values in questions[name]]
            for name in OPERATIONS
        }
        found = await _time(calls)
        new = schema.fresh_rows(_WRITES, size)
        for name in ("upsert", "unchanged"):
            found[name] = await _rate([partial(peer.upsert, row) for row in new])
        return found
    finally:
        await peer.close()


async def _time(calls: dict[str, list[Call]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in calls.items():
        await each[0]()
        durations: list[float] = []
        until = time.perf_counter() + _SECONDS
        with quiet():
            for call in islice(cycle(each), _CALLS):
                started = time.perf_counter()
                await call()
                durations.append(time.perf_counter() - started)
                if time.perf_counter() > until:
                    break
        found[name] = Timings([durations]).summary()
    gets = Timings()
    with quiet():
        await at_once(calls["get"] * 10, gets)
    found["100 gets"] = gets.summary()["per_second"]
    return found


async def _rate(calls: list[Call]) -> float:
    timings = Timings()
    with quiet():
        await at_once(calls, timings)
    return timings.summary()["per_second"]


def _show(results: dict[str, Any]) -> None:
    ways = results["ways"]
    rows = [
        (f"{name}, p50 ms", *(f"{way[name]['p50']:.3f}" for way in ways.values()))
        for name in OPERATIONS
    ]
    rows += [
        (f"{label}/s", *(f"{way[key]:,.0f}" for way in ways.values()))
        for label, key in (
            ("100 gets at once", "100 gets"),
            ("100 upserting, new", "upsert"),
            ("100 upserting, unchanged", "unchanged"),
        )
    ]
    report.show_rows(f"{results['scale']:,} postings", ("", *ways), rows)
    bulk = [(name, f"{rate:,.0f}") for name, rate in results["bulk"].items()]
    report.show_rows(f"Bulk, {BULK:,} postings into an empty database", ("", "a second"), bulk)
