"""Carrying real postings from SQLite to PostgreSQL and back: the same digests, and the rates.

The files are imported into a store in the cache folder; they are no part of the repository. The
server is one of our own, whose disk is flushed as a server's is.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from benchmarks import report
from benchmarks.databases import scratch
from benchmarks.processes import run_child
from jobstore.operations.copying import Copied, copy
from jobstore.settings import sqlite_url
from tests.fixtures.postgres import PostgresServer, start

_SETTINGS = {"listen_addresses": "", "shared_buffers": "512MB", "max_wal_size": "4GB"}


def run(files: list[Path]) -> int:
    """Import ``files`` into a store, copy it there and back, and print what was measured.

    Returns 1 where a copy differs.
    """
    with scratch() as place, ExitStack() as stack:
        url, stop = start(_SETTINGS)
        stack.callback(stop)
        source, back = (sqlite_url(place / name) for name in ("jobs.db", "back.db"))
        names = [file.absolute() for file in files]
        run_child("command", "import", *names, "--store", source, "--quiet")
        target = PostgresServer(url).create()
        passes = {
            "SQLite to PostgreSQL": copy(source, target),
            "again, nothing changed": copy(source, target),
            "again, --final": copy(source, target, final=True),
            "PostgreSQL to SQLite": copy(target, back),
            "again, nothing changed ": copy(target, back),
            "again, --final ": copy(target, back, final=True),
            "SQLite to SQLite": copy(back, sqlite_url(place / "third.db")),
        }
    rows = [(name, *_row(done)) for name, done in passes.items()]
    first, *others = (done.tables for done in passes.values())
    same = all(each == first for each in others)
    title = f"{rows[0][1]} real postings; all copies have the same digests: {same}"
    heads = ("", "postings", "carried", "s", "carried a second", "writers waited, s")
    report.show_rows(title, heads, rows)
    return 0 if same else 1


def _row(done: Copied) -> tuple[str, ...]:
    waited = "" if done.writers_waited is None else f"{done.writers_waited:.2f}"
    rate = f"{done.carried / done.seconds:,.0f}" if done.carried else ""
    return f"{done.postings:,}", f"{done.carried:,}", f"{done.seconds:.1f}", rate, waited
