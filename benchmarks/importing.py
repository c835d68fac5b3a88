"""Measures whole runs: opening a store, importing a file, streaming everything, and memory."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, cast

import jobstore
from benchmarks import bare, generator
from benchmarks.databases import Database, postings_file, scratch
from benchmarks.processes import run_child
from jobstore import migrating
from jobstore.engines.sqlite.writing import changes
from jobstore.intake.validation import check_posting
from jobstore.settings import sqlite_url

ROWS = 100_000
_BATCH = 512
_OPENINGS = 20


async def measure_opening(database: Database) -> dict[str, float]:
    """Return the milliseconds that opening and closing take."""
    opening, closing_ = [], []
    for _ in range(_OPENINGS):
        started = time.perf_counter()
        store = await jobstore.connect(database.url)
        opened = time.perf_counter()
        await store.close()
        opening.append(opened - started)
        closing_.append(time.perf_counter() - opened)
    return {"open": round(1000 * median(opening), 3), "close": round(1000 * median(closing_), 3)}


def measure_import(rows: int, rounds: int = 2) -> dict[str, Any]:
    """Import a file of ``rows`` postings with the command line, beside sqlite3's executemany.

    The limit reads the same file with json.loads and writes rows that are ready: what is
    written was recorded before, and the recording is not timed. Rounds are interleaved.
    """
    file = postings_file(rows)
    ours: list[float] = []
    limits: list[float] = []
    memory = 0
    for _ in range(rounds):
        with scratch() as place:
            url = sqlite_url(place / "jobs.db")
            run = run_child("command", "import", file, "--store", url, "--quiet")
            ours.append(run["seconds"])
            memory = max(memory, run["memory"])
        with scratch() as place:
            limits.append(_limit(file, place / "jobs.db", place / "recording.db"))
    ratios = [limit / own for own, limit in zip(ours, limits, strict=True)]
    return {
        "rows": rows,
        "seconds": round(median(ours), 2),
        "per_second": round(rows / median(ours), 1),
        "sqlite3_per_second": round(rows / median(limits), 1),
        "ratio": round(median(ratios), 3),
        "memory": memory,
    }


def _limit(file: Path, path: Path, recording: Path) -> float:
    """Return the seconds that sqlite3 takes for a file: json.loads, then executemany."""
    for each in (path, recording):
        migrating.up(sqlite_url(each))
    seconds = 0.0
    with (
        file.open(encoding="utf-8") as lines,
        closing(bare.connect(path, write=True)) as conn,
        closing(bare.connect(recording, write=True)) as other,
    ):
        # It is only there to say what has to be written.
        other.execute("PRAGMA synchronous = OFF")
        while True:
            started = time.perf_counter()
            postings = [json.loads(line) for line in islice(lines, _BATCH)]
            seconds += time.perf_counter() - started
            if not postings:
                return seconds
            rows = _rows(other, postings)
            started = time.perf_counter()
            conn.execute("BEGIN IMMEDIATE")
            for sql, bound in rows.items():
                conn.executemany(sql, bound)
            conn.execute("COMMIT")
            seconds += time.perf_counter() - started


def _rows(conn: sqlite3.Connection, postings: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return what storing ``postings`` writes, gathered by statement; reads are left out."""
    recorder = bare.Recorder(conn)
    conn.execute("BEGIN IMMEDIATE")
    writes = changes.PostingWrites(cast(sqlite3.Connection, recorder), generator.NOW)
    for posting in postings:
        writes.upsert(check_posting(posting))
    writes.finish()
    conn.execute("COMMIT")
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for sql, bound, many in recorder.take():
        if not sql.startswith(("SELECT", "WITH")):
            rows[sql] += bound if many else [bound]
    return rows


def measure_memory(database: Database) -> dict[str, Any]:
    """Stream a database in a new process; with what its making took, in bytes."""
    streamed = run_child("stream", database.path)
    return {
        "rows": database.size,
        "stream_memory": streamed["memory"],
        "stream_per_second": round(streamed["rows"] / streamed["seconds"], 1),
        "build_memory": database.memory,
        "build_per_second": round(database.size / database.seconds, 1),
    }
