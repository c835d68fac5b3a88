"""How long writers wait while something is done to their store.

Fifty coroutines upsert as fast as they are answered, in one process or in several
(:mod:`benchmarks.scrapers`). Beside them each operation runs once, as the real command in a process
of its own (:mod:`benchmarks.staging`). What counts are the writes that were under way from the
beginning of the operation until some seconds after its end, since what was put off meanwhile is
made up for then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import Misuse, report
from benchmarks.buckets import bucket
from benchmarks.databases import REPOSITORY, database
from benchmarks.measuring import percentile
from benchmarks.running import say
from benchmarks.staging import OPERATIONS, SHORT, Operation, Stage, staged, use_bucket
from benchmarks.waits_tables import COLUMNS, cells

WRITERS = 50
WAYS = {"one process": 1, "five processes": 5}
"""Over how many processes the writers are spread."""

# Seconds of writing before an operation, and after it.
_BEFORE, _AFTER = 2.0, 3.0


def run(scale: int, names: Collection[str] = (), *, short: bool = False) -> dict[str, Any]:
    """Measure the waits beside every operation, or those of ``names``, at ``scale`` postings.

    ``short`` takes a few operations and writers in one process. Returns plain numbers, times in
    seconds. Raises Misuse for an operation that does not exist.
    """
    known = {each.name.replace("`", ""): each for each in OPERATIONS}
    wanted = names or (SHORT if short else known)
    if unknown := set(wanted) - known.keys():
        raise Misuse(f"not an operation: {', '.join(unknown)}; there are: {', '.join(known)}")
    chosen = [each for name, each in known.items() if name in wanted]
    ways = dict(list(WAYS.items())[: 1 if short else None])
    results: dict[str, Any] = {"scale": scale, "writers": WRITERS, "machine": report.machine()}
    results["ways"] = {way: {} for way in ways}
    original = database(scale)
    with ExitStack() as stack:
        address = (
            stack.enter_context(bucket()).address if any(each.remote for each in chosen) else ""
        )
        for operation in chosen:
            for way, processes in ways.items():
                say(f"{operation.name}, beside writers in {way}")
                with staged(original) as stage:
                    if operation.remote:
                        use_bucket(stage, address)
                    operation.prepare(stage)
                    found = measure(operation, stage, processes)
                results["ways"][way][operation.name] = found
                say(told(found))
    return results


def keep(results: dict[str, Any]) -> Path:
    """Write results beside those of other operations of the same size; returns the file."""
    name = f"waits-{results['scale']}"
    file = report.FOLDER / f"{name}.json"
    if file.exists():
        earlier = json.loads(file.read_text(encoding="utf-8"))
        ways = {**earlier["ways"], **results["ways"]}
        for way, beside in ways.items():
            found = {**earlier["ways"].get(way, {}), **beside}
            ways[way] = {each.name: found[each.name] for each in OPERATIONS if each.name in found}
        results = {**results, "ways": ways}
    return report.write(results, name)


def show(results: dict[str, Any]) -> None:
    """Print a table of each way."""
    for way, beside in results["ways"].items():
        report.show_rows(
            f"{results['writers']} writers in {way}, {results['scale']:,} postings",
            COLUMNS,
            [cells(name, found) for name, found in beside.items()],
        )


def told(found: dict[str, Any]) -> str:
    """Return the figures of one operation in a line."""
    line = f"took {found['seconds']:.1f} s; longest wait {found['longest']:.3f} s"
    line += f", p99 {found['p99']:.3f} s; {found['per_second']:,.0f} writes/s"
    for name, number in found["failed"].items():
        line += f"; {number} x {name}"
    return f"{line}; FAILED: {found['said']}" if found["said"] else line


def measure(operation: Operation, stage: Stage, processes: int) -> dict[str, Any]:
    """Run an operation beside writers; return how long it took, and how long they waited."""
    with _writing(stage, processes) as finish:
        time.sleep(_BEFORE)
        began = time.monotonic()
        done = stage.run(operation.command(stage))
        ended = time.monotonic()
        time.sleep(_AFTER)
        until = time.monotonic()
        writes, failed = finish()
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
    return {
        "seconds": round(ended - began, 3),
        **summary(writes, began, until),
        "failed": failed,
        "said": None if done.returncode in operation.answers else lines[-1][:200],
    }


def summary(writes: Iterable[tuple[float, float]], began: float, until: float) -> dict[str, float]:
    """Return how long the writes took that were under way in a span, and how many ended well in it.

    Each has its beginning and its end, which is negative where it failed.
    """
    waits, acknowledged = [], 0
    for begin, end in writes:
        if begin <= until and abs(end) >= began:
            waits.append(abs(end) - begin)
            acknowledged += began <= end <= until
    return {
        "longest": round(max(waits), 4),
        "p99": round(percentile(waits, 99), 4),
        "per_second": round(acknowledged / (until - began), 1),
    }


Finish = Callable[[], tuple[list[tuple[float, float]], dict[str, int]]]
"""Ends the writers; returns the beginning and the end of each write, and failures by error."""


@contextmanager
def _writing(stage: Stage, processes: int) -> Iterator[Finish]:
    """Let writers write while the block lasts."""
    results = [stage.folder / f"writes-{number}" for number in range(processes)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(_scrapers(stage, WRITERS // processes, number, file))
            for number, file in enumerate(results)
        ]
        for each in running:
            if not (each.stdout and each.stdout.readline()):
                raise RuntimeError("writers could not begin; see above")

        def finish() -> tuple[list[tuple[float, float]], dict[str, int]]:
            for each in running:
                assert each.stdin is not None
                each.stdin.close()
            failed = Counter[str]()
            for each in running:
                assert each.stdout is not None
                failed.update(json.loads(each.stdout.read()))
            return [write for file in results for write in _read(file)], dict(failed)

        yield finish


@contextmanager
def _scrapers(
    stage: Stage, writers: int, number: int, results: Path
) -> Iterator[subprocess.Popen[str]]:
    arguments = map(str, (stage.store.path, writers, number, results))
    command = [sys.executable, "-m", "benchmarks.scrapers", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        command,
        cwd=stage.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            # They end with their standard input.
            if running.stdin is not None:
                running.stdin.close()


def _read(file: Path) -> Sequence[tuple[float, float]]:
    times = array("d")
    times.frombytes(file.read_bytes())
    return list(zip(times[::2], times[1::2], strict=True))
