"""What a PostgreSQL store takes as it grows: bytes of each table and index, memory, backup times.

``python -m benchmarks.growth --scales 10000 100000``. It prints the figures of each number of
postings (``benchmarks/generator.py``), those of the smallest one in partitions as well and how much
longer reads take there, and what follows from the largest one for 100,000,000, which is reckoned.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

import jobstore
from benchmarks import generator
from benchmarks.running import say
from jobstore import SearchQuery, migrating
from tests.fixtures.cluster import Server, as_user, servers
from tests.fixtures.partitions import partition
from tests.fixtures.postgres import programs

PLANNED = 100_000_000
PARTITIONS = 16
_READS = 40
_WRITTEN = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
_SIZES = """
SELECT coalesce(x.relname, c.relname) AS name, sum(pg_relation_size(c.oid)) AS octets FROM (
    SELECT c.oid, regexp_replace(c.relname, '_\\d+(_|$)', '\\1') AS relname FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i')
    UNION ALL
    SELECT t.oid, regexp_replace(c.relname, '_\\d+$', '') || ' (long values)'
    FROM pg_class AS c JOIN pg_class AS t ON t.oid = c.reltoastrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT i.indexrelid, regexp_replace(c.relname, '_\\d+$', '') || ' (long values)'
    FROM pg_class AS c JOIN pg_index AS i ON i.indrelid = c.reltoastrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
) AS x JOIN pg_class AS c ON c.oid = x.oid GROUP BY 1 ORDER BY 2 DESC
"""


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print, and return the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--scales", type=int, nargs="+", default=[10_000, 100_000])
    scales = parser.parse_args(arguments).scales
    found = []
    settings = {"shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum": "off"}
    with servers() as made:
        server = made.running("growth", settings)
        for scale in scales:
            found.append(asyncio.run(_measured(server, scale, 0)))
            print(json.dumps(found[-1], indent=2), flush=True)
        found.append(asyncio.run(_measured(server, scales[0], PARTITIONS)))
        print(json.dumps(found[-1], indent=2), flush=True)
        urls = [server.url(_name(scales[0], parts)) for parts in (0, PARTITIONS)]
        slower = asyncio.run(_compared(urls))
    told = {"measured": found, "times_of_partitions": slower, "reckoned": _reckoned(found)}
    for name in ("times_of_partitions", "reckoned"):
        print(name, json.dumps(told[name], indent=2))
    return told


def _name(scale: int, parts: int) -> str:
    return f"growth_{scale}_{parts}"


async def _measured(server: Server, scale: int, parts: int) -> dict[str, Any]:
    database = _name(scale, parts)
    server.execute(f"CREATE DATABASE {database}")
    url = server.url(database)
    migrating.up(url)
    if parts:
        partition(url, parts)
    say(f"storing {scale:,} postings, {parts or 'no'} partitions")
    ((before,),) = server.execute(_WRITTEN)
    async with jobstore.connect(url, clock=lambda: generator.NOW) as store:
        started = time.perf_counter()
        await store.upsert_many(generator.postings(scale))
        filled = time.perf_counter() - started
    ((after,),) = server.execute(_WRITTEN)
    server.execute("VACUUM ANALYZE", database)
    sizes = {
        name: round(int(octets) / scale, 1) for name, octets in server.execute(_SIZES, database)
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "postings": scale,
        "partitions": parts,
        "postings_a_second": round(scale / filled),
        "bytes_per_posting": round(sum(sizes.values()), 1),
        "log_bytes_per_posting": round(int(after - before) / scale, 1),
        "parts": {name: octets for name, octets in sizes.items() if octets >= 1},
        "client_peak_mib": round(peak),
        **_copies(server, database),
    }


async def _compared(urls: Sequence[str]) -> dict[str, float]:
    """Return how many times longer reads take in partitions: medians, taken in turns."""
    queries = {
        "newest 20": None,
        "word": SearchQuery(text="engineer"),
        "words and filter": SearchQuery(text="data engineer", workplace="remote"),
    }
    found = {}
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(jobstore.connect(url, clock=lambda: generator.NOW))
            for url in urls
        ]
        ids = [item.id for item in (await stores[0].search(limit=200)).items]
        calls: dict[str, Callable[[jobstore.JobStore, int], Awaitable[Any]]] = {
            "get": lambda store, number: store.get(ids[number % len(ids)]),
            **{name: _searching(query) for name, query in queries.items()},
        }
        for name, call in calls.items():
            times: tuple[list[float], list[float]] = ([], [])
            for number in range(_READS):
                for store, taken in zip(stores, times, strict=True):
                    started = time.perf_counter()
                    await call(store, number)
                    taken.append(time.perf_counter() - started)
            found[name] = round(median(times[1]) / median(times[0]), 2)
    return found


def _searching(query: SearchQuery | None) -> Callable[[jobstore.JobStore, int], Awaitable[Any]]:
    return lambda store, number: store.search(query)


def _copies(server: Server, database: str) -> dict[str, float]:
    """Return how long copies take, and their bytes; they are thrown away."""
    folder = server.folder.with_name("copies")
    dump = [programs() / "pg_dump", "--format=custom", "--compress=1", "--file", folder]
    started = time.perf_counter()
    subprocess.run([*dump, server.conninfo(database)], check=True, **as_user())
    seconds, octets = time.perf_counter() - started, folder.stat().st_size
    folder.unlink()
    return {"dump_seconds": round(seconds, 1), "dump_bytes": octets}


def _reckoned(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what 100,000,000 postings take, by the largest store that was measured.

    Straight on: sizes grow with the number of postings, but for words, of which a larger store has
    more. Nothing of this was measured.
    """
    largest = max((each for each in found if not each["partitions"]), key=lambda x: x["postings"])
    gib = PLANNED / 2**30
    words = sum(octets for name, octets in largest["parts"].items() if "words" in name)
    return {
        "by": largest["postings"],
        "gib": round(largest["bytes_per_posting"] * gib),
        "gib_of_words_index": round(words * gib),
        "gib_of_dump": round(largest["dump_bytes"] / largest["postings"] * gib),
        "hours_of_dump_by_one_process": round(
            largest["dump_seconds"] / largest["postings"] * PLANNED / 3600, 1
        ),
    }


if __name__ == "__main__":
    main()
