"""Where the time of a read goes: SQL, Python, the hop to another thread, and waiting for it.

The same calls are timed in turns through the gateway, through a gateway that does everything on
the caller's thread, and as their SQL alone.
"""

from __future__ import annotations

import time
from itertools import cycle, islice
from statistics import median
from typing import Any

import aiosqlite

from benchmarks import bare, generator, report
from benchmarks.databases import Database
from benchmarks.measuring import quiet
from benchmarks.operations import Operation
from benchmarks.reading import Subject, subject

_CALLS = 600
_SECONDS = 4.0
_COLUMNS = ("gateway", "sql", "python", "hop", "waiting")


async def run(database: Database) -> dict[str, dict[str, float]]:
    """Return the medians of each operation's parts in milliseconds, and print them.

    ``python`` is what a call on one thread takes beyond its SQL, ``waiting`` what the gateway
    takes beyond that and a hop of nothing.
    """
    found = {}
    async with (
        subject(database) as opened,
        aiosqlite.connect(":memory:") as idle,
    ):
        inline = bare.inline_store(opened.plain, database.path, generator.NOW)
        for operation in opened.operations:
            if operation.calls:
                found[operation.name] = await _parts(opened, operation, inline, idle)
    report.show_rows(
        f"Where the time goes, {database.size:,} postings, medians in milliseconds",
        ("", *_COLUMNS),
        [(name, *(f"{parts[key]:.3f}" for key in _COLUMNS)) for name, parts in found.items()],
    )
    return found


async def _parts(
    opened: Subject, operation: Operation, inline: Any, idle: aiosqlite.Connection
) -> dict[str, float]:
    pairs = list(zip(operation.calls, opened.statements[operation.name], strict=True))
    times: dict[str, list[float]] = {"gateway": [], "one thread": [], "sql": [], "hop": []}
    clock = time.perf_counter
    with quiet():
        until = clock() + _SECONDS
        for count, (call, statements) in enumerate(islice(cycle(pairs), _CALLS)):
            if clock() > until:
                break
            for turn in range(count, count + 4):
                started = clock()
                name = list(times)[turn % 4]
                if name == "gateway":
                    await call(opened.store)
                elif name == "one thread":
                    await call(inline)
                elif name == "sql":
                    bare.replay(opened.plain, statements)
                else:
                    await idle._execute(int)
                times[name].append(clock() - started)
    middle = {name: 1000 * median(found) for name, found in times.items()}
    return {
        "gateway": middle["gateway"],
        "sql": middle["sql"],
        "python": middle["one thread"] - middle["sql"],
        "hop": middle["hop"],
        "waiting": middle["gateway"] - middle["one thread"] - middle["hop"],
    }
