"""The command ``python -m benchmarks``: measure, compare, measure peers, publish the results.

Only the order of things lives here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks import compare, gates, markdown, profile, real, report
from benchmarks.databases import Database, database, working_copy
from benchmarks.importing import ROWS, measure_import, measure_memory, measure_opening
from benchmarks.reading import (
    ROUNDS,
    measure_alone,
    measure_at_once,
    measure_plain_gets,
    subject,
)
from benchmarks.space import measure_space
from benchmarks.writing import measure_writes

SCALE = 100_000
# Where growth is measured from, and sizes between there and the scale.
SIZES = (10_000, 100_000, 1_000_000)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = ("run", "compare", "peers", "profile", "real", "publish")
    parser.add_argument("command", nargs="?", default="run", choices=commands)
    parser.add_argument("--scale", type=int, default=SCALE, help="postings (default %(default)s)")
    parser.add_argument("--base", type=Path, help="compare: the JSON file of an earlier run")
    parser.add_argument("files", nargs="*", type=Path, help="real: files that can be imported")
    options = parser.parse_args(arguments)
    if options.scale < SIZES[0]:
        parser.error(f"--scale must be at least {SIZES[0]}")
    if options.command == "publish":
        markdown.publish()
        return 0
    if options.command == "peers":
        from benchmarks.peers import run

        return run(options.scale)
    if options.command == "profile":
        parts = asyncio.run(profile.run(database(options.scale)))
        results = {"scale": options.scale, "machine": report.machine(), "parts": parts}
        report.write(results, f"profile-{options.scale}")
        return 0
    if options.command == "real":
        if not options.files:
            parser.error("real needs files")
        return asyncio.run(real.run(options.files))
    if options.command == "compare":
        if options.base is None:
            parser.error("compare needs --base FILE")
        base = json.loads(options.base.read_text(encoding="utf-8"))
        return _compare(base)
    results = asyncio.run(measure(options.scale))
    judged = gates.judge(results)
    results["gates"] = [
        {"name": gate.name, "value": gate.value, "limit": gate.limit, "holds": gate.holds}
        for gate in judged
    ]
    report.show(results)
    report.show_gates(judged)
    print(f"written to {report.write(results)}")
    return int(any(gate.binding and not gate.holds for gate in judged))


async def measure(
    scale: int, *, rounds: int = ROUNDS, sizes: list[int] | None = None, brief: bool = False
) -> dict[str, Any]:
    """Measure everything at ``scale``, and reads at the other sizes too.

    ``brief`` leaves out what a comparison does not look at.
    """
    if sizes is None:
        sizes = [size for size in SIZES if size < scale]
    bases = [database(size) for size in (*sizes, scale)]
    large = bases[-1]
    results: dict[str, Any] = {"scale": scale, "machine": report.machine()}
    await _reads(results, bases, rounds, brief)
    _say("writes")
    with working_copy(large) as copy:
        writes = await measure_writes(copy, rounds)
    results["writes"] = writes.summary()
    ratios = results.setdefault("ratios", {})
    ratios["upserts against sqlite3 in batches"] = writes.ratio("upsert new", "sqlite3")
    ratios["upserts against the engine's functions"] = writes.ratio(
        "upsert new", "engine functions"
    )
    ratios["unchanged upserts against new ones"] = writes.ratio("upsert unchanged", "upsert new")
    if brief:
        return results
    _say("opening, space, memory")
    results["opening"] = await measure_opening(large)
    results["space"] = measure_space(large)
    results["memory"] = measure_memory(large)
    _say("import of a file")
    results["import"] = measure_import(min(ROWS, scale))
    ratios["import against executemany"] = results["import"]["ratio"]
    return results


async def _reads(results: dict[str, Any], bases: list[Database], rounds: int, brief: bool) -> None:
    async with AsyncExitStack() as stack:
        _say("drawing parameters")
        subjects = [await stack.enter_async_context(subject(each)) for each in bases]
        _say("reads, one call at a time")
        measured = await measure_alone(subjects, rounds)
        results["reads"] = {
            str(size): {name: found.summary() for name, found in operations.items()}
            for size, operations in measured.items()
        }
        if brief:
            return
        _say("reads, 100 at once")
        at_once = await measure_at_once(subjects[-1])
        results["at_once"] = {name: timings.summary() for name, timings in at_once.items()}
        gets = await measure_plain_gets(subjects[-1], bases[-1])
        results["gets_at_once"] = {
            name: timings.summary()["per_second"] for name, timings in gets.items()
        }
        results["ratios"] = {
            f"100 gets against {name}": results["gets_at_once"]["gateway"] / rate
            for name, rate in results["gets_at_once"].items()
            if name != "gateway"
        }


def _compare(base: dict[str, Any]) -> int:
    sizes = sorted(int(size) for size in base["reads"])
    results = asyncio.run(measure(sizes[-1], sizes=sizes[:-1], brief=True))
    changes = compare.compare(base, results)
    report.show_rows(
        f"Medians relative to the machine; more than {compare.THRESHOLD:.0%} and no overlap counts",
        ("operation", "before", "now", "change", ""),
        [
            (each.name, f"{each.before:.2f}", f"{each.after:.2f}", f"{each.change:+.0%}",
             "" if each.verdict == "same" else each.verdict)
            for each in changes
        ],
    )  # fmt: skip
    slower = [each.name for each in changes if each.verdict == "slower"]
    print(f"{len(slower)} of {len(changes)} operations got slower")
    return int(bool(slower))


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
