"""An archiver that is killed at each step, frozen, or waited for: nothing is lost or half there."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, OutcomeUnknown, StoreBusy
from jobstore.engines import log_of
from jobstore.engines.sqlite.log import waiting as log_waiting
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.locking import FileLock, attempts
from jobstore.operations.archiving import Archiver, restore_at, segments, ship, standing
from jobstore.operations.archiving.segments import listing
from jobstore.operations.backup.places import FolderPlace
from jobstore.settings.sections import Settings
from tests.fixtures.postings import posting
from tests.operations.backups import content, leftovers
from tests.operations.test_archive_shipping import has_all, settings_of, until, write

Start = Callable[..., subprocess.Popen[str]]

pytestmark = [pytest.mark.usefixtures("migrated_url"), pytest.mark.no_cover]

# What kills the process that ships, before or after one of its steps is done so many times.
KILLED = """
import os, signal, sys
from pathlib import Path
from jobstore.engines.sqlite.log.log import SQLiteLog
from jobstore.operations.archiving import couriers, packer, ship, shipping
from jobstore.operations.backup import creation, places
from jobstore.settings.loading import load

step, when, times = sys.argv[2], sys.argv[3], int(sys.argv[4])
owner, name = {
    "capture": (SQLiteLog, "capture"),
    "pack": (packer, "pack"),
    "link": (os, "link"),
    "publish": (places, "publish"),
    "rename": (Path, "replace"),
    "upload": (places.FolderPlace, "upload"),
    "release": (SQLiteLog, "release"),
    "backup": (shipping.Beginnings, "attend"),
    "listing": (couriers, "listing"),
}[step]
real, left = getattr(owner, name), [times]

def killing(*given, **named):
    left[0] -= 1
    if when == "before" and left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    done = real(*given, **named)
    if when == "after" and left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(owner, name, killing)
ship(load(sys.argv[1]).settings)
"""

STEPS = [
    (step, when, times)
    for step in ("capture", "pack", "link", "publish", "rename", "upload", "release", "listing")
    # Before the second time is after the first one, or after a step between them.
    for when, times in (("before", 1), ("after", 1), ("after", 2))
] + [("backup", "before", 1), ("backup", "after", 1)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, "one", "two")


def given_back(settings: Settings, place: Path, folder: Path) -> list[tuple[Any, ...]]:
    folder.mkdir()
    found = settings_of(folder, archive={"wait": settings.archive.wait})
    section = found.backup.model_copy(update={"places": (str(place),)})
    restore_at(found.model_copy(update={"backup": section}), None)
    return content(folder / "jobs.db")


@pytest.mark.parametrize(("step", "when", "times"), STEPS)
def test_an_archiver_that_is_killed_leaves_places_whole_and_the_next_goes_on(
    settings: Settings, tmp_path: Path, start_python: Start, step: str, when: str, times: int
) -> None:
    states = [content(tmp_path / "jobs.db")]
    ship(settings)
    for number in range(2):
        write(settings, *(f"{number} {each}" for each in range(5)))
        states.append(content(tmp_path / "jobs.db"))
        if not number:
            ship(settings)
    file = tmp_path / "config.yaml"
    file.write_text(settings.model_dump_json(exclude_unset=True))
    with start_python(KILLED, str(file), step, when, str(times)) as done:
        output, _ = done.communicate(timeout=300)
    assert done.returncode in (-signal.SIGKILL, 0), output
    for place in ("one", "two"):
        # Whatever is there is whole, and what was there before is.
        found = given_back(settings, tmp_path / place, tmp_path / f"killed-{place}")
        assert found in states[1:]
    found_now = ship(settings)
    assert not any(each.fault or each.warnings for each in found_now.places)
    for place in ("one", "two"):
        assert given_back(settings, tmp_path / place, tmp_path / place / "r") == states[-1]
        assert not leftovers(tmp_path / place, tmp_path / place / "archive")
    assert not leftovers(settings.backups_folder / "archive", settings.state_folder)


class Child:
    """An archiver in a process of its own."""

    def __init__(self, repository: Path, config: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobstore", "archive", "run", "--quiet", "--config", config],
            env={**os.environ, "PYTHONPATH": str(repository)},
            stderr=subprocess.DEVNULL,
        )

    def freeze(self, settings: Settings) -> None:
        """Stop it where it holds no lock that others wait for, which it does for milliseconds."""
        path = settings.store.address.path
        while True:
            self.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
            with suppress(StoreBusy), Spool(path).lock(0.1), FileLock(path, 0.1):
                return
            self.thaw()

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.thaw()
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def start(repository: Path, tmp_path: Path) -> Iterator[Callable[[Settings], Child]]:
    started: list[Child] = []

    def starting(settings: Settings) -> Child:
        file = tmp_path / "config.yaml"
        file.write_text(settings.model_dump_json(exclude_unset=True))
        started.append(Child(repository, file))
        until(lambda: (found := standing(settings)) is not None and found.process is not None)
        return started[-1]

    yield starting
    for each in started:
        each.close()


def test_kills_under_writers_lose_nothing_that_the_next_archiver_does_not_bring(
    settings: Settings, tmp_path: Path, start: Callable[[Settings], Child]
) -> None:
    for number in range(4):
        child = start(settings)
        write(settings, *(f"{number} {each}" for each in range(30)))
        child.process.kill()
        child.process.wait(60)
        write(settings, f"{number} between")
        (settings.state_folder / "archive.json").unlink()
    ship(settings)
    for place in ("one", "two"):
        assert given_back(settings, tmp_path / place, tmp_path / f"r-{place}") == content(
            tmp_path / "jobs.db"
        )


def test_a_frozen_archiver_costs_writers_nothing_and_catches_up(
    settings: Settings, tmp_path: Path, start: Callable[[Settings], Child]
) -> None:
    child = start(settings)
    until(lambda: has_all(settings))
    child.freeze(settings)
    told: list[str] = []
    second = Archiver(settings, told=told.append)
    second.start()
    for number in range(5):
        write(settings, number)
        log_of(settings.store.address).capture(settings.store.address)
    # It holds its lock, so nobody else does its work meanwhile.
    until(lambda: told)
    assert not has_all(settings)
    second.stop(60)
    child.thaw()
    until(lambda: has_all(settings))
    names, _ = listing(FolderPlace(tmp_path / "two" / segments.FOLDER))
    assert path_ends(names) == standing_segment(settings)


def path_ends(names: list[segments.Name]) -> int:
    return max(each.last for each in names)


def standing_segment(settings: Settings) -> int:
    found = standing(settings)
    assert found is not None
    return found.segment


# Acknowledged once a place has it


@pytest.fixture
def waiting(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, "one", archive={"wait": True})


@pytest.fixture
def given_up(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Once this is set, writes no longer wait for a place; before it, no load ends their wait."""
    event = threading.Event()

    def until_then(patience: float) -> Iterator[None]:
        yield from itertools.takewhile(lambda _: not event.is_set(), attempts(patience))
        yield from attempts(0.5)

    monkeypatch.setattr(log_waiting, "attempts", until_then)
    return event


def test_what_was_acknowledged_with_wait_is_at_the_place(
    waiting: Settings,
    tmp_path: Path,
    start: Callable[[Settings], Child],
    given_up: threading.Event,
) -> None:
    child = start(waiting)
    acknowledged: list[str] = []

    async def one(store: jobstore.JobStore, writer: int) -> None:
        for number in range(15):
            await store.upsert(posting(f"{writer}-{number}"))
            acknowledged.append(f"{writer}-{number}")
            if writer == number == 9:
                child.process.kill()
                given_up.set()

    async def writing() -> None:
        options = EngineOptions(busy_timeout=120)
        async with jobstore.connect(waiting.store.url, options=options) as store:
            told = await asyncio.gather(
                *(one(store, writer) for writer in range(10)), return_exceptions=True
            )
        assert given_up.is_set()
        assert any(isinstance(each, OutcomeUnknown) for each in told)

    asyncio.run(writing())
    found = {row[2] for row in given_back(waiting, tmp_path / "one", tmp_path / "r")}
    # Also what was acknowledged after the kill, since its place in the log was brought before.
    assert found >= {*acknowledged}


def test_a_write_that_no_place_has_in_time_is_not_acknowledged(
    waiting: Settings,
    tmp_path: Path,
    start: Callable[[Settings], Child],
    given_up: threading.Event,
) -> None:
    child = start(waiting)

    async def writing(key: str = "waits") -> None:
        options = EngineOptions(busy_timeout=120)
        async with jobstore.connect(waiting.store.url, options=options) as store:
            await store.upsert(posting(key))

    asyncio.run(writing())
    child.freeze(waiting)
    given_up.set()
    with pytest.raises(OutcomeUnknown, match="no place of the archive has it yet"):
        asyncio.run(writing("waits longer"))
    given_up.clear()
    child.thaw()
    asyncio.run(writing())
    until(lambda: has_all(waiting))
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as conn:
        assert conn.execute("SELECT count(*) FROM posting").fetchone() == (2,)
