"""What the ways to matches cost, which decides when a search takes which (``search/lookup.py``)."""

from __future__ import annotations

from statistics import median
from typing import Any

import psycopg

from benchmarks.running import say
from benchmarks.vocabulary import JOB_WORDS

_WALKED = 1_000
_WORDS = JOB_WORDS[:20]
_WALK = (
    "SELECT count(*) FROM (SELECT words FROM posting ORDER BY listed_at DESC, listed_tie DESC,"
    f" id DESC LIMIT {_WALKED}) AS p WHERE words @@ %s::tsquery"
)
_GATHER = "SELECT max(version) FROM posting WHERE words @@ %s::tsquery"
_SETTINGS = "SET jit = off; SET work_mem = '256MB'; SET max_parallel_workers_per_gather = 0"


def measured(conn: psycopg.Connection[Any], rounds: int) -> dict[str, float]:
    """Return microseconds of the server for a posting, an entry or a match."""
    say("ways to matches")
    conn.execute(_SETTINGS)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for word in _WORDS:
            plan = _plan(conn, _WALK, word)
            _add(times, "walking past a posting", plan["Actual Total Time"], _WALKED)
            conn.execute("SET enable_seqscan = off")
            found = _plan(conn, _GATHER, word)["Plans"][0]
            conn.execute("SET enable_seqscan = on")
            entries = found["Plans"][0]
            number, time = found["Actual Rows"], entries["Actual Total Time"]
            _add(times, "reading an entry of the index of words", time, number)
            _add(times, "reading a match's row", found["Actual Total Time"] - time, number)
    conn.rollback()
    return {name: round(median(each), 3) for name, each in times.items()}


def _add(times: dict[str, list[float]], name: str, milliseconds: float, number: float) -> None:
    if number:
        times.setdefault(name, []).append(1000 * milliseconds / number)


def _plan(conn: psycopg.Connection[Any], query: str, word: str) -> dict[str, Any]:
    row = conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", (word,)).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found
