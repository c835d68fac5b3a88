"""Deployments that are killed, run twice, or run out of disk, while scrapers go on writing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, JobStore, JobStoreError, StoreBusy
from jobstore.operations import backup
from jobstore.operations.deployment import Book, Deployment, Status, deploy, roll_back
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.fixtures.checks import check_file
from tests.fixtures.disks import SmallDisk
from tests.fixtures.migrations import NEWEST, next_id
from tests.fixtures.postings import full, posting
from tests.operations.deploying import (
    COLUMN,
    Migrations,
    content,
    deployed,
    gates,
    rolled_back,
    settings_for,
)

Start = Callable[..., Popen[str]]

# Whoever writes meanwhile is not refused, however slow the machine is.
PATIENT = EngineOptions(busy_timeout=300)
# What lets a deployment fail in its third phase, and in its first.
TOO_SLOW: dict[str, Any] = {"thresholds": {"get_ms": 0.001}}
NO_ROOM: dict[str, Any] = {"deployment": {"min_free_mib": 1_000_000}}


pytestmark = pytest.mark.usefixtures("few_calls")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def settings(tmp_path: Path, migrated_url: str) -> Settings:
    """The settings of a store with some postings."""

    async def fill() -> None:
        async with jobstore.connect(migrated_url) as store:
            await store.upsert_many(full(number) for number in range(10))

    asyncio.run(fill())
    return settings_for(tmp_path)


@pytest.fixture
def following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migrations:
    """The migrations of this jobstore and a next one."""
    added = Migrations(tmp_path / "migrations")
    added.add(*COLUMN)
    added.use(monkeypatch.setattr)
    return added


class Scrapers:
    """A hundred coroutines that write all the time; ``acknowledged`` has the versions by key."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._going = True
        self._news = asyncio.Event()
        self.acknowledged: dict[str, int] = {}
        self.refused: list[JobStoreError] = []

    async def _write(self, name: int) -> None:
        number = 0
        while self._going:
            key = f"{name}-{number % 7}"
            number += 1
            try:
                result = await self._store.upsert(
                    posting(key, title=f"Engineer {number}", applicant_count=number)
                )
            except JobStoreError as error:
                self.refused.append(error)
                self._news.set()
                await asyncio.sleep(0.01)
            else:
                self.acknowledged[key] = result.version
                self._news.set()
                await asyncio.sleep(0.05)

    async def _until(self, keys: int) -> None:
        while len(self.acknowledged) < keys and not self.refused:
            self._news.clear()
            await self._news.wait()

    async def during(self, work: Callable[[], Deployment]) -> Deployment:
        """Write while ``work`` runs on a thread, and a little before and after.

        All of them have written before it begins, and somebody something new when it has ended.
        """
        tasks = [asyncio.create_task(self._write(name)) for name in range(100)]
        await self._until(100)
        try:
            done = await asyncio.to_thread(work)
            await self._until(101)
        finally:
            self._going = False
            await asyncio.gather(*tasks)
        return done


async def versions(url: str) -> dict[str, int]:
    async with jobstore.connect(url) as store:
        return {job.source_job_id: job.version async for job in store.stream()}


@pytest.mark.parametrize("outcome", ["go", "no-go"])
async def test_a_deployment_loses_nothing_that_a_hundred_coroutines_got_acknowledged(
    tmp_path: Path,
    migrated_url: str,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
) -> None:
    settings = settings_for(tmp_path, **(TOO_SLOW if outcome == "no-go" else {}))
    following = Migrations(tmp_path / "migrations")
    name = following.add(*COLUMN)
    async with jobstore.connect(migrated_url, options=PATIENT) as store:
        scrapers = Scrapers(store)
        following.use(monkeypatch.setattr)
        done = await scrapers.during(lambda: deployed(settings))

    assert scrapers.refused == []
    assert len(scrapers.acknowledged) > 100
    assert done.go is (outcome == "go")
    assert any(name in line for line in done.undone) is (outcome == "no-go")
    assert done.left == []
    monkeypatch.undo()
    if outcome == "go":
        following.use(monkeypatch.setattr)
    found = await versions(migrated_url)
    assert found == scrapers.acknowledged
    check_file(path)


async def test_a_rollback_loses_nothing_that_a_hundred_coroutines_got_acknowledged(
    tmp_path: Path, migrated_url: str, path: Path
) -> None:
    settings = settings_for(tmp_path)
    await asyncio.to_thread(deployed, settings)
    async with jobstore.connect(migrated_url, options=PATIENT) as store:
        scrapers = Scrapers(store)
        done = await scrapers.during(lambda: rolled_back(settings, 1))

    assert done.go
    assert scrapers.refused == []
    assert done.loss is not None
    assert done.loss.added > 0
    # Each is in the store, or in the backup that was made at the very moment.
    assert done.saved is not None
    other = sqlite_url(tmp_path / "saved.db")
    await backup.in_thread(partial(backup.restore, settings, name=done.saved, to=other))
    saved, there = await versions(other), await versions(migrated_url)
    assert len(saved) == done.loss.added
    for key, version in scrapers.acknowledged.items():
        assert version in (there.get(key), saved.get(key))
    check_file(path)


# Deploys, or rolls back, and is killed when a gate was passed.
KILLED = """
import os, signal, sys
from pathlib import Path
import jobstore.resources
from jobstore.operations import deployment
from jobstore.engines.sqlite.upkeep import exchange
from jobstore.operations.deployment import undoing
from jobstore.settings.sections import Settings

settings = Settings.model_validate_json(Path(sys.argv[1]).read_text())
work, moment = sys.argv[3:5]
if sys.argv[2]:
    given = jobstore.resources.migrations_folder
    jobstore.resources.migrations_folder = (
        lambda of: Path(sys.argv[2]) if of == "sqlite" else given(of)
    )

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def told(phase, gate):
    print(gate.name, flush=True)
    if gate.name == moment:
        die()
    if moment == "wait":
        sys.stdin.readline()

if moment == "half-way":
    exchange._free_name = die
if moment == "exchanged":
    exchange._forget_log = die
if moment == "undoing":
    undoing.migrating.down = lambda *arguments, **options: die()
if work == "deploy":
    deployment.deploy(settings, run_id="killed", told=told)
else:
    deployment.roll_back(settings, 1, run_id="killed", agree=print, told=told)
"""


class Killing:
    """Runs deployments and rollbacks in processes of their own, which do not get far."""

    def __init__(self, start: Start, folder: Path) -> None:
        self._start = start
        self._file = folder / "settings.json"

    def start(
        self, settings: Settings, moment: str, following: Migrations | None, work: str = "deploy"
    ) -> Popen[str]:
        self._file.write_text(settings.model_dump_json())
        folder = "" if following is None else str(following.folder)
        return self._start(KILLED, str(self._file), folder, work, moment)

    def __call__(self, *arguments: Any) -> None:
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=300)
        assert process.returncode == -9, output


@pytest.fixture
def killed(start_python: Start, tmp_path: Path) -> Killing:
    return Killing(start_python, tmp_path)


def test_a_deployment_that_fails_after_a_killed_one_puts_back_what_was_before_that(
    settings: Settings, following: Migrations, path: Path, killed: Killing
) -> None:
    before = content(path)
    killed(settings, "migrations", following)
    assert Book(settings).one(1).status is Status.RUNNING
    assert content(path) != before

    failed = deployed(settings_for(path.parent, **NO_ROOM))

    assert Book(settings).one(1).status is Status.INTERRUPTED
    assert (failed.continues, failed.go, failed.left) == (1, False, [])
    assert content(path) == before
    # The next one has nothing to go on from.
    done = deployed(settings)
    assert (done.go, done.continues) == (True, None)
    assert done.applied == [next_id("of-a-test")]
    check_file(path)


def test_a_deployment_goes_on_from_a_killed_one_and_leaves_nothing_of_it(
    settings: Settings, following: Migrations, path: Path, killed: Killing
) -> None:
    killed(settings, "scratch copy", following)
    assert [each for each in path.parent.iterdir() if "scratch" in each.name]

    done = deployed(settings)

    assert (done.go, done.continues, done.applied) == (True, 1, [])
    assert done.before is not None
    assert done.before.newest == NEWEST
    # What is there is not what was backed up before.
    assert done.backup == Book(settings).one(1).backup != done.snapshot
    check_file(path)
    assert not [each for each in path.parent.iterdir() if "scratch" in each.name]


def test_a_chain_of_killed_deployments_is_gone_on_from(
    tmp_path: Path, following: Migrations, path: Path, killed: Killing
) -> None:
    settings = settings_for(tmp_path, deployment={"sample_data": True})
    killed(settings, "sample data", following)
    killed(settings, "folders", following)

    failed = deployed(settings_for(tmp_path, **NO_ROOM))

    # Before the first there was no store.
    assert (failed.continues, failed.phases[-1].gates[-1].name) == (2, "disk")
    assert "Took out 500 sample postings." in failed.undone
    assert not path.exists()


def test_a_deployment_that_is_killed_while_it_puts_things_back(
    settings: Settings, following: Migrations, path: Path, killed: Killing
) -> None:
    before = content(path)
    failing = settings_for(path.parent, **TOO_SLOW)
    killed(failing, "undoing", following)
    assert content(path) != before

    assert deployed(settings_for(path.parent, **NO_ROOM)).continues == 1

    assert content(path) == before


@pytest.mark.parametrize("moment", ["half-way", "exchanged", "data"])
def test_after_a_killed_rollback_the_next_one_gets_it_right(
    settings: Settings, path: Path, killed: Killing, moment: str
) -> None:
    assert deployed(settings).go
    first = content(path)

    async def write() -> None:
        async with jobstore.connect(settings.store.url) as store:
            await store.upsert_many(posting(f"later {number}") for number in range(100))

    asyncio.run(write())
    latest = content(path)
    killed(settings, moment, None, "rollback")
    assert Book(settings).one(2).status is Status.RUNNING
    # All of it or nothing.
    assert content(path) == (latest if moment == "half-way" else first)
    check_file(path)

    done = rolled_back(settings, 1)

    assert (done.go, done.continues) == (True, 2)
    assert done.loss is not None
    assert done.loss.added == (100 if moment == "half-way" else 0)
    assert content(path) == first


def test_of_two_at_once_the_second_is_refused_and_a_killed_one_holds_nothing_up(
    settings: Settings, following: Migrations, path: Path, killed: Killing
) -> None:
    with killed.start(settings, "wait", following) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "configuration\n"
        before = content(path)

        with pytest.raises(StoreBusy, match=rf"deployment 1 \(process {process.pid}\)"):
            deployed(settings)
        with pytest.raises(StoreBusy, match="nothing was changed"):
            rolled_back(settings, 1)

        assert content(path) == before
        assert len(Book(settings).all()) == 1
        process.kill()
    done = deployed(settings)
    assert (done.go, done.continues, done.number) == (True, 1, 2)


def test_a_rollback_that_waits_for_an_answer_is_at_work_too(settings: Settings, path: Path) -> None:
    assert deployed(settings).go

    def meanwhile(loss: Any) -> None:
        with pytest.raises(StoreBusy, match="a deployment or a rollback"):
            deployed(settings)

    assert roll_back(settings, 1, run_id="test", agree=meanwhile).go


@pytest.fixture
def disk(small_disk: SmallDisk) -> SmallDisk:
    """A small disk, some of which can be freed, with a store on it.

    Something was deleted from the store, so that its file has free pages: what is put back needs no
    more room than that, where the log of what failed takes all the rest.
    """

    async def fill() -> None:
        url = sqlite_url(small_disk.folder / "jobs.db")
        async with jobstore.connect(url, migrate=True) as store:
            await store.upsert_many(full(number) for number in range(20))
            for number in range(10, 20):
                posting = full(number)
                key = (posting["source"], posting["source_job_id"])
                await store.delete(jobstore.job_id(*key))

    asyncio.run(fill())
    return small_disk


def test_a_migration_that_fills_the_disk_is_put_back(
    disk: SmallDisk, tmp_path: Path, following: Migrations
) -> None:
    path = disk.folder / "jobs.db"
    before = content(path)
    following.add(
        "CREATE TABLE large AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "LIMIT 10000) SELECT randomblob(1000) AS x FROM n;",
        "DROP TABLE large;",
    )
    settings = settings_for(disk.folder)

    done = deployed(settings)

    assert gates(done)["migrations"] == "fail"
    assert "space" in (done.error or "")
    assert [line for line in done.undone if next_id("of-a-test") in line]
    assert done.left == []
    assert content(path) == before
    check_file(path)


def test_a_disk_that_is_full_from_a_moment_on_ends_it_and_the_next_one_goes_on(
    disk: SmallDisk, following: Migrations
) -> None:
    path = disk.folder / "jobs.db"
    settings = settings_for(disk.folder)

    def fill_up(phase: str, gate: Any) -> None:
        if gate.name == "sample data":
            disk.burden(shutil.disk_usage(disk.folder).free)

    before = content(path)
    done = deploy(settings, run_id="test", told=fill_up)

    assert (done.go, done.status) == (False, Status.FAILED)
    assert [line for line in done.left if "The report could not be written" in line]
    disk.relieve()
    assert len(content(path)["rows"]["posting"]) == 10
    # Not even that it failed could be written, so it counts as interrupted.
    failed = deployed(settings_for(disk.folder, **NO_ROOM))
    assert failed.continues == 1
    assert content(path) == before
    assert deployed(settings).go
    check_file(path)


def test_a_disk_without_room_for_a_record_refuses_before_anything_is_changed(
    disk: SmallDisk, following: Migrations
) -> None:
    path = disk.folder / "jobs.db"
    settings = settings_for(disk.folder)
    before = content(path)
    settings.deployments_folder.mkdir(parents=True)
    disk.burden(shutil.disk_usage(disk.folder).free)

    with pytest.raises(JobStoreError, match="space"):
        deployed(settings)

    disk.relieve()
    assert content(path) == before
    assert deployed(settings).go


def test_ctrl_c_puts_back_what_was_before(
    settings: Settings, following: Migrations, path: Path
) -> None:
    before = content(path)

    def told(phase: str, gate: Any) -> None:
        if gate.name == "integrity":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deployed(settings, told=told)

    assert content(path) == before
    (kept,) = Book(settings).all()
    assert (kept.status, kept.error) == (Status.FAILED, "Interrupted.")
