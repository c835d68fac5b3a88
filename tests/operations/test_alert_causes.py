"""Each default rule fires by what it is there for, and is over when that is."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, JobStore, StoreBusy, migrating
from jobstore.locking import FileLock
from jobstore.operations import backup
from jobstore.operations.alerts import check, gather
from jobstore.operations.monitoring import Recorder
from jobstore.operations.schedule import run_due
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.fixtures.disks import HangingDisk, SmallDisk
from tests.fixtures.postings import posting
from tests.operations.receivers import Webhook, webhook
from tests.operations.watching import NOW, Seconds, ask, recorder_for, settings_for

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@pytest.fixture
def receiver() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, receiver: Webhook) -> Settings:
    sink = {"type": "webhook", "url": receiver.url}
    return settings_for(tmp_path, alerts={"sinks": [sink]})


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def recorder(tmp_path: Path, seconds: Seconds) -> Recorder:
    return recorder_for(tmp_path, seconds)


@pytest.fixture
def blocked() -> Iterator[Callable[..., None]]:
    """A call that does not return before the test has ended."""
    let_go = threading.Event()

    def wait(*_: Any) -> None:
        let_go.wait(60)

    yield wait
    let_go.set()


def judge(settings: Settings, now: float, **known: Any) -> set[str]:
    """Check, and return the rules that fire."""
    checked = check(settings, gather(settings, now=now, **known))
    return {each.rule for each in checked.standings if each.firing} - {
        "backup-age",
        "restore-test-age",
    }


def told(receiver: Webhook, *rules: str) -> list[tuple[str, str]]:
    return [(each["rule"], each["kind"]) for each in receiver.notices if each["rule"] in rules]


@asynccontextmanager
async def writing(url: str, recorder: Recorder, patience: float) -> AsyncIterator[JobStore]:
    options = EngineOptions(synchronous="normal", busy_timeout=patience)
    async with jobstore.connect(url, options=options, observers=[recorder]) as store:
        yield store


async def quick_ones(store: JobStore, recorder: Recorder) -> None:
    await store.upsert(posting("quick"))
    # How quick a call is on this machine is not what these tests are about.
    ask(recorder, *[0.001] * 100, operation="find")
    recorder.flush()


@pytest.mark.parametrize("rule", ["latency-warning", "latency-critical"])
async def test_slow_writes_raise_latency_alerts_until_they_are_quick(
    migrated_url: str,
    tmp_path: Path,
    settings: Settings,
    receiver: Webhook,
    recorder: Recorder,
    seconds: Seconds,
    rule: str,
) -> None:
    if rule == "latency-warning":
        # However slow the machine is, it shall not be critical as well.
        rules = [{"name": "latency-critical", "enabled": False}]
        given = {"rules": rules, "sinks": settings.alerts.model_dump()["sinks"]}
        settings = settings_for(tmp_path, alerts=given)
    async with writing(migrated_url, recorder, 10) as store:
        await quick_ones(store, recorder)
        assert judge(settings, seconds.now) == set()
        # Another process keeps the writer waiting.
        with FileLock(tmp_path / "jobs.db", 1):
            writes = [asyncio.ensure_future(store.upsert(posting(n))) for n in range(30)]
            await asyncio.sleep(0.13)
        await asyncio.gather(*writes)
        recorder.flush()
        assert rule in judge(settings, seconds.now)
        seconds.now += 6 * MINUTE
        await quick_ones(store, recorder)
        judge(settings, seconds.now)
        seconds.now += 6 * MINUTE
        await quick_ones(store, recorder)
        assert judge(settings, seconds.now) == set()
    assert told(receiver, rule) == [(rule, "firing"), (rule, "resolved")]


@pytest.mark.parametrize(
    ("failing", "firing", "told_of"),
    [(2, {"errors-warning"}, "errors-warning"),
     (8, {"errors-warning", "errors-critical"}, "errors-critical")],
)  # fmt: skip
async def test_writes_that_fail_raise_error_alerts_until_they_succeed(
    migrated_url: str,
    tmp_path: Path,
    settings: Settings,
    receiver: Webhook,
    recorder: Recorder,
    seconds: Seconds,
    failing: int,
    firing: set[str],
    told_of: str,
) -> None:
    async with (
        writing(migrated_url, recorder, 10) as store,
        writing(migrated_url, recorder, 0.02) as impatient,
    ):
        await quick_ones(store, recorder)
        assert judge(settings, seconds.now) == set()
        with FileLock(tmp_path / "jobs.db", 1):
            writes = [impatient.upsert(posting(number)) for number in range(failing)]
            results = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(each) for each in results} == {StoreBusy}
        recorder.flush()
        assert {each for each in judge(settings, seconds.now) if "errors" in each} == firing
        for _ in range(2):
            seconds.now += 6 * MINUTE
            await quick_ones(store, recorder)
            now = judge(settings, seconds.now)
        assert now == set()
    assert told(receiver, "errors-warning", "errors-critical") == [
        (told_of, "firing"),
        (told_of, "resolved"),
    ]


async def test_answers_that_are_no_failures_raise_nothing(
    migrated_url: str, settings: Settings, recorder: Recorder, seconds: Seconds
) -> None:
    async with writing(migrated_url, recorder, 10) as store:
        for number in range(50):
            with pytest.raises(jobstore.JobNotFound):
                await store.get(jobstore.job_id("board", str(number)))
    recorder.flush()
    assert judge(settings, seconds.now) == set()


def test_a_disk_that_fills_up_is_critical_until_there_is_space(
    small_disk: SmallDisk, receiver: Webhook, tmp_path: Path
) -> None:
    settings = settings_for(
        small_disk.folder,
        paths={"state": str(tmp_path / "state")},
        alerts={"sinks": [{"type": "webhook", "url": receiver.url}]},
    )
    assert judge(settings, NOW) == set()
    small_disk.burden(3_900_000)
    assert judge(settings, NOW + MINUTE) == {"disk-free"}
    small_disk.relieve()
    assert judge(settings, NOW + 2 * MINUTE) == set()
    assert told(receiver, "disk-free") == [("disk-free", "firing"), ("disk-free", "resolved")]
    assert {each["severity"] for each in receiver.notices if each["rule"] == "disk-free"} == {
        "critical"
    }


async def test_backups_and_drills_that_are_missing_or_old_warn_until_there_is_one(
    migrated_url: str, settings: Settings, receiver: Webhook
) -> None:
    rules = ("backup-age", "restore-test-age")

    def at(now: float | None) -> None:
        check(settings, gather(settings, now=now))

    at(None)
    made = await backup.in_thread(partial(backup.create, settings))
    assert (await backup.in_thread(partial(backup.run_restore_test, settings))).ok
    at(None)
    moment = made.manifest.created_at.timestamp()
    at(moment + 25.9 * HOUR)
    assert told(receiver, *rules) == [
        ("backup-age", "firing"),
        ("restore-test-age", "firing"),
        ("backup-age", "resolved"),
        ("restore-test-age", "resolved"),
    ]
    receiver.bodies.clear()
    at(moment + 26.1 * HOUR)
    assert told(receiver, *rules) == [("backup-age", "firing")]
    at(moment + 8.1 * DAY)
    assert told(receiver, "restore-test-age") == [("restore-test-age", "firing")]
    assert receiver.notices[-1]["text"].startswith("the last restore test is 8.1 days old")
    receiver.bodies.clear()
    await backup.in_thread(partial(backup.create, settings))
    assert (await backup.in_thread(partial(backup.run_restore_test, settings))).ok
    at(None)
    assert told(receiver, *rules) == [("backup-age", "resolved"), ("restore-test-age", "resolved")]


async def test_a_backup_and_a_drill_of_a_clock_that_was_ahead_are_told(
    migrated_url: str, settings: Settings, receiver: Webhook
) -> None:
    made = await backup.in_thread(partial(backup.create, settings))
    assert (await backup.in_thread(partial(backup.run_restore_test, settings))).ok
    moment = made.manifest.created_at.timestamp()
    check(settings, gather(settings, now=moment - 4 * MINUTE))
    assert receiver.bodies == []
    check(settings, gather(settings, now=moment - HOUR))
    texts = {each["text"] for each in receiver.notices}
    assert texts == {
        "the last backup is dated in the future; limit 26",
        "the last restore test is dated in the future; limit 8",
    }


def test_what_cannot_be_read_is_not_judged_and_the_rest_is(
    settings: Settings, caplog: pytest.LogCaptureFixture, recorder: Recorder
) -> None:
    ask(recorder, *[0.2] * 50)
    recorder.flush()
    with closing(sqlite3.connect(settings.operations_db)) as conn:
        conn.execute("DROP TABLE tally")
        conn.execute("DROP TABLE restore_test")
    found = gather(settings, now=NOW)
    assert (found.windows, found.restore_test_age_days) == ({}, None)
    assert found.backup_age_hours == float("inf")
    assert found.disk_free_percent is not None
    assert [each.levelno for each in caplog.records] == [logging.WARNING] * 2
    assert judge(settings, NOW) == set()


def test_a_disk_that_hangs_is_told(
    hanging_disk: HangingDisk,
    receiver: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    blocked: Callable[..., Any],
) -> None:
    migrating.up(sqlite_url(hanging_disk.folder / "jobs.db"))
    settings = settings_for(
        hanging_disk.folder,
        paths={"state": str(tmp_path / "state")},
        health={"timeout": 0.2},
        alerts={"sinks": [{"type": "webhook", "url": receiver.url}]},
    )
    hanging_disk.hang()
    # One that is frozen tells its size; one that is far away does not.
    monkeypatch.setattr(shutil, "disk_usage", blocked)
    threads = []
    for _ in range(3):
        (ran,) = run_due(settings, only=["alerts"], clock=Seconds(NOW + HOUR * len(threads)))
        assert ran.outcome == "done"
        threads.append(sum(each.name.startswith("jobstore") for each in threading.enumerate()))
    hanging_disk.recover()
    assert told(receiver, "health-failing") == [("health-failing", "firing")]
    # What hangs is waited for by one thread each, however often it is looked at.
    assert threads[0] >= threads[1] >= threads[2]


def test_a_pipe_in_place_of_a_file_is_told_and_keeps_nothing_from_being_judged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(tmp_path, health={"timeout": 0.2})
    settings.state_folder.mkdir()
    os.mkfifo(settings.operations_db)
    for _ in range(3):
        found = gather(settings, now=NOW)
        assert (found.windows, found.restore_test_age_days, found.backup_age_hours) == (
            *({}, None, None),
        )
        assert found.disk_free_percent is not None
    # The traffic, the backup and the restore test.
    assert caplog.text.count("operations.db cannot be used: it is not a plain file") == 3 * 3


def test_a_store_that_is_nowhere_has_no_disk_to_be_judged(tmp_path: Path) -> None:
    nowhere = settings_for(tmp_path, store={"url": sqlite_url(tmp_path / "nowhere" / "jobs.db")})
    assert gather(nowhere, now=NOW).disk_free_percent is None
