"""``python -m benchmarks.recovery``: how long it takes to get a lost store back, by its size.

A store of each size is backed up, and then written to for as many seconds as are asked for, some
upserts in each, new and changed postings; nobody waits for the seconds to pass, but each has its
piece of the log. The pieces are shipped one by one, and joined as they are in service. Then the
machine is taken to be lost: the store comes back from the backup alone, and from the backup with
the log replayed onto it up to its end, one after the other, as often as is asked for. Both check
everything that a restore checks. Processor time is told beside the time that passes, since that
depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jobstore
from benchmarks import generator
from benchmarks.databases import database, scratch
from benchmarks.running import say
from jobstore import migrating
from jobstore.engines import archive_of, log_of
from jobstore.operations import archiving, backup
from jobstore.operations.archiving import segments
from jobstore.operations.backup import Restored
from jobstore.operations.backup.catalog import open_places
from jobstore.progress import silent
from jobstore.scratch import make_folder
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings

_SIZES = (10_000, 100_000)
_SECONDS = 3600
_UPSERTS = 10
_ROUNDS = 3
# Bytes of the log that may wait beside the store.
_LIMIT = 8 * 1024**3


def _settings(folder: Path, backups: Path) -> Settings:
    url = sqlite_url(folder / "jobs.db")
    return Settings.model_validate({"store": {"url": url}, "backup": {"folder": str(backups)}})


async def _write(settings: Settings, seconds: int, upserts: int) -> None:
    """Write so many seconds' worth of postings; half of them change one that is there."""
    address = settings.store.address
    log = log_of(address)
    new = generator.postings(seconds * upserts, first=900_000_000)
    known: list[dict[str, object]] = []
    async with jobstore.connect(str(address)) as store:
        for second in range(seconds):
            several = [next(new) for _ in range(upserts - upserts // 2)]
            again = known[-200:][: upserts // 2]
            changed = [{**each, "title": f"{each['title']} ({second})"} for each in again]
            await store.upsert_many([*several, *changed])
            known = [*known[-200:], *several]
            log.capture(address)


def _ship(settings: Settings) -> int:
    """Bring each piece to the folder as an object of its own; returns their bytes."""
    address = settings.store.address
    kept = log_of(address).kept(address)
    if kept is None:
        raise RuntimeError("no log is kept")
    place = open_places(settings)[0]
    below = place.below(segments.FOLDER)
    make_folder(Path(below.name))
    store = archive_of(address).identity(address)
    digest, octets = None, 0
    for piece in kept.segments:
        target = settings.backups_folder / segments.name_of(
            address.path.stem, piece.generation, piece.number, piece.number
        )
        shipped = segments.pack(
            [piece], target, section=settings.backup, store=store, previous=digest
        )
        digest = shipped.digest
        octets += target.stat().st_size
        below.upload(target.name, target, silent)
        target.unlink(missing_ok=True)
    done = archiving.tidy(settings, place)
    if done.error is not None:
        raise RuntimeError(done.error)
    return octets


def measure(size: int, seconds: int, upserts: int, rounds: int) -> dict[str, float]:
    """Return what was measured at one size: seconds, bytes of the log, postings restored."""
    with scratch() as folder:
        (folder / "here").mkdir()
        settings = _settings(folder / "here", folder / "kept")
        path = settings.store.address.path
        source = database(size).path
        for end in ("", "-wal"):
            if (file := Path(f"{source}{end}")).exists():
                shutil.copyfile(file, f"{path}{end}")
        migrating.up(settings.store.url)
        log_of(settings.store.address).start(settings.store.address, limit=_LIMIT, wait=False)
        backup.create(settings)
        say(f"{size:,}: writing {seconds:,} seconds' worth")
        asyncio.run(_write(settings, seconds, upserts))
        octets = _ship(settings)
        (folder / "there").mkdir()
        shutil.rmtree(folder / "here")
        lost = _settings(folder / "there", folder / "kept")
        alone: list[_Took] = []
        replayed: list[_Took] = []
        postings = 0
        for number in range(rounds):
            say(f"{size:,}: round {number + 1} of {rounds}")
            alone.append(_took(lambda: backup.restore(lost))[1])
            _forget(folder / "there")
            restored, took = _took(lambda: archiving.restore_at(lost, None))
            replayed.append(took)
            postings = restored.postings
            _forget(folder / "there")
        return {
            "postings": size,
            "restored": postings,
            "objects": len([*(folder / "kept" / segments.FOLDER).iterdir()]),
            "log_mib": octets / 1024**2,
            "alone": statistics.median(each.processor for each in alone),
            "alone_passed": statistics.median(each.passed for each in alone),
            "with_log": statistics.median(each.processor for each in replayed),
            "with_log_passed": statistics.median(each.passed for each in replayed),
        }


class _Took(NamedTuple):
    """Seconds of all processors, and seconds that passed."""

    processor: float
    passed: float


def _took(work: Callable[[], Restored]) -> tuple[Restored, _Took]:
    processor, began = time.process_time(), time.monotonic()
    done = work()
    return done, _Took(time.process_time() - processor, time.monotonic() - began)


def _forget(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def main() -> int:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(_SIZES))
    parser.add_argument("--seconds", type=int, default=_SECONDS, help="of writing (%(default)s)")
    parser.add_argument("--upserts", type=int, default=_UPSERTS, help="a second (%(default)s)")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="(%(default)s)")
    options = parser.parse_args()
    found = [
        measure(size, options.seconds, options.upserts, options.rounds) for size in options.sizes
    ]
    print("| postings | log since the backup | pieces in | backup alone | with the log |")
    print("|---|---|---|---|---|")
    for each in found:
        print(
            f"| {each['postings']:,.0f} | {each['log_mib']:,.0f} MiB "
            f"| {each['objects']:,.0f} objects "
            f"| {each['alone']:.1f} s ({each['alone_passed']:.1f}) "
            f"| {each['with_log']:.1f} s ({each['with_log_passed']:.1f}) |"
        )
    print("Seconds of processor time, and in brackets those that passed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
