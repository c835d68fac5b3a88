"""Health of an open store and of one that is not: faults for real, and each is told apart."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import jobstore
from jobstore import EngineOptions, Event, JobStore, StoreBusy, StoreClosed, migrating
from jobstore.checks import Check, HealthLimits, HealthReport, Probe, Verdict
from jobstore.engines.sqlite import wal, wal_index
from jobstore.engines.sqlite.upkeep import tidying
from jobstore.errors import InvalidQuery
from jobstore.locking import FileLock
from jobstore.operations import backup, maintenance
from jobstore.operations.health import (
    COMPONENTS,
    examine,
    limits_of,
    probes,
    probes_of,
)
from jobstore.operations.health.probes import Alerting, Kept, last_backed_up
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import run
from tests.engines.harness import MEMORY
from tests.fixtures.disks import HangingDisk, SmallDisk
from tests.fixtures.postings import posting
from tests.operations.damaging import fill, overwrite_page, tamper
from tests.operations.watching import settings_for

# However slow, full or small the machine is that runs the tests.
LENIENT: dict[str, Any] = {
    "health": {"disk_warn_percent": 0, "disk_fail_percent": 0, "memory_warn_mib": 1_048_576}
    | {"timeout": 30},
    "thresholds": dict.fromkeys(("get_ms", "search_ms", "statistics_ms", "write_ms"), 3_600_000),
}


class Facts(NamedTuple):
    """What operations say of themselves."""

    backup: Callable[[], Kept] = lambda: Kept(datetime.now(UTC))
    restore_test: Callable[[], Kept] = lambda: Kept(datetime.now(UTC))
    alerts: Callable[[], Alerting] = lambda: Alerting(evaluated=True)


Say = Callable[[Facts], None]


@pytest.fixture(autouse=True)
def say(monkeypatch: pytest.MonkeyPatch) -> Say:
    """Have operations say what a test wants; that all is well until then."""

    def said(facts: Facts) -> None:
        monkeypatch.setattr(probes, "last_backed_up", lambda _: facts.backup())
        monkeypatch.setattr(probes, "last_tested", lambda _: facts.restore_test())
        monkeypatch.setattr(probes, "alerting", lambda _: facts.alerts())

    said(Facts())
    return said


@pytest.fixture
def file(migrated_url: str, tmp_path: Path) -> Path:
    """A store with postings."""
    fill(migrated_url)
    return tmp_path / "jobs.db"


def lenient(folder: Path, **health: Any) -> Settings:
    """Settings under which every machine is well; ``health`` changes them."""
    return settings_for(folder, **LENIENT | {"health": LENIENT["health"] | health})


def look(settings: Settings, *only: str) -> dict[str, Check]:
    """Examine, and return the checks by name."""
    return {each.name: each for each in examine(settings, only=only).checks}


def look_until(verdicts: dict[str, str], folder: Path, *only: str) -> dict[str, Check]:
    """Look at what hangs until only that is told: a busy machine needs more than a second."""
    for timeout in (1.0, 5.0, 30.0):
        found = look(lenient(folder, timeout=timeout), *only)
        if wanting(found) == verdicts:
            break
    return found


def wanting(checks: dict[str, Check]) -> dict[str, str]:
    """The verdicts of those that are not well; of memory, the machine may have little."""
    return {
        name: each.verdict.value
        for name, each in checks.items()
        if each.verdict != "pass" and name != "memory:available"
    }


def content(file: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(file)) as conn:
        sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        tables = [name for (name,) in conn.execute(sql)]
        return {name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in tables}


def test_a_sound_store_is_well_and_is_left_as_it_was(file: Path) -> None:
    before = content(file)
    report = examine(lenient(file.parent))
    assert wanting({each.name: each for each in report.checks}) == {}
    assert {each.name.partition(":")[0] for each in report.checks} == {*COMPONENTS} - {"server"}
    assert content(file) == before


async def test_an_open_store_tells_how_it_is_and_observers_hear_nothing(file: Path) -> None:
    heard: list[Event] = []
    settings = lenient(file.parent)
    async with jobstore.connect(sqlite_url(file), observers=[heard.append]) as store:
        more = probes_of(settings)
        report = await store.health(limits_of(settings), more=more)
        assert isinstance(await store.health(), HealthReport)
        assert await store.count() == 40
    found = {each.name: each for each in report.checks}
    assert wanting(found) == {}
    assert found["schema:version"].observed == migrating.status(sqlite_url(file))[-1].id
    assert found["counters:total"].observed == 40
    assert {"backup:age", "performance:get"} <= found.keys()
    assert [each.operation for each in heard] == ["count"]


async def test_a_closed_store_and_a_transaction_have_no_health(store: JobStore) -> None:
    async with store.transaction():
        with pytest.raises(StoreBusy):
            await store.health()
    await store.close()
    with pytest.raises(StoreClosed):
        await store.health()


async def test_an_empty_store_is_well(migrated_url: str, tmp_path: Path) -> None:
    async with jobstore.connect(migrated_url) as store:
        report = await store.health(limits_of(lenient(tmp_path)))
    assert wanting({each.name: each for each in report.checks}) == {}


async def test_what_is_over_its_limit_is_told_with_the_limit(file: Path) -> None:
    limits = HealthLimits(
        timeout=30,
        get_ms=1e-9,
        search_ms=1e-9,
        statistics_ms=1e-9,
        write_ms=1e-9,
        disk_warn_percent=100,
        disk_fail_percent=0,
        wal_warn_mib=0.1,
        memory_warn_mib=1,
    )
    async with jobstore.connect(sqlite_url(file)) as store:
        await store.upsert(posting("in the WAL", description="word " * 39_000))
        report = await store.health(limits)
    found = {each.name: each for each in report.checks}
    assert wanting(found) == {
        "performance:get": "fail",
        "performance:search": "fail",
        "performance:statistics": "fail",
        "disk:free": "warn",
        "disk:write": "fail",
        "wal:size": "warn",
        "memory:process": "warn",
    }
    assert found["performance:get"].output == "is above 2e-09 ms"
    assert found["memory:process"].output == "is above 1 MiB"
    assert found["disk:free"].explanation.endswith("MiB are free; free some space")


async def test_one_who_keeps_the_writer_waiting_is_noticed(file: Path) -> None:
    options = EngineOptions(queue_size=10, busy_timeout=300)
    limits = HealthLimits(timeout=2.0, **dict.fromkeys(LENIENT["thresholds"], 1e9))
    async with jobstore.connect(sqlite_url(file), options=options) as store:
        with FileLock(file, 60):
            writes = [asyncio.create_task(store.upsert(posting(100)))]
            await asyncio.sleep(0.01)
            writes += [asyncio.create_task(store.upsert(posting(n))) for n in range(101, 107)]
            await asyncio.sleep(0)
            report = await store.health(limits)
        await asyncio.gather(*writes)
        found = {each.name: each for each in report.checks}
        assert found["operations:responseTime"].verdict == "fail"
        assert found["store:responseTime"].verdict == "pass"
        assert (found["queue:depth"].verdict, found["queue:depth"].unit) == ("warn", "operations")
        # What was given up left nothing behind.
        assert await store.count() == 47
        again = await store.health(limits_of(lenient(file.parent)))
    assert wanting({each.name: each for each in again.checks}) == {}


def assert_recovers(folder: Path) -> None:
    """See that all is well again, once what an earlier look left behind has ended."""
    for _ in range(2000):
        failing = wanting(look(lenient(folder)))
        if not failing:
            return
        time.sleep(0.05)
    raise AssertionError(failing)


def test_a_store_that_others_keep_locked_fails_and_recovers(file: Path) -> None:
    expected = {"store:responseTime": "fail", "schema:version": "fail"}
    with closing(sqlite3.connect(file, isolation_level=None)) as conn:
        conn.execute("PRAGMA locking_mode = EXCLUSIVE")
        conn.execute("BEGIN EXCLUSIVE")
        found = look_until(expected, file.parent, "store", "schema", "wal")
    assert wanting(found) == expected
    assert "somebody keeps the store locked" in found["store:responseTime"].output
    assert_recovers(file.parent)


@pytest.mark.parametrize(
    ("table", "failing"),
    [
        ("posting", {"operations:responseTime", "performance:get", "counters:total"}),
        ("counter", {"operations:responseTime", "performance:statistics", "counters:total"}),
        ("text_index_data", {"operations:responseTime", "performance:search"}),
    ],
)
def test_a_corrupted_page_fails_what_needs_it(file: Path, table: str, failing: set[str]) -> None:
    overwrite_page(file, table)
    found = look(lenient(file.parent))
    assert {name for name, verdict in wanting(found).items() if verdict == "fail"} >= failing
    assert "jobstore doctor" in found["operations:responseTime"].output
    assert found["disk:free"].verdict == "pass"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM counter",
        "UPDATE counter SET amount = -5",
        "UPDATE counter SET amount = amount + 1 WHERE kind = 'total'",
        "UPDATE counter SET amount = amount + 1 WHERE kind = 'source'",
    ],
)
def test_damaged_counters_fail_until_they_are_repaired(file: Path, statement: str) -> None:
    tamper(file, statement)
    found = look(lenient(file.parent))
    assert wanting(found) == {"counters:total": "fail"}
    assert "jobstore doctor --verify" in found["counters:total"].advice


async def test_counters_of_a_store_that_is_written_to_are_no_fault(migrated_url: str) -> None:
    async with jobstore.connect(migrated_url) as store:
        writes = [asyncio.create_task(store.upsert(posting(n))) for n in range(300)]
        for _ in range(3):
            report = await store.health()
            (counters,) = (each for each in report.checks if each.name == "counters:total")
            assert counters.verdict == "pass"
        await asyncio.gather(*writes)


def test_a_posting_that_does_not_come_back_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(
        file,
        "CREATE TRIGGER swallow AFTER INSERT ON posting BEGIN "
        "UPDATE posting SET title = 'other' WHERE place = new.place; END",
    )
    found = look(lenient(file.parent), "operations")
    assert found["operations:responseTime"].verdict == "fail"
    assert "did not come back" in found["operations:responseTime"].output


def test_a_full_disk_fails_and_recovers(small_disk: SmallDisk, tmp_path: Path) -> None:
    url = sqlite_url(small_disk.folder / "jobs.db")
    migrating.up(url)
    settings = settings_for(
        small_disk.folder,
        **LENIENT | {"paths": {"state": str(tmp_path / "state")}, "health": {"timeout": 30}},
    )
    small_disk.burden(shutil.disk_usage(small_disk.folder).free - 20_000)
    found = look(settings)
    assert {"disk:free": "fail", "disk:write": "fail"}.items() <= wanting(found).items()
    assert found["disk:write"].output == "No space left on device (OSError)"
    small_disk.relieve()
    assert wanting(look(settings)) == {}


def test_of_a_link_to_a_store_the_disk_that_it_leads_to_is_looked_at(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    migrating.up(sqlite_url(small_disk.folder / "jobs.db"))
    (tmp_path / "jobs.db").symlink_to(small_disk.folder / "jobs.db")
    settings = settings_for(tmp_path, **LENIENT | {"health": {"timeout": 30}})
    small_disk.burden(shutil.disk_usage(small_disk.folder).free - 20_000)
    bad = {"disk:free": "fail", "disk:write": "fail"}
    assert wanting(look(settings, "disk")) == bad
    # What follows cannot be looked at on a disk without any room.
    doctored = maintenance.examine(sqlite_url(tmp_path / "jobs.db"))
    assert next(each for each in doctored if each.name == "disk space").verdict is Verdict.WARN


def test_a_read_only_disk_fails(small_disk: SmallDisk, tmp_path: Path) -> None:
    migrating.up(sqlite_url(small_disk.folder / "jobs.db"))
    settings = settings_for(
        small_disk.folder, **LENIENT | {"paths": {"state": str(tmp_path / "state")}}
    )
    small_disk.read_only()
    assert {"disk:write": "fail"}.items() <= wanting(look(settings)).items()


def test_a_store_that_lies_in_no_files_is_not_asked_about_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = MEMORY.new_url(tmp_path)
    settings = settings_for(tmp_path, **LENIENT | {"store": {"url": url}})
    found = look(settings)
    assert wanting(found) == {}
    assert {name.partition(":")[0] for name in found}.isdisjoint(
        {"disk", "wal", "schema", "library"}
    )
    MEMORY.forget(url)


def test_a_missing_store_fails_with_what_to_run_and_is_not_made(tmp_path: Path) -> None:
    found = look(lenient(tmp_path))
    assert {"store:responseTime", "schema:version", "wal:size"} <= wanting(found).keys()
    assert "jobstore migrate up" in found["store:responseTime"].output
    assert not (tmp_path / "jobs.db").exists()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000])
def test_what_is_no_store_fails(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jobs.db").write_bytes(content)
    found = wanting(look(lenient(tmp_path), "store", "schema"))
    assert found == {"store:responseTime": "fail", "schema:version": "fail"}


def test_another_schema_fails_with_what_to_run(migrated_url: str, tmp_path: Path) -> None:
    migrating.down(migrated_url)
    found = look(lenient(tmp_path), "store", "schema")
    assert wanting(found) == {"store:responseTime": "fail", "schema:version": "fail"}
    assert "jobstore migrate up" in found["schema:version"].output


def test_a_library_that_cannot_be_used_fails(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 8, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.8.0")
    found = look(lenient(file.parent), "library")
    assert (found["library:version"].verdict, found["library:version"].observed) == (
        "fail",
        "3.8.0",
    )


def test_only_what_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    assert [*look(lenient(tmp_path), "restore-test", "memory")] == [
        "memory:process",
        "memory:available",
        "restore-test:age",
    ]
    with pytest.raises(InvalidQuery, match="only: must be one of store, operations,"):
        examine(lenient(tmp_path), only=["disks"])


def test_a_disk_that_hangs_fails_and_recovers(hanging_disk: HangingDisk, tmp_path: Path) -> None:
    folder = hanging_disk.folder
    migrating.up(sqlite_url(folder / "jobs.db"))
    expected = {"store:responseTime": "fail", "disk:write": "fail", "schema:version": "fail"}
    hanging_disk.hang()
    found = look_until(expected, folder)
    hanging_disk.recover()
    assert wanting(found) == expected
    assert "the disk or the server hangs" in found["disk:write"].output
    assert_recovers(folder)


@pytest.fixture
def hanging() -> Iterator[Any]:
    """Facts that never come, until the test has ended."""
    let_go = threading.Event()

    def wait() -> Any:
        let_go.wait(60)

    yield wait
    let_go.set()


def test_facts_that_hang_fail_alone(file: Path, hanging: Any, say: Say) -> None:
    say(Facts(hanging))
    found = look_until({"backup:age": "fail"}, file.parent, "backup", "restore-test", "alerts")
    assert wanting(found) == {"backup:age": "fail"}


async def test_probes_of_others_are_run_beside(store: JobStore) -> None:
    async def warns() -> Check:
        return Check(Verdict.WARN, "late")

    report = await store.health(more=[Probe("scraper:lag", warns, "component")])
    assert (report.checks[-1].name, report.checks[-1].observed) == ("scraper:lag", "late")


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("environment", "facts", "verdicts", "told"),
    [
        ("production", Facts(lambda: Kept(None), lambda: Kept(None), lambda: Alerting(False)),
         ["warn", "warn", "warn", "pass"],
         ["never; run 'jobstore backup create'", "never; run 'jobstore backup verify --restore'",
          "never evaluated; run 'jobstore alerts check'", ""]),
        ("development", Facts(lambda: Kept(None), lambda: Kept(None), lambda: Alerting(False)),
         ["pass", "pass", "pass", "pass"], None),
        ("production",
         Facts(lambda: Kept(hours_ago(27)), lambda: Kept(hours_ago(9 * 24)),
               lambda: Alerting(True, ("disk-free", "errors-warning"), 2)),
         ["warn", "warn", "warn", "warn"],
         ["is older than 26 hours; run 'jobstore backup create'",
          "is older than 8 days; run 'jobstore backup verify --restore'",
           "disk-free, errors-warning",
          "notifications did not arrive yet; see 'jobstore alerts list'"]),
        ("production",
         Facts(lambda: Kept(hours_ago(1), "The disk is full."), lambda: Kept(None, "It is bad."),
               lambda: Alerting(True)),
         ["warn", "warn", "pass", "pass"],
         ["the latest attempt failed: The disk is full.",
           "never; the latest attempt failed: It is bad.", "", ""]),
        # A clock that was set back a little, and one that was far ahead.
        ("production",
         Facts(lambda: Kept(hours_ago(-0.05)), lambda: Kept(hours_ago(-5)), lambda: Alerting(True)),
         ["pass", "warn", "pass", "pass"],
         ["", "is dated in the future; see whether the clock is right, then run "
          "'jobstore backup verify --restore'", "", ""]),
        ("production",
         Facts(lambda: Kept(hours_ago(1), None, ("s3://one", "/mnt/two")),
               lambda: Kept(hours_ago(1)), lambda: Alerting(True)),
         ["warn", "pass", "pass", "pass"],
         ["got no copy: s3://one, /mnt/two; see 'jobstore backup list'", "", "", ""]),
    ],
)  # fmt: skip
def test_what_operations_know_is_checked(
    tmp_path: Path,
    environment: str,
    facts: Facts,
    verdicts: list[str],
    told: list[str] | None,
    say: Say,
) -> None:
    say(facts)
    settings = settings_for(tmp_path, environment=environment)
    found = look(settings, "backup", "restore-test", "alerts")
    assert [each.verdict.value for each in found.values()] == verdicts
    assert told is None or [each.explanation for each in found.values()] == told


async def test_a_place_that_got_no_copy_is_named(file: Path, say: Say) -> None:
    nowhere = file.parent / "no folder"
    nowhere.write_text("a file")
    settings = lenient(file.parent)
    settings = settings.model_copy(
        update={"backup": settings.backup.model_copy(update={"places": (str(nowhere),)})}
    )
    made = await backup.in_thread(partial(backup.create, settings))
    assert [*made.failures] == [str(nowhere)]
    say(Facts(lambda: last_backed_up(settings)))
    found = look(settings, "backup")["backup:age"]
    assert (found.verdict, found.explanation) == (
        "warn", f"got no copy: {nowhere}; see 'jobstore backup list'",
    )  # fmt: skip


def of_programs(settings: Settings) -> dict[str, Check]:
    found = look(settings, "queue", "memory", "files")
    return {name: each for name, each in found.items() if name != "memory:available"}


def test_of_programs_that_do_not_record_themselves_nothing_is_known(file: Path) -> None:
    settings = lenient(file.parent)
    told = {(each.observed, each.output) for each in of_programs(settings).values()}
    assert told == {(None, "not known: no program that uses the store records itself")}
    settings.state_folder.mkdir()
    settings.operations_db.write_bytes(b"no database" * 1000)
    assert {each.observed for each in of_programs(settings).values()} == {None}


_BUSY = """
import asyncio, sys
import jobstore
from jobstore.engines.sqlite import wal, wal_index
from jobstore.locking import FileLock
from jobstore.operations.monitoring import recording
from jobstore.settings.loading import load

async def main():
    settings = load().settings
    options = settings.store.options
    async with jobstore.connect(settings.store.url, options=options) as store:
        async with recording(store, settings, label="scraper") as recorder:
            with FileLock(settings.store.address.path, 60):
                def put(number):
                    given = {"source": "board", "source_job_id": str(number)}
                    given |= {"title": "t", "company": "c"}
                    return asyncio.create_task(store.upsert(given))
                writes = [put(0)]
                # The first is with the writer, who waits for the lock; the others fill the queue.
                await asyncio.sleep(0.05)
                writes += [put(number) for number in range(1, 11)]
                while recorder.levels()["queue_depth"] < 10:
                    await asyncio.sleep(0.01)
                recorder.flush()
                print("full", flush=True)
                await asyncio.to_thread(sys.stdin.readline)
            await asyncio.gather(*writes)
            recorder.flush()
            print("empty", flush=True)
            await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


def test_the_queue_memory_and_files_are_those_of_the_programs(
    file: Path, start_python: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_URL", sqlite_url(file))
    monkeypatch.setenv("JOBSTORE_QUEUE_SIZE", "10")
    store = {"url": sqlite_url(file), "queue_size": 10}
    settings = settings_for(file.parent, **LENIENT | {"store": store})
    child = start_python(_BUSY)
    assert child.stdout.readline() == "full\n"
    found = of_programs(settings)
    child.stdin.write("go on\n")
    child.stdin.flush()
    assert (found["queue:depth"].verdict, found["queue:depth"].observed) == ("fail", 10)
    assert found["queue:depth"].output == (
        f"scraper (process {child.pid}) is above 9 operations"
    )  # fmt: skip
    assert found["memory:process"].observed
    assert found["files:open"].observed
    assert child.stdout.readline() == "empty\n"
    assert of_programs(settings)["queue:depth"].verdict == "pass"
    child.communicate("go on\n", timeout=120)
    assert of_programs(settings)["memory:process"].observed is None


def test_what_others_may_write_is_named(file: Path, tmp_path: Path) -> None:
    place = tmp_path / "second"
    place.mkdir(0o700)
    settings = settings_for(tmp_path, backup={"places": [str(place)]}, **LENIENT)
    settings.logs_folder.mkdir(0o700, parents=True)
    log = settings.logs_folder / "health.log"
    log.touch(0o600)
    for each in (settings.state_folder, settings.logs_folder, place):
        each.chmod(0o700)

    def look() -> Check:
        checks = {each.name: each for each in examine(settings, only=["permissions"]).checks}
        return checks["permissions:writable"]

    assert (look().verdict, look().observed) == (Verdict.PASS, 0)
    for each in (tmp_path, file, settings.state_folder, log, place):
        kept = each.stat().st_mode & 0o777
        each.chmod(kept | 0o002)
        found = look()
        assert (found.verdict, found.observed) == (Verdict.WARN, 1), each
        assert found.output.startswith(f"{each} mode 0{kept | 2:o} lets others write"), each
        each.chmod(kept)
    for number in range(5):
        (settings.state_folder / f"{number}").touch()
        (settings.state_folder / f"{number}").chmod(0o666)
    assert (look().observed, look().output.count("lets others write")) == (5, 3)
    assert "; and 2 more; run chmod go-w on each" in look().explanation


def test_others_may_write_neither_where_a_link_stands_nor_where_it_leads(
    file: Path, tmp_path: Path
) -> None:
    link = tmp_path / "elsewhere" / "jobs.db"
    link.parent.mkdir(0o700)
    link.symlink_to(file)
    settings = settings_for(link.parent, **LENIENT)
    for folder in (tmp_path, link.parent):
        folder.chmod(0o702)
        found = look(settings, "permissions")["permissions:writable"]
        assert (found.verdict, found.observed) == (Verdict.WARN, 1)
        told = f"{folder} mode 0702 lets others write"
        assert found.output == told
        doctored = {each.name: each for each in maintenance.examine(sqlite_url(link))}
        assert told in doctored["permissions"].output
        folder.chmod(0o700)


def test_what_cannot_be_looked_at_hides_nothing_else(file: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    below = str(file / "folder")
    settings = settings_for(tmp_path, backup={"places": [str(tmp_path / "loop"), below]}, **LENIENT)
    file.chmod(0o602)
    checks = {each.name: each for each in examine(settings, only=["permissions"]).checks}
    found = checks["permissions:writable"]
    assert (found.verdict, found.observed) == ("warn", 1)


def test_a_store_that_is_not_there_exposes_nothing(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, **LENIENT)
    (found,) = (
        each
        for each in examine(settings, only=["permissions"]).checks
        if each.name == "permissions:writable"
    )
    assert found.verdict is Verdict.PASS


_READER = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute("BEGIN")
conn.execute("SELECT count(*) FROM posting").fetchone()
print("reading", flush=True)
sys.stdin.readline()
"""


async def test_a_foreign_reader_that_keeps_the_wal_is_named(
    store: JobStore, tmp_path: Path, start_python: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = HealthLimits(timeout=60, wal_held_mib=0.2)

    async def held() -> Check:
        report = await store.health(limits)
        return next(each for each in report.checks if each.name == "wal:held")

    async def write(first: int) -> None:
        await store.upsert_many(
            posting(f"{number}", description="long " * 500) for number in range(first, first + 200)
        )

    await store.upsert(posting("first"))
    assert (await held()).verdict == "pass"
    child = start_python(_READER, str(tmp_path / "jobs.db"))
    assert child.stdout.readline() == "reading\n"
    # One that reads on what is written after that reads no old state.
    await write(0)
    await asyncio.to_thread(tidying.checkpoint, tmp_path / "jobs.db")
    found = await held()
    assert found.verdict == "warn"
    assert float(found.observed or 0) > 0.2
    assert f"(process {child.pid})" in found.output
    assert "end what it reads" in found.advice
    if sys.platform.startswith("linux"):
        assert f"(process {os.getpid()})" not in found.output

    # Where the system does not tell of locks, those that have the store open are named.
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(wal, "_LOCKS", tmp_path / "absent")
        found = await held()
        assert {f"(process {child.pid})", f"(process {os.getpid()})"} <= {
            f"({each})" for each in re.findall(r"process \d+", found.output)
        }

    await asyncio.to_thread(child.communicate, "end\n", 60)
    assert "run-due --force --only checkpoint" in (await held()).advice
    await asyncio.to_thread(tidying.checkpoint, tmp_path / "jobs.db")
    assert (await held()).verdict == "pass"


def test_a_wal_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    assert wal_index.held(path) == (0, [])
    (tmp_path / "jobs.db-shm").write_bytes(b"short")
    assert wal_index.held(path) == (0, [])
    (tmp_path / "jobs.db-shm").unlink()
    (tmp_path / "jobs.db-shm").mkdir()
    with pytest.raises(OSError, match="cannot read"):
        wal_index.held(path)


@pytest.mark.parametrize(
    "command", ["health --only permissions", "doctor", "run-due --only backup"]
)
def test_a_path_that_is_longer_than_a_line_is_told_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    folder = tmp_path / ("deep" * 30)
    folder.mkdir(0o777)
    folder.chmod(0o777)
    url = f"sqlite:///{folder}/jobs.db"
    migrating.up(url)
    monkeypatch.setenv("JOBSTORE_BACKUP__PLACES", json.dumps([str(folder / "gone")]))
    told = run(*command.split(), "--store", url).stdout
    assert str(folder) in "".join(told.split())
