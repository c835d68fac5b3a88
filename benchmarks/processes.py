"""Work in processes of their own, for what has to be measured from outside: memory, whole runs.

``python -m benchmarks.processes TASK ARGUMENTS`` does one task and prints a JSON object.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jobstore
from jobstore.settings import sqlite_url

_REPOSITORY = Path(__file__).resolve().parents[1]


def run_child(task: str, *arguments: object) -> dict[str, Any]:
    """Run a task of this module in a new process.

    Returns what it says, and ``memory``: the most resident memory it had, in bytes.
    """
    command = [sys.executable, "-m", __name__, task, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(_REPOSITORY)}
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


class Obedient:
    """A process that answers each line that it is sent with a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, word: str) -> str:
        """Send a line and return the answer. Raises RuntimeError where the process has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{word}\n".encode())
        answer = (await stdout.readline()).decode().strip()
        if not answer:
            raise RuntimeError(f"a process ended at {word!r}")
        return answer


def peak_memory() -> int:
    """Return the most resident memory that this process has had, in bytes."""
    # getrusage also counts what its parent had when it started this process.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def command(*arguments: str) -> dict[str, Any]:
    """Run the command line with ``arguments``; what it prints goes to standard error."""
    # Imported here, so that other tasks are not charged with it.
    from jobstore.cli.main import main

    started = time.perf_counter()
    sys.argv = ["jobstore", *arguments]
    with contextlib.redirect_stdout(sys.stderr):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise
    return {"seconds": time.perf_counter() - started}


async def build(path: str, kind: str, count: str) -> dict[str, Any]:
    """Make a database of ``count`` generated postings of a kind."""
    # Imported here: it is large, and other tasks are not to be charged with it.
    from benchmarks import even_draws, generator, living

    makers = {"postings": generator.postings, "even": even_draws.postings}
    made = makers.get(kind, living.postings)
    next(iter(made(1)))
    started = time.perf_counter()
    async with jobstore.connect(
        sqlite_url(path), migrate=True, clock=lambda: generator.NOW
    ) as store:
        if kind == "lived":
            await living.fill(store, int(count))
            return {"seconds": time.perf_counter() - started}
        report = await store.upsert_many(made(int(count)))
    if report.inserted != int(count):
        raise RuntimeError(f"of {count} postings {report.inserted} were stored: {report}")
    return {"seconds": time.perf_counter() - started}


async def stream(path: str) -> dict[str, Any]:
    """Read all postings of a database."""
    started = time.perf_counter()
    count = 0
    async with jobstore.connect(sqlite_url(path)) as store:
        async for _ in store.stream():
            count += 1
    return {"seconds": time.perf_counter() - started, "rows": count}


def reading(path: str) -> dict[str, Any]:
    """Read a file as an import does, without a store."""
    # Imported here, so that other tasks are not charged with it.
    from jobstore.exchange import BrokenFile, batches, open_records

    rows = 0
    said = ""
    started = time.perf_counter()
    try:
        for batch in batches(open_records(path)):
            rows += len(batch.records)
            said = next((record.fault or "" for record in batch.broken), said)
    except BrokenFile as error:
        said = str(error).replace(path, "it")
    return {"seconds": time.perf_counter() - started, "rows": rows, "said": said}


_TASKS: dict[str, Callable[..., Any]] = {
    "build": build,
    "stream": stream,
    "command": command,
    "reading": reading,
}

if __name__ == "__main__":
    said = _TASKS[sys.argv[1]](*sys.argv[2:])
    if inspect.iscoroutine(said):
        said = asyncio.run(said)
    print(json.dumps({**said, "memory": peak_memory()}))
