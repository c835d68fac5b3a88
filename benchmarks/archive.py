"""What archiving costs, and what a loss of the machine costs with it (the command ``archive``).

*Loss*: 100 coroutines write, an archiver brings the log to one bucket, and both processes are
killed at once at a random moment. Then the store is restored from the bucket alone, and what was
acknowledged before the kill is looked for in it. *Price*: the same writes without a log, with one,
and with ``archive.wait``, in turns. The bucket is a server on this machine (moto), in a process of
its own, whose work takes its part of the cores; its processor time is shown beside the others'.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import report
from benchmarks.buckets import ACCOUNT, BUCKET, Server, bucket
from benchmarks.databases import REPOSITORY, scratch
from benchmarks.running import say

WRITERS = 100
_WRITES = 4_000
"""Writes of one round of the price."""
_MOST_PRICES = 3
"""Rounds of the price at most."""
_PLACE = f"s3://{BUCKET}/jobstore"
# Seconds that writers go on before they are killed, at least and at most.
_BETWEEN = (3.0, 8.0)
_PATIENCE = 60.0
_NAME = "benchmarks.archive"

WAYS = {"off": None, "on": False, "wait": True}
"""No log, one, and one that each acknowledgement waits for: ``archive.wait``."""


def run(rounds: int) -> int:
    """Measure both, print the tables and write the results; 1 if more was lost than may be."""
    results: dict[str, Any] = {"machine": report.machine(), "writers": WRITERS, "rounds": rounds}
    losses: dict[str, list[dict[str, float]]] = {"on": [], "wait": []}
    prices: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with scratch() as folder, bucket() as server:
        for number in range(rounds):
            for way, found in losses.items():
                place = folder / f"{way}-{number}"
                found.append(_loss(place, server, wait=bool(WAYS[way])))
                say(f"loss, {way}, round {number + 1} of {rounds}: {_briefly(found[-1])}")
        results["loss"] = {way: _worst(found) for way, found in losses.items()}
        for number in range(max(1, min(rounds, _MOST_PRICES))):
            for way, wait in WAYS.items():
                place = folder / f"price-{way}-{number}"
                prices[way].append(_price(place, server, wait))
                say(f"price, {way}, round {number + 1}: {_briefly(prices[way][-1])}")
            # A run that is ended early leaves what it has found.
            results["price"] = {way: _middle(found) for way, found in prices.items()}
            report.write(results, "archive")
    _show(results)
    print(f"written to {report.write(results, 'archive')}")
    return int(results["loss"]["wait"]["missing"] > 0 or results["loss"]["on"]["seconds"] > 2)


def _briefly(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.2f}" for name, value in found.items())


def _worst(found: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "rounds": len(found),
        "acknowledged": sum(each["acknowledged"] for each in found),
        "missing": max(each["missing"] for each in found),
        "missing_p50": median(each["missing"] for each in found),
        "seconds": max(each["seconds"] for each in found),
        "seconds_p50": median(each["seconds"] for each in found),
        "restored_in": max(each["restored_in"] for each in found),
        "each": found,
    }


def _middle(found: list[dict[str, float]]) -> dict[str, Any]:
    return {name: median(each[name] for each in found) for name in found[0]} | {"each": found}


def _show(results: dict[str, Any]) -> None:
    rows = [
        (
            way,
            f"{found['rounds']}",
            f"{found['acknowledged']:,.0f}",
            f"{found['missing_p50']:,.0f} / {found['missing']:,.0f}",
            f"{found['seconds_p50']:.2f} / {found['seconds']:.2f}",
            f"{found['restored_in']:.1f}",
        )
        for way, found in results["loss"].items()
    ]
    report.show_rows(
        f"Killed under {WRITERS} writers, restored from one bucket",
        ("archiving", "rounds", "acknowledged", "missing, p50 / most", "seconds, p50 / most",
         "restored in, most"),
        rows,
    )  # fmt: skip
    base = results["price"]["off"]["per_second"]
    rows = [
        (
            way,
            f"{found['per_second']:,.0f}",
            f"{found['per_second'] / base:.2f}",
            f"{found['p50_ms']:.1f} / {found['p99_ms']:.1f}",
            f"{found['writer_us']:.0f}",
            f"{found['archiver_us']:.0f}",
            f"{found['server_us']:.0f}",
        )
        for way, found in results["price"].items()
    ]
    report.show_rows(
        f"{_WRITES:,} upserts by {WRITERS} coroutines; processor time in us for each",
        ("archiving", "writes/s", "of off", "ms, p50 / p99", "writers", "archiver", "server"),
        rows,
    )


# What is run


def _loss(folder: Path, server: Server, *, wait: bool) -> dict[str, float]:
    """Kill writers and archiver at a random moment; return what is missing."""
    place = f"{_PLACE}-{folder.name}"
    config = _config(folder, place, wait)
    with _process("archiver", "archive", folder, config, server) as archiver:
        _await_base(folder, config, server)
        acknowledged = folder / "acknowledged"
        with _process("writers", "write", folder, config, server, acknowledged) as writers:
            _await(lambda: acknowledged.exists() and acknowledged.stat().st_size > 0)
            # Which moment it is does not matter here, as long as it is any.
            time.sleep(random.uniform(*_BETWEEN))
            killed_at = time.time()
            for each in (writers, archiver):
                each.send_signal(signal.SIGKILL)
    told = [line.split() for line in acknowledged.read_text().splitlines()]
    # One that was told after the kill was begun may have come either way.
    known = {key: float(at) for key, at in told if float(at) <= killed_at}
    shutil.rmtree(folder / "store")
    started = time.perf_counter()
    restored = _child("restore", folder, _config(folder / "new", place, wait=False), server)
    there = {*restored["keys"]}
    missing = [at for key, at in known.items() if key not in there]
    return {
        "acknowledged": len(known),
        "missing": len(missing),
        "seconds": killed_at - min(missing, default=killed_at),
        "restored_in": time.perf_counter() - started,
    }


def _price(folder: Path, server: Server, wait: bool | None) -> dict[str, float]:
    place = f"{_PLACE}-{folder.name}"
    config = _config(folder, place, bool(wait))
    if wait is None:
        _child("make", folder, config, server)
        return _writes(folder, config, server, None)
    with _process("archiver", "archive", folder, config, server) as archiver:
        _await_base(folder, config, server)
        found = _writes(folder, config, server, archiver)
        archiver.terminate()
        archiver.wait(_PATIENCE)
    return found


def _writes(
    folder: Path, config: Path, server: Server, archiver: subprocess.Popen[bytes] | None
) -> dict[str, float]:
    before = _cpu(archiver), _cpu(server.process)
    found = _child("rate", folder, config, server)
    # What is brought after the last write is a part of the price.
    time.sleep(1.5 if archiver is not None else 0.0)
    each = 1e6 / _WRITES
    return {
        "per_second": _WRITES / found["seconds"],
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "writer_us": found["processor"] * each,
        "archiver_us": (_cpu(archiver) - before[0]) * each,
        "server_us": (_cpu(server.process) - before[1]) * each,
    }


def _cpu(process: subprocess.Popen[Any] | None) -> float:
    if process is None:
        return 0.0
    import psutil

    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def _config(folder: Path, place: str, wait: bool) -> Path:
    (folder / "store").mkdir(parents=True, exist_ok=True)
    file = folder / "config.yaml"
    said = {
        "store": {"url": f"sqlite:///{folder / 'store' / 'jobs.db'}"},
        "backup": {"places": [place]},
        "archive": {"wait": wait},
    }
    # JSON is YAML, too.
    file.write_text(json.dumps(said))
    return file


def _await_base(folder: Path, config: Path, server: Server) -> None:
    """Wait until the bucket has the backup that the log begins from."""
    _await(lambda: _child("is-based", folder, config, server)["based"])


def _await(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not found():
        if time.monotonic() > deadline:
            raise RuntimeError("a process does not begin; see what it said in its .log file")
        time.sleep(0.2)


def _environment(server: Server) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "AWS_ENDPOINT_URL": server.address,
        "AWS_ALLOW_HTTP": "true",
        **{f"AWS_{name.upper()}": value for name, value in ACCOUNT.items()},
    }


@contextmanager
def _process(
    name: str, task: str, folder: Path, config: Path, server: Server, *more: Path
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", _NAME, task, str(config), *map(str, more)]
    with (
        (folder / f"{name}.log").open("wb") as said,
        subprocess.Popen(command, env=_environment(server), stdout=said, stderr=said) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _child(task: str, folder: Path, config: Path, server: Server) -> dict[str, Any]:
    command = [sys.executable, "-m", _NAME, task, str(config)]
    done = subprocess.run(command, env=_environment(server), stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# What the processes do


def _settings(config: str) -> Any:
    from jobstore.settings.loading import load

    return load(config).settings


def _make(config: str) -> dict[str, Any]:
    from jobstore import migrating

    migrating.up(_settings(config).store.url)
    return {}


def _archive(config: str) -> dict[str, Any]:
    from jobstore.operations.archiving import Archiver

    _make(config)
    archiver = Archiver(_settings(config), told=lambda text: print(text, flush=True))
    signal.signal(signal.SIGTERM, lambda *_: archiver.stop())
    archiver.start()
    while not archiver.wait(0.2):
        pass
    return {}


def _is_based(config: str) -> dict[str, Any]:
    from jobstore.operations.archiving import standing
    from jobstore.operations.backup.catalog import open_places

    settings = _settings(config)
    with suppress(Exception):
        found = standing(settings)
        names = open_places(settings)[1].sizes()
        if found is not None and any(each.endswith(".json") for each in names):
            return {"based": True}
    return {"based": False}


async def _write(config: str, acknowledged: str) -> None:
    import jobstore
    from benchmarks import generator

    settings = _settings(config)
    postings = [*generator.fresh(2000, first=0)]
    told = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def write(store: Any, writer: int) -> None:
        number = 0
        while True:
            key = f"{writer}-{number}"
            posting = postings[(writer * 997 + number) % len(postings)]
            await store.upsert({**posting, "source": "loss", "source_job_id": key})
            os.write(told, f"{key} {time.time()}\n".encode())
            number += 1

    async with jobstore.connect(settings.store.url, options=settings.store.options) as store:
        await asyncio.gather(*(write(store, each) for each in range(WRITERS)))


async def _rate(config: str) -> dict[str, Any]:
    import jobstore
    from benchmarks import generator
    from benchmarks.measuring import Timings, at_once

    settings = _settings(config)
    async with jobstore.connect(settings.store.url, options=settings.store.options) as store:
        calls = [
            lambda posting=posting: store.upsert(posting)
            for posting in generator.fresh(_WRITES, first=0)
        ]
        timings = Timings()
        before = time.process_time()
        await at_once(calls, timings, WRITERS)
        processor = time.process_time() - before
    found = timings.summary()
    return {
        "seconds": timings.elapsed,
        "processor": processor,
        "p50_ms": found["p50"],
        "p99_ms": found["p99"],
    }


async def _restore(config: str) -> dict[str, Any]:
    import jobstore
    from jobstore.operations.archiving import restore_at

    settings = _settings(config)
    await asyncio.to_thread(restore_at, settings, None)
    async with jobstore.connect(settings.store.url) as store:
        return {"keys": [job.source_job_id async for job in store.stream()]}


def _main(task: str, *arguments: str) -> None:
    if task == "write":
        asyncio.run(_write(*arguments))
        return
    if task == "rate":
        said = asyncio.run(_rate(*arguments))
    elif task == "restore":
        said = asyncio.run(_restore(*arguments))
    else:
        said = {"make": _make, "archive": _archive, "is-based": _is_based}[task](*arguments)
    print(json.dumps(said))


if __name__ == "__main__":
    _main(*sys.argv[1:])
