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
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, JobStore, StoreBusy, migrating
from jobstore.locking import FileLock
from jobstore.operations import backup
from jobstore.operations.alerts import check, gather
from jobstore.operations.health import examine, probes
from jobstore.operations.monitoring import Recorder
from jobstore.operations.schedule import run_due
from jobstore.settings import sqlite_url
from jobstore.settings.alerting import DEFAULT_RULES
from jobstore.settings.sections import Settings
from tests.fixtures.disks import HangingDisk, SmallDisk
from tests.fixtures.postings import posting
from tests.operations.receivers import Webhook, webhook
from tests.operations.watching import NOW, Seconds, ask, recorder_for, settings_for

MINUTE, HOUR = 60.0, 3600.0
RULES = [each["name"] for each in DEFAULT_RULES]
AT_ONCE = [{"name": each["name"], "for_minutes": 0} for each in DEFAULT_RULES]


@pytest.fixture
def receiver() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, receiver: Webhook) -> Settings:
    sink = {"type": "webhook", "url": receiver.url}
    return settings_for(tmp_path, alerts={"sinks": [sink], "rules": AT_ONCE})


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


def evaluate(settings: Settings, now: float, *checks: str) -> set[str]:
    """Evaluate the rules with these checks of health, and return those that fire."""
    report = examine(settings, only=checks) if checks else None
    checked = check(settings, gather(settings, report, now=now))
    return {each.rule for each in checked.standings if each.firing}


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
        rules = [each for each in AT_ONCE if each["name"] != "latency-critical"]
        rules += [{"name": "latency-critical", "enabled": False}]
        given = {"rules": rules, "sinks": settings.alerts.model_dump()["sinks"]}
        settings = settings_for(tmp_path, alerts=given)
    async with writing(migrated_url, recorder, 120) as store:
        await quick_ones(store, recorder)
        assert evaluate(settings, seconds.now) == set()
        # Another process keeps the writer waiting.
        with FileLock(tmp_path / "jobs.db", 60):
            writes = [asyncio.ensure_future(store.upsert(posting(n))) for n in range(30)]
            await asyncio.sleep(0.13)
        await asyncio.gather(*writes)
        recorder.flush()
        assert rule in evaluate(settings, seconds.now)
        seconds.now += 6 * MINUTE
        await quick_ones(store, recorder)
        evaluate(settings, seconds.now)
        seconds.now += 6 * MINUTE
        await quick_ones(store, recorder)
        assert evaluate(settings, seconds.now) == set()
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
        writing(migrated_url, recorder, 120) as store,
        writing(migrated_url, recorder, 0.02) as impatient,
    ):
        await quick_ones(store, recorder)
        assert evaluate(settings, seconds.now) == set()
        with FileLock(tmp_path / "jobs.db", 60):
            writes = [impatient.upsert(posting(number)) for number in range(failing)]
            results = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(each) for each in results} == {StoreBusy}
        recorder.flush()
        assert {each for each in evaluate(settings, seconds.now) if "errors" in each} == firing
        for _ in range(2):
            seconds.now += 6 * MINUTE
            await quick_ones(store, recorder)
            now = evaluate(settings, seconds.now)
        assert now == set()
    assert told(receiver, "errors-warning", "errors-critical") == [
        (told_of, "firing"),
        (told_of, "resolved"),
    ]


async def test_answers_that_are_no_failures_raise_nothing(
    migrated_url: str, settings: Settings, recorder: Recorder, seconds: Seconds
) -> None:
    async with writing(migrated_url, recorder, 120) as store:
        for number in range(50):
            with pytest.raises(jobstore.JobNotFound):
                await store.get(jobstore.job_id("board", str(number)))
    recorder.flush()
    assert evaluate(settings, seconds.now) == set()


def test_a_disk_that_fills_up_is_critical_until_there_is_space(
    small_disk: SmallDisk, receiver: Webhook, tmp_path: Path
) -> None:
    settings = settings_for(
        small_disk.folder,
        paths={"state": str(tmp_path / "state")},
        health={"timeout": 30},
        # How slow the machine is does not matter here.
        thresholds=dict.fromkeys(("get_ms", "search_ms", "statistics_ms", "write_ms"), 3_600_000),
        alerts={"sinks": [{"type": "webhook", "url": receiver.url}]},
    )
    migrating.up(settings.store.url)
    assert evaluate(settings, NOW, "disk", "store") == set()
    small_disk.burden(3_900_000)
    assert evaluate(settings, NOW + MINUTE, "disk", "store") == set()
    # What follows from it (writes fail on it as well) is covered by it.
    assert "disk-free" in evaluate(settings, NOW + 3 * MINUTE, "disk", "store")
    small_disk.relieve()
    assert "disk-free" in evaluate(settings, NOW + 4 * MINUTE, "disk", "store")
    assert evaluate(settings, NOW + 9 * MINUTE, "disk", "store") == set()
    assert told(receiver, *RULES) == [("disk-free", "firing"), ("disk-free", "resolved")]
    assert {each["severity"] for each in receiver.notices} == {"critical"}


async def test_backups_and_restore_tests_that_are_missing_warn_until_there_is_one(
    migrated_url: str, tmp_path: Path, receiver: Webhook
) -> None:
    rules = ("backup-age", "restore-test-age")
    settings = settings_for(
        tmp_path,
        environment="staging",
        alerts={
            "sinks": [{"type": "webhook", "url": receiver.url}],
            "rules": [{"name": each, "for_minutes": 0, "clear_minutes": 0} for each in rules],
        },
    )

    def look() -> None:
        evaluate(settings, NOW, "backup", "restore-test")

    await asyncio.to_thread(look)
    assert told(receiver, *rules) == [("backup-age", "firing")]
    assert (
        receiver.notices[0]["text"] == "backup:age: never; what follows from it: restore-test:age"
    )
    await backup.in_thread(partial(backup.create, settings))
    await asyncio.to_thread(look)
    assert (await backup.in_thread(partial(backup.run_restore_test, settings))).ok
    await asyncio.to_thread(look)
    assert told(receiver, *rules)[1:] == [
        ("restore-test-age", "firing"),
        ("backup-age", "resolved"),
        ("restore-test-age", "resolved"),
    ] or told(receiver, *rules)[1:] == [
        ("backup-age", "resolved"),
        ("restore-test-age", "firing"),
        ("restore-test-age", "resolved"),
    ]


@pytest.mark.parametrize(("limit", "firing"), [(1, {"backup-age"}), (3, set())])
async def test_the_limit_of_a_backups_age_is_that_of_the_settings(
    migrated_url: str, tmp_path: Path, limit: float, firing: set[str], monkeypatch: Any
) -> None:
    settings = settings_for(
        tmp_path,
        backup={"max_age_hours": limit},
        alerts={"rules": [{"name": "backup-age", "for_minutes": 0}]},
    )
    made = await backup.in_thread(partial(backup.create, settings))

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return made.manifest.created_at + timedelta(hours=2)

    monkeypatch.setattr(probes, "datetime", Later)
    assert await asyncio.to_thread(evaluate, settings, NOW, "backup") == firing


def test_traffic_that_cannot_be_read_is_not_evaluated_and_the_rest_is(
    settings: Settings, caplog: pytest.LogCaptureFixture, recorder: Recorder
) -> None:
    ask(recorder, *[0.2] * 50)
    recorder.flush()
    with closing(sqlite3.connect(settings.operations_db)) as conn:
        conn.execute("DROP TABLE tally")
    found = gather(settings, now=NOW)
    assert found.windows == {}
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert evaluate(settings, NOW, "store") == {"health-failing"}


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
        # Long enough for what does not hang, on a busy machine as well.
        health={"timeout": 2},
        alerts={"sinks": [{"type": "webhook", "url": receiver.url}], "rules": AT_ONCE},
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
    assert told(receiver, *RULES) == [("disk-free", "firing")]
    assert "disk:free: There was no answer within 2 seconds" in receiver.notices[0]["text"]
    # What hangs is waited for by one thread each, however often it is looked at.
    assert threads[0] >= threads[1] >= threads[2]


def test_a_pipe_in_place_of_a_file_is_told_and_keeps_nothing_from_being_evaluated(
    tmp_path: Path,
) -> None:
    settings = settings_for(
        tmp_path, health={"timeout": 30}, alerts={"rules": AT_ONCE}, environment="staging"
    )
    settings.state_folder.mkdir()
    os.mkfifo(settings.operations_db)
    for _ in range(3):
        found = gather(settings, examine(settings, only=["backup", "restore-test"]), now=NOW)
        outputs = {each.name: each.output for each in found.checks}
        assert outputs.keys() == {"backup:age", "restore-test:age"}
        for output in outputs.values():
            assert "operations.db cannot be used: it is not a plain file" in output
