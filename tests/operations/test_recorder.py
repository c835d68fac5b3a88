"""The recorder counts, writes down, and does no harm whatever happens to its disk."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import jobstore
from jobstore import JobNotFound, JobStore, job_id
from jobstore.locking import FileLock
from jobstore.operations.monitoring import Recorder, recording
from jobstore.operations.monitoring.reading import ever, frame, trend, window
from jobstore.operations.monitoring.recorder import sizes
from tests.fixtures.disks import SmallDisk
from tests.fixtures.postings import posting
from tests.operations.watching import NOW, Seconds, ask, recorder_for, settings_for


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


async def until(true: Callable[[], object]) -> None:
    for _ in range(6000):
        if await asyncio.to_thread(true):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def test_a_store_is_recorded_while_the_block_lasts(store: JobStore, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with recording(store, settings, label="scraper") as recorder:
        assert recorder is not None
        await store.upsert(posting(1))
        await store.upsert_many([posting(2), posting(3)])
        with pytest.raises(JobNotFound):
            await store.get(job_id("board", "none"))
        assert {"queue_depth", "group_size", "wal_bytes", "disk_free_bytes"} <= {*recorder.levels()}
    await store.count()

    found = ever(settings.operations_db)
    assert {name: (each.count, each.rows) for name, each in found.items()} == {
        "get": (1, 0),
        "upsert": (1, 1),
        "upsert_many": (1, 2),
    }
    assert found["get"].errors == {"JobNotFound": 1}
    assert found["get"].failures == 0
    assert found["upsert"].seconds > 0


async def test_recording_that_is_switched_off_makes_nothing(
    store: JobStore, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, monitoring={"enabled": False})
    async with recording(store, settings) as recorder:
        assert recorder is None
        await store.count()
    assert not settings.operations_db.exists()


async def test_a_recorder_may_be_given_to_connect_and_writes_by_itself(
    migrated_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "operations.db"
    recorder = Recorder(path, tmp_path / "jobs.db", sample_seconds=0.02)
    async with jobstore.connect(migrated_url, observers=[recorder]) as opened:
        recorder.watch(opened)
        with recorder:
            await opened.upsert(posting(1))
            await until(lambda: path.exists() and "upsert" in ever(path))
            await opened.count()
    assert [*ever(path)] == ["count", "upsert"]
    # For its owner alone, like the store.
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_queue_is_read_between_writings(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.operations.monitoring.recorder._READING", 0.005)
    path = tmp_path / "operations.db"
    recorder = Recorder(path, tmp_path / "jobs.db", sample_seconds=3600)
    recorder.watch(store)
    with recorder:
        await store.upsert(posting(1))
        await until(lambda: recorder._levels and recorder._levels["group_size"].latest == 1)
        # What was highest before the one reading that goes with the writing is kept.
        monkeypatch.setattr(store.engine.writer, "last_group_size", 7)
        await until(lambda: recorder._levels["group_size"].latest == 7)
        monkeypatch.setattr(store.engine.writer, "last_group_size", 2)
        await until(lambda: recorder._levels["group_size"].latest == 2)
    with closing(sqlite3.connect(path)) as conn:
        ((highest, latest),) = conn.execute(
            "SELECT highest, latest FROM level WHERE period = 1 AND name = 'group_size'"
        )
    assert (highest, latest) == (7, 2)


async def test_the_loop_goes_on_while_the_history_is_locked(
    store: JobStore, tmp_path: Path
) -> None:
    path = tmp_path / "operations.db"
    recorder = Recorder(path, tmp_path / "jobs.db", sample_seconds=0.01)
    forget = store.observe(recorder)
    with FileLock(path, 1):
        recorder.start()
        await asyncio.sleep(0.1)
        assert not path.exists() or path.stat().st_size == 0
        await store.upsert(posting(1))
    await until(lambda: "upsert" in ever(path))
    forget()
    await asyncio.to_thread(recorder.stop)
    assert ever(path)["upsert"].count == 1


def test_what_a_full_disk_does_not_take_is_written_later(
    small_disk: SmallDisk, tmp_path: Path, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    path = small_disk.folder / "operations.db"
    recorder = Recorder(path, tmp_path / "jobs.db", sample_seconds=3600, clock=seconds)
    ask(recorder, 0.001)
    assert recorder.flush()
    small_disk.burden(4 * 1024 * 1024 - path.stat().st_size - 8192)
    with caplog.at_level(logging.INFO, "jobstore.monitoring"):
        failed = 0
        for number in range(200):
            ask(recorder, 0.001, operation=f"operation-{number}")
            failed += not recorder.flush()
            seconds.now += 60
        assert failed > 100
        small_disk.relieve()
        assert recorder.flush()
    assert sum(each.count for each in ever(path).values()) == 201
    # One word for each change, not one for each failure.
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]


def test_a_history_of_another_kind_is_left_alone_and_harms_nobody(
    tmp_path: Path, seconds: Seconds
) -> None:
    path = tmp_path / "operations.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE accounts (id)")
    before = path.read_bytes()
    recorder = Recorder(path, tmp_path / "jobs.db", clock=seconds)
    ask(recorder, 0.001)
    assert not recorder.flush()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all" * 500, b""])
def test_a_history_that_is_no_database_harms_nobody(
    tmp_path: Path, seconds: Seconds, content: bytes
) -> None:
    path = tmp_path / "operations.db"
    path.write_bytes(content)
    recorder = Recorder(path, tmp_path / "jobs.db", clock=seconds)
    ask(recorder, 0.001)
    # An empty file is what a process leaves that was killed while it made it.
    assert recorder.flush() is (content == b"")


def test_a_history_that_vanishes_is_made_again(tmp_path: Path, seconds: Seconds) -> None:
    path = tmp_path / "operations.db"
    recorder = Recorder(path, tmp_path / "jobs.db", clock=seconds)
    ask(recorder, 0.001)
    assert recorder.flush()
    path.unlink()
    ask(recorder, 0.001)
    assert recorder.flush()
    assert ever(path)["get"].count == 1


def test_what_is_added_stays_when_pruning_fails(
    tmp_path: Path, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "operations.db"
    recorder = Recorder(path, tmp_path / "jobs.db", clock=seconds)
    ask(recorder, 0.001)
    with monkeypatch.context() as patched:
        patched.setattr(
            "jobstore.operations.monitoring.history.prune",
            lambda *_: (_ for _ in ()).throw(OSError),
        )
        assert not recorder.flush()
    assert recorder.flush()
    assert ever(path)["get"].count == 1


def test_stopping_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(
        "jobstore.operations.monitoring.history.add", lambda *_, **__: let_go.wait(30)
    )
    monkeypatch.setattr("jobstore.operations.monitoring.recorder._LAST_WRITING", 0.05)
    recorder = Recorder(tmp_path / "operations.db", tmp_path / "jobs.db", sample_seconds=0.01)
    recorder.start()
    recorder.start()
    recorder.stop()
    let_go.set()
    assert recorder._thread is not None
    recorder._thread.join()


def test_several_processes_add_up_and_are_seen_one_by_one(tmp_path: Path, seconds: Seconds) -> None:
    path = settings_for(tmp_path).operations_db
    for number in (1, 2):
        recorder = recorder_for(tmp_path, seconds, label=f"scraper {number}")
        ask(recorder, *[0.001] * number)
        recorder.flush()
        seconds.now += 1
    found = frame(path, tmp_path / "jobs.db", seconds.now)
    assert [each.label for each in found.processes] == ["scraper 1", "scraper 2"]
    assert window(path, seconds.now, 300)["get"].count == 3


def test_samples_of_threads_at_once_are_all_kept(tmp_path: Path, seconds: Seconds) -> None:
    def record(number: int) -> None:
        recorder = recorder_for(tmp_path, seconds, label=str(number))
        for _ in range(5):
            ask(recorder, 0.001)
            assert recorder.flush()

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ever(settings_for(tmp_path).operations_db)["get"].count == 20


def test_what_threads_count_while_others_look_is_counted_once(
    tmp_path: Path, seconds: Seconds
) -> None:
    recorder = recorder_for(tmp_path, seconds)
    askers = [
        threading.Thread(target=ask, args=(recorder, *[0.001] * 2_000), kwargs={"operation": name})
        for name in ("get", "get", "find")
    ]
    for each in askers:
        each.start()
    while any(each.is_alive() for each in askers):
        recorder.counted()
    counted = recorder.counted()
    assert (counted["get", "rows", ""], counted["find", "rows", ""]) == (4_000, 2_000)
    assert counted["get", "micros", ""] == 4_000_000


def test_a_clock_that_jumps_back_loses_and_doubles_nothing(
    tmp_path: Path, seconds: Seconds
) -> None:
    path = settings_for(tmp_path).operations_db
    recorder = recorder_for(tmp_path, seconds)
    for step in (60, -30, -3600, 60, -86_400, 60):
        ask(recorder, 0.001)
        recorder.flush()
        seconds.now += step
    points = trend(path, NOW - 2 * 86_400, NOW + 7200)
    assert sum(point.traffic["get"].count for point in points) == 6
    assert ever(path)["get"].count == 6
    assert [point.starts_at for point in points] == sorted({point.starts_at for point in points})


def test_the_view_of_a_wrong_clock_ends_when_it_is_set_right(
    tmp_path: Path, seconds: Seconds
) -> None:
    path = settings_for(tmp_path).operations_db
    seconds.now = NOW + 86_400 * 365
    recorder = recorder_for(tmp_path, seconds)
    ask(recorder, 0.001)
    recorder.flush()
    seconds.now = NOW
    ask(recorder, 0.002)
    recorder.flush()
    assert window(path, NOW, 60)["get"].count == 1


def test_old_samples_are_pruned_and_sums_stay(tmp_path: Path, seconds: Seconds) -> None:
    path = settings_for(tmp_path).operations_db
    recorder = recorder_for(tmp_path, seconds, keep_days=730)
    for days in (0, 3, 40, 800):
        seconds.now = NOW + days * 86_400
        ask(recorder, 0.001)
        recorder._pruned_at = None
        recorder.flush()
    with closing(sqlite3.connect(path)) as conn:
        kept = dict(
            conn.execute(
                "SELECT period, count(DISTINCT starts_at) FROM tally"
                " WHERE measure = 'rows' GROUP BY period"
            )
        )
    assert kept == {0: 1, 1: 1, 60: 1, 3600: 1, 86_400: 1}
    assert ever(path)["get"].count == 4


def test_pruning_with_a_clock_that_was_set_back_removes_nothing(
    tmp_path: Path, seconds: Seconds
) -> None:
    path = settings_for(tmp_path).operations_db
    recorder = recorder_for(tmp_path, seconds)
    ask(recorder, 0.001)
    recorder.flush()
    seconds.now = 0
    recorder._pruned_at = None
    recorder.flush()
    assert window(path, NOW, 60)["get"].count == 1


async def test_the_sizes_of_a_link_to_a_store_are_those_of_what_it_leads_to(
    store: JobStore, tmp_path: Path
) -> None:
    await store.upsert(posting(1))
    link = tmp_path / "elsewhere" / "linked.db"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "jobs.db")
    assert sizes(link)["wal_bytes"] == sizes(tmp_path / "jobs.db")["wal_bytes"] > 0


def test_sizes_of_what_cannot_be_reached_are_left_out(tmp_path: Path) -> None:
    assert sizes(tmp_path / "nowhere" / "jobs.db") == {}


def test_a_process_that_is_killed_loses_only_its_last_sample(
    tmp_path: Path, start_python: Callable[..., object]
) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from jobstore import Event; from jobstore.operations.monitoring import Recorder\n"
        "here = Path(sys.argv[1])\n"
        "recorder = Recorder(here / 'operations.db', here / 'jobs.db', sample_seconds=3600)\n"
        "recorder(Event('get', 0.001, 1)); recorder.flush()\n"
        "recorder(Event('get', 0.001, 1)); print('ready', flush=True); time.sleep(60)\n"
    )
    process = start_python(code, str(tmp_path))
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()
    assert ever(tmp_path / "operations.db")["get"].count == 1
    assert frame(tmp_path / "operations.db", tmp_path / "jobs.db", time.time()).processes
