"""Real postings, so that nothing is tuned to the generator: the same reads on files of others.

The files are imported into a store in the cache folder; they are no part of the repository.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import bare, report
from benchmarks.databases import Database, scratch
from benchmarks.processes import run_child
from benchmarks.reading import measure_alone, subject
from benchmarks.space import measure_space
from jobstore.settings import sqlite_url


async def run(files: list[Path]) -> int:
    """Import ``files`` into an empty store, measure reads and space, and print them."""
    with scratch() as place:
        path = place / "jobs.db"
        names = [file.absolute() for file in files]
        imported = run_child("command", "import", *names, "--store", sqlite_url(path), "--quiet")
        with closing(bare.connect(path)) as conn:
            size, latest = conn.execute("SELECT count(*), max(posted_at) FROM posting").fetchone()
        database = Database(path, size, imported["seconds"], imported["memory"])
        # The store's clock stands a day after the newest posting, as it did for whoever got them.
        now = datetime.fromtimestamp((latest or 0) // 1_000_000, UTC) + timedelta(days=1)
        async with subject(database, now) as opened:
            measured = (await measure_alone([opened]))[size]
        space = measure_space(database)
    # Of too few postings, no query has fifty pages.
    reads = {name: each.summary() for name, each in measured.items() if each.gateway.rounds}
    _show(database, reads, space)
    return 0


def _show(database: Database, reads: dict[str, Any], space: dict[str, Any]) -> None:
    rows = [
        (
            name,
            *(f"{found['alone'][key]:.3f}" for key in ("p50", "p95", "p99", "max")),
            f"{found['sqlite']['p50']:.3f}",
            f"{found['ratio']:.2f}",
        )
        for name, found in reads.items()
    ]
    rate = database.size / database.seconds
    title = (
        f"{database.size:,} real postings, imported in {database.seconds:.1f} s ({rate:,.0f} a "
        f"second, {database.memory >> 20} MiB); {space['bytes_per_posting']:,.0f} bytes each, "
        f"{space['ratio']} x the description"
    )
    report.show_rows(title, ("", "p50 ms", "p95", "p99", "max", "same SQL", "ratio"), rows)
    parts = [(part, f"{octets:,.0f}") for part, octets in space["parts"].items()]
    report.show_rows("Bytes per posting", ("part", "bytes"), parts)
