"""The command ``python -m benchmarks``: measure, hold what was reached, publish the results.

Only the order of things lives here, and what fails a run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    Misuse,
    archive,
    baseline,
    beside,
    gates,
    markdown,
    planting,
    profile,
    real,
    report,
    shapes,
    waits_tables,
)
from benchmarks.databases import database
from benchmarks.reading import ROUNDS
from benchmarks.running import SIZES, Run, say

SCALE = 100_000
RUNS = 10
"""Of so many runs a baseline is made."""


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    scale = options.scale or SCALE
    if scale < SIZES[0] and options.command != "postgres":
        parser.error(f"--scale must be at least {SIZES[0]}")
    if min(options.rounds, options.runs) < 1:
        parser.error("--rounds and --runs must be at least 1")
    if options.command in ("real", "copying", "duplicates") and not options.files:
        parser.error(f"{options.command} needs files")
    match options.command:
        case "run" | "compare":
            try:
                plants = planting.parse(options.plant)
                base = baseline.load(options.base)
                if options.command == "run":
                    return _run(Run(scale, options.rounds, plants), base, options.unjudged)
                smallest = min(map(int, base["sizes"]))
                return _compare(Run(options.scale or smallest, options.rounds, plants), base)
            except Misuse as error:
                parser.exit(2, f"{parser.prog}: {error}\n")
        case "baseline":
            return _baseline(Run(scale, options.rounds), options.runs, options.base)
        case "peers":
            from benchmarks.peers import run

            return run(scale)
        case "beside":
            return _beside(scale, options)
        case "profile":
            parts = asyncio.run(profile.run(database(scale)))
            results = {"scale": scale, "machine": report.machine(), "parts": parts}
            report.write(results, f"profile-{scale}")
        case "keeping":
            from benchmarks import keeping

            return keeping.run(scale, options.rounds)
        case "real":
            return asyncio.run(real.run(options.files))
        case "copying":
            # Imported here: it needs a PostgreSQL server.
            from benchmarks import copying

            return copying.run(options.files)
        case "duplicates":
            # Imported here: it needs the rules of duplicates.
            from benchmarks import duplicates

            return duplicates.run(options.files[0])
        case "shapes":
            return shapes.run()
        case "archive":
            return archive.run(options.rounds)
        case "migration":
            # Imported here: it needs a PostgreSQL server.
            from benchmarks import migrating

            return migrating.run(scale)
        case "postgres":
            return _postgres(scale, options)
        case "lifecycle":
            return _lifecycle(scale, options)
        case "service":
            return _service(scale, options)
        case "waits":
            return _waits(scale, options.operation, options.short)
        case "publish":
            markdown.publish()
            waits_tables.publish(report.FOLDER)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = (
        *("run", "compare", "baseline", "beside", "peers", "profile", "keeping", "archive"),
        *("real", "copying", "shapes", "waits", "duplicates", "lifecycle", "migration"),
        *("postgres", "service", "publish"),
    )
    parser.add_argument("command", nargs="?", default="run", choices=commands)
    parser.add_argument("--scale", type=int, help=f"postings (default {SCALE})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="(default %(default)s)")
    parser.add_argument(
        "--base",
        type=Path,
        default=baseline.FILE,
        help="a baseline; run and compare also take the JSON file of an earlier run",
    )
    parser.add_argument(
        "--unjudged", action="store_true", help="run, beside, service: fail by no figure"
    )
    parser.add_argument(
        "--pause",
        type=float,
        default=1000 * beside.PAUSE,
        help="beside: milliseconds between an answer and the next call (default %(default)s)",
    )
    parser.add_argument(
        "--only",
        help="beside: the one read to measure; postgres: parts, as reads,upserts,bulk; nothing is"
        " kept; lifecycle: parts, as reads,upserts,follower,beside",
    )
    parser.add_argument(
        "--engine", choices=("sqlite", "postgres"), default="sqlite", help="lifecycle"
    )
    parser.add_argument("--json", action="store_true", help="lifecycle: print figures as JSON")
    parser.add_argument(
        "--plant",
        action="append",
        default=[],
        metavar="OPERATION=FACTOR",
        help="run, compare: slow a read down, to see whether it is noticed; nothing is kept",
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="baseline: (default %(default)s)")
    parser.add_argument(
        "--operation",
        action="append",
        default=[],
        metavar="NAME",
        help="waits: measure beside this operation, and keep the figures of the others; repeatable",
    )
    parser.add_argument(
        "--short", action="store_true", help="waits: a few operations, one way; nothing is kept"
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        help="real, copying: files that can be imported; duplicates: the folder of the test data",
    )
    return parser


def _run(run: Run, base: baseline.Baseline, unjudged: bool) -> int:
    results = asyncio.run(run.full())
    judged = [*gates.promise(results), *_held(run, base, results), *gates.goals(results)]
    results["gates"] = [each.plain() for each in judged]
    report.show(results)
    if not unjudged:
        report.show_gates(judged)
    if not run.plants:
        print(f"written to {report.write(results, 'unjudged' if unjudged else 'latest')}")
    return 0 if unjudged else int(any(each.fails for each in judged))


def _waits(scale: int, names: Sequence[str], short: bool) -> int:
    # Imported here: it brings the operations of the whole house.
    from benchmarks import waits

    try:
        results = waits.run(scale, names, short=short)
    except Misuse as error:
        print(error, file=sys.stderr)
        return 2
    waits.show(results)
    if not short:
        print(f"written to {waits.keep(results)}")
    return 0


def _postgres(scale: int, options: argparse.Namespace) -> int:
    # Imported here: it needs a driver, SQLAlchemy and a server.
    from benchmarks import postgres

    try:
        parts = options.only.split(",") if options.only else postgres.PARTS
        results = postgres.run(scale, options.rounds, parts)
    except Misuse as error:
        print(error, file=sys.stderr)
        return 2
    judged = postgres.gates(results)
    results["gates"] = [each.plain() for each in judged]
    postgres.show(results)
    if options.unjudged:
        return 0
    report.show_gates(judged)
    if not options.only:
        print(f"written to {report.write(results, f'postgres-{scale}')}")
    return int(any(each.fails for each in judged))


def _lifecycle(scale: int, options: argparse.Namespace) -> int:
    # Imported here: it is long, and others do not need it.
    from benchmarks import lifecycle

    parts = options.only.split(",") if options.only else lifecycle.PARTS
    try:
        results = lifecycle.run(scale, options.rounds, options.engine, parts)
    except Misuse as error:
        print(error, file=sys.stderr)
        return 2
    judged = lifecycle.gates(results)
    results["gates"] = [each.plain() for each in judged]
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        lifecycle.show(results)
        if not options.unjudged:
            report.show_gates(judged)
    if not options.only:
        report.write(results, f"lifecycle-{options.engine}-{scale}")
    return 0 if options.unjudged else int(any(each.fails for each in judged))


def _service(scale: int, options: argparse.Namespace) -> int:
    # Imported here: it needs Datasette, and the extra service.
    from benchmarks import service

    results = service.run(scale, options.rounds)
    judged = service.gates(results)
    results["gates"] = [each.plain() for each in judged]
    service.show(results)
    if not options.unjudged:
        report.show_gates(judged)
    print(f"written to {report.write(results, f'service-{scale}')}")
    return 0 if options.unjudged else int(any(each.fails for each in judged))


def _beside(scale: int, options: argparse.Namespace) -> int:
    pause = options.pause / 1000
    results = asyncio.run(beside.run(database(scale), options.rounds, pause, options.only))
    judged = beside.gates(results)
    results["gates"] = [each.plain() for each in judged]
    beside.show(results)
    if not options.unjudged:
        report.show_gates(judged)
    if options.only is None:
        name = f"beside-{'unjudged' if options.unjudged else scale}"
        print(f"written to {report.write(results, name)}")
    return 0 if options.unjudged else int(any(each.fails for each in judged))


def _compare(run: Run, base: baseline.Baseline) -> int:
    if str(run.scale) not in base["sizes"]:
        raise Misuse(f"the base has figures at {' and '.join(base['sizes'])} postings only")
    held = _held(run, base, asyncio.run(run.brief()))
    report.show_gates(held)
    return int(any(each.fails for each in held))


def _held(run: Run, base: baseline.Baseline, results: report.Results) -> list[gates.Gate]:
    """Hold the results to the baseline; reads that seem slower get a second look."""
    looks = [baseline.figures(results)]
    baseline.check(base, run.scale, looks[0])
    for size, names in baseline.lost(base, looks[0]).items():
        reads = names & results["reads"].get(str(size), {}).keys()
        if reads:
            say(f"a second look at {', '.join(sorted(reads))} at {size:,}")
            looks.append(baseline.figures(asyncio.run(run.again(size, reads))))
    return baseline.hold(base, *looks)


def _baseline(run: Run, runs: int, path: Path) -> int:
    results = []
    for number in range(runs):
        say(f"run {number + 1} of {runs}")
        results.append(asyncio.run(run.brief()))
    made = baseline.make(results)
    report.show_baseline(made)
    baseline.write(baseline.merge(baseline.load(path), made) if path.exists() else made, path)
    print(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
