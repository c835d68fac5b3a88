"""Many postings at once: the store beside bare COPY, and what full text costs by itself.

Bare COPY has the same merge, the same rows, the same tables and indexes: postings go through
:mod:`jobstore.derived.plan`, and what comes of them is copied, 512 in a transaction. It checks no
posting, asks for nothing that is stored, and answers nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from statistics import median
from typing import Any

import psycopg

import jobstore
from benchmarks import generator
from benchmarks.measuring import quiet
from benchmarks.postgres.server import migrated
from jobstore.derived.plan import Plan
from jobstore.derived.record import Derived
from jobstore.engines.postgres.search.vectors import indexed
from jobstore.engines.postgres.writing.batch import Batch, Found, Stored, gathered
from jobstore.engines.postgres.writing.changes import prepared
from jobstore.intake.validation import check_posting
from jobstore.records import JobPosting
from tests.fixtures.postgres import PostgresServer

_BATCH = 512
_TEXTS = 2_000
"""Postings of which full text is measured."""


async def beside_copy(server: PostgresServer, count: int, rounds: int) -> dict[str, float]:
    """Return postings a second into an empty store, and of the limit."""
    postings = [*map(check_posting, generator.fresh(count, first=50_000_000))]
    found: dict[str, list[float]] = {"upsert_many": [], "bare COPY": []}
    for number in range(rounds):
        ways = [("upsert_many", _store), ("bare COPY", _copy)]
        for name, way in ways[:: -1 if number % 2 else 1]:
            url = await migrated(server)
            with quiet():
                started = time.perf_counter()
                await way(url, postings)
                found[name].append(count / (time.perf_counter() - started))
            server.drop(url)
    rates = {name: median(each) for name, each in found.items()}
    return {**rates, "ratio": rates["upsert_many"] / rates["bare COPY"]}


async def _store(url: str, postings: Sequence[JobPosting]) -> None:
    async with jobstore.connect(url, clock=lambda: generator.NOW) as store:
        report = await store.upsert_many(postings)
    assert report.inserted == len(postings), report


async def _copy(url: str, postings: Sequence[JobPosting]) -> None:
    await asyncio.to_thread(_copy_all, url, postings)


def _copy_all(url: str, postings: Sequence[JobPosting]) -> None:
    with psycopg.connect(url) as conn:
        waiting = iter(postings)
        while some := list(islice(waiting, _BATCH)):
            batch = _merged(some)
            _copy_rows(conn, "posting", batch.inserted)
            _copy_rows(conn, "counter_delta", batch.counts)
            conn.commit()


def _merged(postings: Iterable[JobPosting], size: int = _BATCH) -> Batch:
    changes = _planned(postings).changes
    return next(gathered(changes, Stored([]), Found(), generator.NOW, size=size))


def _planned(postings: Iterable[JobPosting]) -> Plan:
    plan = Plan(lambda _: None, generator.NOW)
    for posting in postings:
        plan.upsert(posting)
    return plan


def _copy_rows(conn: psycopg.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    with conn.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


async def full_text(server: PostgresServer, rounds: int) -> dict[str, float]:
    """Return what a posting takes, and its full text, in microseconds, part by part."""
    url = await migrated(server)
    try:
        return await asyncio.to_thread(_full_text, url, rounds)
    finally:
        server.drop(url)


def _full_text(url: str, rounds: int) -> dict[str, float]:
    fresh = [*generator.fresh(_TEXTS, first=60_000_000)]
    made = [*map(check_posting, fresh)]
    plan = _planned(made)
    derived = [Derived(change.after.job) for change in plan.changes if change.after is not None]
    batch = next(gathered(plan.changes, Stored([]), Found(), generator.NOW, size=_TEXTS))
    without = [{**row, "words": ""} for row in batch.inserted]
    said = [f"{job.title} {job.company} {job.description_text}" for job in (d.job for d in derived)]
    times: dict[str, list[float]] = {}

    def timed(name: str, work: Any) -> None:
        with quiet():
            started = time.perf_counter()
            work()
            times.setdefault(name, []).append((time.perf_counter() - started) / len(made) * 1e6)

    with psycopg.connect(url) as conn:
        for _ in range(rounds):
            timed("checked", lambda: [*map(check_posting, fresh)])
            timed("merged", lambda: _planned(made))
            timed("merged and made a row, words included", lambda: _merged(made, _TEXTS))
            timed("sent as JSON", lambda: prepared(batch))
            timed("words made here, in Python", lambda: [indexed(each) for each in derived])
            timed(
                "words made by the server (to_tsvector)",
                lambda: conn.execute(
                    "SELECT sum(length(to_tsvector('simple', t))) FROM unnest(%s::text[]) AS s (t)",
                    (said,),
                ).fetchone(),
            )
            for name, rows, index in (
                ("row without words", without, False),
                ("row with words", batch.inserted, False),
                ("row with words and index", batch.inserted, True),
            ):
                if not index:
                    conn.execute("DROP INDEX posting_words")
                timed(name, lambda rows=rows: _copy_rows(conn, "posting", rows))
                conn.rollback()
    return {name: round(median(each), 1) for name, each in times.items()}
