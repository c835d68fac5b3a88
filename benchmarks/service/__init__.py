"""The service: what HTTP costs over the library's own call, beside Datasette, and under load.

``python -m benchmarks service`` starts ``jobstore serve`` and ``datasette serve`` on one SQLite
file, and asks both with the same client, in turns. Then 200 clients search while 50 write, over
HTTP and by the library, and 10,000 clients connect and say nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import ExitStack, closing
from typing import Any

from benchmarks import report
from benchmarks.databases import database, working_copy
from benchmarks.gates import Gate
from benchmarks.running import say
from benchmarks.service.beside import beside
from benchmarks.service.load import PAUSE, SEARCHING, SILENT, WRITING, load, silent
from benchmarks.service.servers import program

AT_LEAST = 2.0
"""What Datasette's requests a second are multiplied by, at least."""
SLOWEST_MS = 50.0
"""What p99 of a search may be under load, on a machine that has nothing else to do."""
STILL_ANSWERED = 0.5
"""The share of requests a second that is left, at least, while thousands say nothing."""


def run(scale: int, rounds: int) -> dict[str, Any]:
    """Measure everything; returns plain numbers."""
    results: dict[str, Any] = {"scale": scale, "machine": report.machine()}
    with working_copy(database(scale)) as copy, ExitStack() as stack:
        # Datasette searches tables that have an index of its kind; descriptions are in none.
        with closing(sqlite3.connect(copy.path)) as own:
            own.executescript(
                "CREATE VIRTUAL TABLE posting_fts USING fts5(title, company, location, "
                "content='posting', content_rowid='place');"
                "INSERT INTO posting_fts(posting_fts) VALUES ('rebuild');"
            )
        served = stack.enter_context(
            program(
                *("jobstore", "serve", "--quiet", "--store", copy.url, "--port", "{port}"),
                JOBSTORE_SERVICE__ANONYMOUS="write",
                JOBSTORE_SERVICE__HEADER_SECONDS="600",
            )
        )
        # Guessing what to count costs it half a second a page.
        settings = ("--setting", "suggest_facets", "off")
        with program(
            *("datasette", "serve", str(copy.path), "--port", "{port}", *settings)
        ) as datasette:
            say("search and get, beside Datasette and the library")
            results["beside"] = asyncio.run(beside(served, datasette, copy, rounds))
        say(f"{SEARCHING} search while {WRITING} write")
        results["load"] = asyncio.run(load(served, copy))
        say(f"{SILENT:,} say nothing")
        results["silent"] = asyncio.run(silent(served))
    results["machine"]["load"] = [round(each, 2) for each in os.getloadavg()]
    return results


def gates(results: dict[str, Any]) -> list[Gate]:
    """Return what was promised, and what came of it."""
    loaded, quiet = results["load"], results["silent"]
    found = [
        Gate(
            f"{each}: requests a second against Datasette",
            figures["against datasette"],
            AT_LEAST if each in ("search", "get") else 1.0,
            at_least=True,
            kind="promise" if each in ("search", "get") else "goal",
        )
        for each, figures in results["beside"].items()
    ]
    allowed = (200, 201, 429, 503)
    strange = sum(count for status, count in loaded["statuses"].items() if status not in allowed)
    before, after = loaded["memory MiB"]
    alone, beside_silence = quiet["per_second"]
    return [
        *found,
        Gate("answers under load that are errors", strange, 0, kind="promise"),
        Gate("429 and 503 without Retry-After", loaded["without Retry-After"], 0, kind="promise"),
        Gate("memory after the load, to that before", after / before, 1.1, kind="promise"),
        # Others that work on the machine are felt by both.
        Gate("p99 of searches under load, ms", loaded["searches p99"], SLOWEST_MS),
        # The machine may allow fewer.
        Gate("connections that say nothing", quiet["silent"], SILENT, at_least=True),
        Gate(
            "requests a second beside silence, to those without",
            beside_silence / alone,
            STILL_ANSWERED,
            at_least=True,
            kind="promise",
        ),
    ]


def show(results: dict[str, Any]) -> None:
    """Print the figures, as two tables."""
    report.show_rows(
        f"Requests a second, {results['scale']:,} postings, in one run",
        ("", "jobstore", "Datasette", "ratio", "of processor time", "library", "it costs"),
        [
            (
                name,
                *(f"{each[f'{who} per_second']:,.0f}" for who in ("jobstore", "datasette")),
                *(f"{each[f'{what}against datasette']:.2f}" for what in ("", "cpu ")),
                f"{each['library per_second']:,.0f}",
                f"{each['cpu over the library']:.2f} times",
            )
            for name, each in results["beside"].items()
        ],
    )
    loaded, quiet = results["load"], results["silent"]
    report.show_rows(
        f"{SEARCHING} search and {WRITING} write, each {PAUSE:g} s after its answer "
        f"({loaded['per_second']:,.0f} requests a second), ms; "
        f"answers {json.dumps(loaded['statuses'])}",
        ("", "service", "library"),
        [
            (what, *(f"{loaded[f'{whose}{what}']:.1f}" for whose in ("", "library ")))
            for what in ("searches p50", "searches p99", "writes p50", "writes p99")
        ],
    )
    report.show_rows(
        "Before and after",
        ("", "before", "after"),
        [
            ("memory, of 10 s of that load, MiB", *map(str, loaded["memory MiB"])),
            (f"requests a second, {quiet['silent']:,} connect", *map(str, quiet["per_second"])),
        ],
    )
