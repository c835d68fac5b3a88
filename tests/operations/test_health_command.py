"""``jobstore health``: exit codes, health+json, the log; and it ends, whatever hangs."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Any

import pytest

from jobstore import migrating
from jobstore.checks import Check, Verdict
from jobstore.cli.health import _observed
from jobstore.operations import backup, health
from jobstore.operations.health import detached, examine_apart
from jobstore.settings import sqlite_url
from jobstore.settings.loading import load
from tests.contract.cli.commands import run, said, shown
from tests.fixtures.disks import HangingDisk
from tests.operations.damaging import tamper
from tests.operations.receivers import webhook

# The command has no thread when it forks; the process of the tests has some.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)

Run = Callable[..., CompletedProcess[str]]

# However slow, full or small the machine is.
LENIENT = """
environment: production
health: {timeout: 30, disk_warn_percent: 0, disk_fail_percent: 0, memory_warn_mib: 1048576}
thresholds: {get_ms: 3600000, search_ms: 3600000, statistics_ms: 3600000, write_ms: 3600000}
"""
# What depends on nothing but the test.
STORE = ("store", "operations", "counters", "queue", "wal", "schema")


@pytest.fixture
def config(migrated_url: str, tmp_path: Path) -> Path:
    """The settings of an empty store."""
    file = tmp_path / "config.yaml"
    file.write_text(f"store: {{url: '{migrated_url}'}}\n{LENIENT}")
    return file


def of(config: Path, *only: str, more: str = "", was: str = "timeout: 30") -> list[str]:
    """Return the arguments; ``more`` stands in the settings instead of the time limit there."""
    if more:
        config.write_text(config.read_text().replace(was, more))
    return ["health", "--config", str(config), *(f"--only={name}" for name in only)]


def told(config: Path, *only: str) -> tuple[int, dict[str, Any]]:
    """Run it with --json; return the exit code and the report."""
    result = run(*of(config, *only), "--json")
    assert result.stderr == ""
    return result.exit_code, json.loads(result.stdout)


def test_the_exit_code_is_the_verdict(config: Path) -> None:
    code, report = told(config, *STORE)
    assert (code, report["status"]) == (0, "pass")
    # In production a backup is missed.
    code, report = told(config, *STORE, "backup")
    assert (code, report["status"]) == (1, "warn")
    tamper(config.with_name("jobs.db"), "UPDATE counter SET amount = 5")
    tamper(config.with_name("jobs.db"), "INSERT INTO counter VALUES ('total', '', '', 7)")
    code, report = told(config, *STORE, "backup")
    assert (code, report["status"]) == (2, "fail")
    assert report["checks"]["counters:total"][0]["observedValue"] == 7


def test_json_is_health_json_of_everything(config: Path) -> None:
    _, report = told(config)
    assert {"status", "version", "releaseId", "description", "checks"} == report.keys()
    names = {name.partition(":")[0] for name in report["checks"]}
    assert names == {*health.COMPONENTS} - {"server"}
    for (each,) in report["checks"].values():
        assert each["status"] in ("pass", "warn", "fail")
        assert each["time"].endswith("Z")
    assert report["checks"]["performance:get"][0]["observedUnit"] == "ms"


def test_people_get_a_table_and_with_quiet_only_what_is_not_well(config: Path) -> None:
    result = run(*of(config, "schema", "backup"))
    assert (result.exit_code, said(result)) == (1, "")
    last = migrating.status(load(str(config)).settings.store.url)[-1].id
    # What is to be run is as the command was typed.
    assert "".join(shown(result).split()) == (
        f"passschema:version{last}warnbackup:agenever;run'jobstorebackupcreate--config{config}'"
    )
    assert shown(run(*of(config, "schema", "backup"), "--quiet")).startswith("warn backup:age")
    assert run(*of(config, "schema"), "--quiet").output == ""


def test_a_component_that_there_is_not_is_wrong_usage(config: Path) -> None:
    result = run(*of(config, "disks"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said(result).startswith("Error: only: must be one of store, operations, performance")


def test_a_store_that_is_nowhere_gets_no_folder(tmp_path: Path) -> None:
    result = run("health", "--store", sqlite_url(tmp_path / "nowhere" / "jobs.db"))
    assert result.exit_code == 2
    assert "does not exist" in shown(result)
    assert not (tmp_path / "nowhere").exists()


def test_each_check_is_logged_with_how_bad_it_is(config: Path) -> None:
    run(*of(config, "schema", "backup"))
    log = load(str(config)).settings.logs_folder / "health.log"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(each["level"], each["check"], each["verdict"]) for each in lines] == [
        ("info", "schema:version", "pass"),
        ("warning", "backup:age", "warn"),
    ]
    assert lines[1]["output"] == "never; run 'jobstore backup create'"
    assert lines[0]["run_id"] == lines[1]["run_id"]


def test_backups_restore_tests_and_alerts_are_known(config: Path) -> None:
    settings = load(str(config)).settings
    _, report = told(config, "backup", "restore-test", "alerts")
    assert [each[0].get("output", "")[:5] for each in report["checks"].values()] == [
        "never",
        "never",
        "never",
        "",
    ]
    backup.create(settings)
    assert backup.run_restore_test(settings).ok
    assert run("alerts", "check", "--config", str(config)).exit_code == 0
    assert told(config, "backup", "restore-test", "alerts")[0] == 0
    report = health.examine(settings, only=["backup", "restore-test", "alerts"])
    assert report.verdict == "pass"
    assert [each.unit for each in report.checks] == ["hours", "days", "alerts", "notifications"]


def test_alerts_that_fire_and_do_not_arrive_are_told(config: Path) -> None:
    check = ["alerts", "check", "--config", str(config)]
    with webhook() as receiver:
        receiver.status = 500
        sinks = f"sinks: [{{type: webhook, url: '{receiver.url}'}}]"
        rules = "rules: [{name: backup-age, for_minutes: 0}]"
        config.write_text(f"{config.read_text()}alerts: {{{sinks}, {rules}}}\n")
        assert run(*check).exit_code == 0
        _, report = told(config, "alerts")
    assert report["checks"]["alerts:firing"][0]["output"] == "backup-age"
    assert report["checks"]["alerts:undelivered"][0]["observedValue"] == 1
    assert report["status"] == "warn"


def test_a_failing_check_is_an_alert_until_it_is_mended(config: Path) -> None:
    arguments = ["alerts", "check", "--config", str(config), "--json"]

    def firing() -> list[str]:
        result = run(*arguments)
        found = json.loads(result.stdout)["alerts"]
        return [f"{each['rule']}: {each['text']}" for each in found if each["firing"]]

    with webhook() as receiver:
        sinks = (
            "alerts:\n  rules: [{name: backup-age, enabled: false}, "
            "{name: restore-test-age, enabled: false}, {name: disk-free, enabled: false}, "
            "{name: health-failing, for_minutes: 0, clear_minutes: 0}]\n"
            f"  sinks: [{{type: webhook, url: '{receiver.url}'}}]\n"
        )
        config.write_text(config.read_text() + sinks)
        assert firing() == []
        file = config.with_name("jobs.db")
        file.rename(f"{file}.away")
        (told_of,) = firing()
        # A file that is gone is said once, with what it leads to.
        assert told_of.startswith("health-failing: schema:version: ")
        assert told_of.endswith("store:responseTime, wal:held, wal:size")
        Path(f"{file}.away").rename(file)
        assert firing() == []
        sent = [(each["rule"], each["kind"], each["severity"]) for each in receiver.notices]
    assert sent == [
        ("health-failing", "firing", "critical"),
        ("health-failing", "resolved", "critical"),
    ]
    assert "store:responseTime" in receiver.notices[0]["text"]


def test_a_pipe_in_place_of_a_file_fails_its_check_and_holds_up_nobody(
    config: Path, run_command: Run
) -> None:
    arguments = of(config, "schema", "restore-test", more="timeout: 3")
    state = load(str(config)).settings.state_folder
    state.mkdir(exist_ok=True)
    os.mkfifo(state / "operations.db")
    result = run_command(*arguments, "--json", timeout=60)
    report = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (2, "")
    assert report["checks"]["schema:version"][0]["status"] == "pass"
    assert "it is not a plain file; remove it" in report["checks"]["restore-test:age"][0]["output"]


def test_a_pipe_in_place_of_the_store_fails(config: Path, run_command: Run) -> None:
    file = config.with_name("jobs.db")
    file.unlink()
    os.mkfifo(file)
    result = run_command(*of(config, "store", "schema", more="timeout: 1"), timeout=60)
    assert result.returncode == 2
    assert "There is no database file" in " ".join(result.stdout.split())


def test_a_disk_that_hangs_is_told_and_the_command_ends(
    hanging_disk: HangingDisk, config: Path, run_command: Run
) -> None:
    url = sqlite_url(hanging_disk.folder / "jobs.db")
    migrating.up(url)
    arguments = of(config, *STORE, "disk", more="timeout: 1")
    hanging_disk.hang()
    # Were it not ended and its output closed, this would wait for the disk.
    result = run_command(*arguments, "--store", url, "--json", timeout=60)
    hanging_disk.recover()
    report = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (2, "")
    failing = [name for name, (each,) in report["checks"].items() if each["status"] == "fail"]
    assert {"store:responseTime", "disk:write"} <= {*failing}
    patient = of(config, *STORE, "disk", was="timeout: 1", more="timeout: 60")
    assert run_command(*patient, "--store", url, "--json").returncode in (0, 1)


@pytest.mark.parametrize("write", [b"", b"\0\0\0\x40half of it"])
def test_an_examination_that_ends_without_an_answer_fails(
    config: Path, monkeypatch: pytest.MonkeyPatch, write: bytes
) -> None:
    def ends(writing: Connection, *_: Any) -> None:
        os.write(writing.fileno(), write)
        os._exit(1)

    monkeypatch.setattr(detached, "_answer", ends)
    report = examine_apart(load(str(config)).settings)
    assert report.verdict is Verdict.FAIL
    assert [each.output for each in report.checks] == ["The examination itself does not answer."]


def test_an_examination_that_does_not_end_is_left_behind(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()

    def hangs(*_: Any) -> None:
        # Until the test closes its end.
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)

    monkeypatch.setattr(detached, "_answer", hangs)
    monkeypatch.setattr(detached, "patience", lambda _: 0.05)
    monkeypatch.setattr(detached, "_PASSING_ON", 0.05)
    assert examine_apart(load(str(config)).settings).verdict is Verdict.FAIL
    os.close(writing)
    os.close(reading)
    # The child that was left behind.
    os.wait()


def test_an_examination_that_hangs_as_a_whole_fails(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    async def hangs(*_: Any) -> None:
        await asyncio.to_thread(may_end.wait, 60)

    monkeypatch.setattr("jobstore.operations.health.examining._examine", hangs)
    monkeypatch.setattr("jobstore.operations.health.examining.patience", lambda _: 0.01)
    report = health.examine(load(str(config)).settings)
    may_end.set()
    assert [each.output for each in report.checks] == ["The examination itself does not answer."]


PROGRAM = """
import asyncio, sys, threading
import jobstore
from jobstore.checks import HealthLimits
from jobstore.operations.health import probes, probes_of
from jobstore.settings.loading import load

def hang(settings):
    threading.Event().wait()

probes.last_backed_up = probes.last_tested = hang

async def main():
    settings = load(sys.argv[1]).settings
    async with jobstore.connect(settings.store.url) as store:
        report = await store.health(HealthLimits(timeout=1.0), more=probes_of(settings))
        print(*report.failing())

asyncio.run(main())
"""


def test_a_program_whose_checks_hang_closes_its_store_and_ends(
    config: Path, start_python: Callable[..., Popen[str]]
) -> None:
    with start_python(PROGRAM, str(config)) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "backup:age restore-test:age" in output
    assert "Warning" not in output


@pytest.mark.parametrize(
    ("observed", "unit", "told"),
    [
        (1, "files", "1 file"),
        (2, "files", "2 files"),
        (1, "ms", "1 ms"),
        (1, "percent", "1 percent"),
    ],
)
def test_one_of_a_thing_is_told_as_one(observed: int, unit: str, told: str) -> None:
    check = Check(
        name="a:b", verdict=Verdict.PASS, time=datetime.now(UTC), observed=observed, unit=unit
    )
    assert _observed(check) == told
