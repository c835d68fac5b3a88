"""Doing what is due: on real stores, by real processes."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread, get_ident
from typing import Any
from unittest.mock import Mock

import pytest

import jobstore
from jobstore.engines.sqlite.upkeep import tidying
from jobstore.errors import InvalidQuery, StoreUnavailable
from jobstore.operations import backup, deployment, maintenance, schedule
from jobstore.operations.backup import creation
from jobstore.operations.schedule import agent as module
from jobstore.operations.schedule import tasks
from jobstore.operations.schedule.running import Ran, run_due, upcoming
from jobstore.operations.schedule.tasks import NAMES, Occasion, Result
from jobstore.settings import parse_store_url
from jobstore.settings.alerting import DEFAULT_RULES
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import run, said, unannounced
from tests.fixtures.postings import posting
from tests.operations.damaging import fill
from tests.operations.deploying import rewrite_record
from tests.operations.watching import NOW, Seconds, settings_for

HOUR, DAY = 3600.0, 86_400.0


# However slow or full the machine is, health shall fail here for other reasons.
AT_ONCE = [{"name": each["name"], "for_minutes": 0} for each in DEFAULT_RULES]
CALM: dict[str, Any] = {
    "thresholds": dict.fromkeys(("get_ms", "search_ms", "statistics_ms", "write_ms"), 1_000_000),
    "health": {"disk_fail_percent": 0, "timeout": 60},
    "alerts": {"rules": AT_ONCE},
}


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    return settings_for(tmp_path, **CALM)


def outcomes(ran: list[Ran]) -> dict[str, str]:
    return {each.name: each.outcome for each in ran}


def detail(ran: list[Ran], name: str) -> str:
    return next(each.detail for each in ran if each.name == name)


def backups(settings: Settings) -> int:
    return len(backup.read_catalog(settings).backups)


def config(folder: Path, **sections: Any) -> str:
    """Write a file of settings, which JSON is a way to write, and return its name."""
    file = folder / "config.yaml"
    file.write_text(json.dumps(sections))
    return str(file)


def test_what_is_due_is_done_once(settings: Settings, migrated_url: str) -> None:
    fill(migrated_url)
    clock = Seconds()
    ran = run_due(settings, clock=clock)
    assert list(outcomes(ran).items()) == [(name, "done") for name in NAMES]
    assert backups(settings) == 1
    found = backup.last_restore_test(settings)
    assert found is not None
    assert found.ok
    assert detail(ran, "restore-test").startswith(f"{found.backup}: 40 postings back in ")
    assert detail(ran, "verify") == f"{found.backup}: 1 good copy"
    assert detail(ran, "alerts") == "none firing; 0 notifications delivered"
    assert run_due(settings, clock=clock) == []
    clock.now += 60
    assert outcomes(run_due(settings, clock=clock)) == {"health": "done", "alerts": "done"}


def test_times_that_were_missed_are_caught_up_once(settings: Settings) -> None:
    clock = Seconds()
    run_due(settings, clock=clock)
    clock.now += 20 * DAY
    assert Counter(outcomes(run_due(settings, clock=clock)).values()) == {"done": len(NAMES)}
    assert run_due(settings, clock=clock) == []
    assert backups(settings) == 2


def test_a_clock_that_is_set_back_does_nothing_twice_and_stops_nothing(settings: Settings) -> None:
    clock = Seconds()
    run_due(settings, clock=clock)
    clock.now -= 2 * HOUR
    assert run_due(settings, only=["backup", "restore-test", "checkpoint"], clock=clock) == []
    clock.now -= 300 * DAY
    assert run_due(settings, clock=clock) == []
    clock.now += DAY
    assert {*outcomes(run_due(settings, clock=clock))} == {*NAMES} - {"restore-test"}
    assert backups(settings) == 2


def test_a_task_that_fails_stops_no_other_and_is_tried_again(
    settings: Settings, tmp_path: Path
) -> None:
    blocked = tmp_path / "backups"
    blocked.write_text("no folder")
    settings = settings_for(tmp_path, backup={"folder": str(blocked)})
    clock = Seconds()
    ran = run_due(settings, clock=clock)
    failed = {"backup": "failed", "verify": "failed", "restore-test": "failed", "prune": "failed"}
    assert outcomes(ran) == dict.fromkeys(NAMES, "done") | failed
    assert "backups" in detail(ran, "backup")
    assert run_due(settings, clock=clock, only=[*failed]) == []
    clock.now += 300
    blocked.unlink()
    assert outcomes(run_due(settings, clock=clock, only=[*failed])) == dict.fromkeys(failed, "done")
    (standing,) = upcoming(settings, only=["backup"], clock=clock)
    assert (standing.outcome, standing.failures, standing.due) == ("done", 0, False)


def test_a_fault_of_ours_is_a_failure_of_its_task_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_checkpoint", lambda occasion: 1 / 0)
    ran = run_due(settings, only=["checkpoint", "optimize"], clock=Seconds())
    assert outcomes(ran) == {"checkpoint": "failed", "optimize": "done"}
    assert detail(ran, "checkpoint") == "unexpected ZeroDivisionError"


def test_a_place_that_gets_no_copy_is_told_and_the_backup_not_made_again(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "place").write_text("no folder")
    settings = settings_for(tmp_path, backup={"places": [str(tmp_path / "place")]})
    clock = Seconds()
    ran = run_due(settings, only=["backup", "prune"], clock=clock)
    assert outcomes(ran) == {"backup": "failed", "prune": "failed"}
    assert "place" in detail(ran, "backup")
    clock.now += 300
    assert run_due(settings, only=["backup", "prune"], clock=clock) == []
    assert backups(settings) == 1


def test_a_copy_that_is_damaged_is_told(settings: Settings) -> None:
    run_due(settings, only=["backup"], clock=Seconds())
    (file,) = settings.backups_folder.glob("*.zst")
    file.write_bytes(file.read_bytes()[:-10] + bytes(10))
    ran = run_due(settings, only=["verify", "restore-test"], clock=Seconds())
    assert outcomes(ran) == {"verify": "failed", "restore-test": "failed"}


def test_what_only_another_machine_can_open_is_not_verified_here(
    settings: Settings, tmp_path: Path
) -> None:
    pyrage = pytest.importorskip("pyrage")
    key = pyrage.x25519.Identity.generate()
    section: dict[str, Any] = {"recipients": [str(key.to_public())]}
    only = ["backup", "verify", "restore-test"]
    clock = Seconds()
    ran = run_due(settings_for(tmp_path, backup=section), only=only, clock=clock)
    assert outcomes(ran) == {"backup": "done", "verify": "skipped", "restore-test": "skipped"}
    assert detail(ran, "restore-test").endswith("its key is elsewhere; do it there")
    (tmp_path / "key").write_text(str(key))
    section["identity_file"] = str(tmp_path / "key")
    clock.now += 7 * DAY
    ran = run_due(settings_for(tmp_path, backup=section), only=only, clock=clock)
    assert outcomes(ran) == dict.fromkeys(only, "done")


def test_a_store_that_was_lost_raises_an_alert(settings: Settings, tmp_path: Path) -> None:
    clock = Seconds()
    run_due(settings, clock=clock)
    (tmp_path / "jobs.db").unlink()
    clock.now += DAY
    ran = run_due(settings, clock=clock)
    assert outcomes(ran)["backup"] == "failed"
    assert "store:" in detail(ran, "health")
    # That no backup can be made follows from it.
    told = "health-failing, backup-age firing; 1 notification delivered"
    assert detail(ran, "alerts") == told


def test_notices_that_do_not_arrive_are_kept(settings: Settings, tmp_path: Path) -> None:
    sink = {"type": "command", "command": ["false"]}
    given = CALM | {"alerts": CALM["alerts"] | {"sinks": [sink]}, "environment": "staging"}
    settings = settings_for(tmp_path, **given)
    ran = run_due(settings, only=["alerts"], clock=Seconds())
    assert detail(ran, "alerts") == (
        "backup-age, restore-test-age firing; 0 notifications delivered, 1 kept for later"
    )


async def test_the_wal_is_emptied_and_the_index_merged_while_others_use_the_store(
    settings: Settings, migrated_url: str
) -> None:
    def pieces() -> int:
        # The keys of the index's pages begin with the number of their segment.
        with closing(sqlite3.connect(settings.store.address.path)) as conn:
            sql = "SELECT count(DISTINCT id >> 37) FROM text_index_data WHERE id > 10"
            return int(conn.execute(sql).fetchone()[0])

    def octets(file: Path) -> int:
        return file.stat().st_size

    wal = Path(f"{settings.store.address.path}-wal")
    async with jobstore.connect(migrated_url) as store:
        for number in range(12):
            await store.upsert(posting(number))
        before = pieces()
        ran = await asyncio.to_thread(
            run_due, settings, only=["checkpoint", "optimize"], clock=Seconds()
        )
        assert outcomes(ran) == {"checkpoint": "done", "optimize": "done"}
        assert pieces() < before
        assert octets(wal) < 200_000
        assert (await store.search(jobstore.SearchQuery(text="engineer"))).total == 12
    assert tidying.merge(parse_store_url(migrated_url).path)
    assert all(each.verdict != "fail" for each in maintenance.examine(migrated_url, verify=True))


def test_merging_is_bounded(migrated_url: str, settings: Settings) -> None:
    assert not tidying.merge(parse_store_url(migrated_url).path, rounds=0)


def test_those_who_read_or_have_much_to_merge_are_told_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "checkpoint", lambda path, patience: False)
    monkeypatch.setattr(tidying, "merge", lambda path, patience: False)
    ran = run_due(settings, only=["checkpoint", "optimize"], clock=Seconds())
    assert "those who read" in detail(ran, "checkpoint")
    assert "next time" in detail(ran, "optimize")


def test_what_is_not_there_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(InvalidQuery, match="must be one of backup, verify"):
        run_due(settings, only=["backups"])
    with pytest.raises(StoreUnavailable, match="There is no database file"):
        run_due(settings_for(tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "folder" / "jobs.db").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match=r"jobs.db is no file"):
        run_due(settings_for(tmp_path / "folder"))


def test_times_that_no_calendar_has_are_forgotten(settings: Settings) -> None:
    run_due(settings, only=["checkpoint"], clock=Seconds())
    with closing(sqlite3.connect(settings.operations_db)) as conn, conn:
        conn.execute("UPDATE task SET slot = 9000000000000000000, retry_at = 1e300")
    assert outcomes(run_due(settings, only=["checkpoint"], clock=Seconds())) == {
        "checkpoint": "done"
    }


def test_backups_that_deployments_need_are_not_pruned(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(
        update={
            "backup": settings.backup.model_copy(update={"daily": 1, "weekly": 0, "monthly": 0})
        }
    )
    made = []
    for days in (40, 39, 0):
        moment = datetime.now(UTC) - timedelta(days=days)
        monkeypatch.setattr(creation, "datetime", Mock(now=lambda zone, moment=moment: moment))
        made.append(backup.create(settings, reason="test").name)
    kept, _, newest = made
    book = deployment.Book(settings)
    with book.turn():
        rollback = book.begin("rollback", "test", environment="staging", to=1)
        rollback.saved, rollback.status = kept, deployment.Status.SUCCEEDED
        book.keep(rollback)
    clock = Seconds()

    # What is not known to be needed is not known not to be.
    rewrite_record(settings, 1, lambda told: {})
    ran = run_due(settings, only=["prune"], clock=clock)
    assert outcomes(ran) == {"prune": "failed"}
    assert "Deployment 1 in " in detail(ran, "prune")
    assert backups(settings) == 3

    book.keep(rollback)
    clock.now += 300
    assert outcomes(run_due(settings, only=["prune"], clock=clock)) == {"prune": "done"}
    found = {file.name.partition(".")[0] for file in settings.backups_folder.glob("*.zst")}
    assert found == {kept, newest}


# Processes


_BOTH = """
import sys
from jobstore.operations.schedule import run_due
from jobstore.settings.sections import Settings

settings = Settings.model_validate({"store": {"url": sys.argv[1]}})
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    for each in run_due(settings, clock=lambda: float(sys.argv[2])):
        print("task", each.name, each.outcome, flush=True)
"""

_STUCK = """
import sys, time
from jobstore.operations.schedule import run_due, tasks
from jobstore.settings.sections import Settings

def stuck(occasion):
    print("begun", flush=True)
    time.sleep(600)

tasks._backup = stuck
settings = Settings.model_validate({"store": {"url": sys.argv[1]}})
run_due(settings, only=["backup"], clock=lambda: float(sys.argv[2]))
"""

Start = Callable[..., subprocess.Popen[str]]


def test_two_processes_do_the_work_once(
    settings: Settings, migrated_url: str, start_python: Start
) -> None:
    both = [start_python(_BOTH, migrated_url, str(NOW)) for _ in range(2)]
    for child in both:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    for child in both:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    lines = [line for child in both for line in child.communicate(timeout=300)[0].splitlines()]
    said = [line.split()[1:] for line in lines if line.startswith("task ")]
    assert Counter(name for name, outcome in said if outcome == "done") == dict.fromkeys(NAMES, 1)
    assert {outcome for _, outcome in said} <= {"done", "busy"}
    assert backups(settings) == 1


def test_a_killed_process_holds_nothing_up(
    settings: Settings, migrated_url: str, start_python: Start
) -> None:
    clock = Seconds()
    with start_python(_STUCK, migrated_url, str(NOW)) as child:
        assert child.stdout
        assert child.stdout.readline() == "begun\n"
        ran = run_due(settings, only=["backup", "verify", "health"], clock=clock)
        # Nothing is verified while a backup is being made.
        assert outcomes(ran) == {"backup": "busy", "verify": "busy", "health": "done"}
        arguments = ["run-due", "--list", "--only", "backup", "--store", migrated_url, "--json"]
        (told,) = json.loads(run(*arguments).stdout)["tasks"]
        assert (told["last"]["outcome"], told["last"]["process"]) == ("running", child.pid)
        child.kill()
    (told,) = json.loads(run(*arguments).stdout)["tasks"]
    assert (told["last"]["outcome"], told["due"]) == ("broken off", True)
    assert outcomes(run_due(settings, only=["backup"], clock=clock)) == {"backup": "done"}
    assert backups(settings) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_agent_ends_when_it_is_told_to(
    number: int, start_jobstore: Start, migrated_url: str, settings: Settings
) -> None:
    with start_jobstore("agent", "--store", migrated_url) as child:
        assert child.stdout
        done = []
        for line in child.stdout:
            done.append(line.partition(",")[0].strip())
            if {*done} >= {"duplicates: done", "alerts: done"}:
                break
        child.send_signal(number)
        _, told = child.communicate(timeout=300)
        assert child.returncode == 0
    first, last = unannounced(told).splitlines()
    assert first.startswith("Doing what is due of: backup")
    assert last == "Ending, after what is being done now."
    assert {*done} == {f"{name}: done" for name in NAMES}
    made = [each.manifest.reason for each in backup.read_catalog(settings).backups]
    assert made.count("schedule") == 1
    # The archiver beside the tasks may need one that its log begins from.
    assert {*made} <= {"schedule", "a new beginning of the archive"}


# The agent, in this process


class Looks(Seconds):
    """A clock that notices when each of two threads has looked at it several times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.enough = Event()
        self._times = times
        self._looks: Counter[int] = Counter()

    def __call__(self) -> float:
        self._looks[get_ident()] += 1
        if sorted(self._looks.values())[-2:-1] >= [self._times]:
            self.enough.set()
        return super().__call__()


class Agents:
    """Starts agents, and ends them with the test."""

    def __init__(self) -> None:
        self.told: list[Ran] = []
        self.failing: list[str] = []
        self.news = Event()
        self.running: list[schedule.Agent] = []

    def start(self, settings: Settings, **options: Any) -> schedule.Agent:
        def told(ran: Ran) -> None:
            self.told.append(ran)
            self.news.set()

        def failing(why: str) -> None:
            self.failing.append(why)
            self.news.set()

        agent = schedule.Agent(settings, told=told, failing=failing, **options)
        self.running.append(agent)
        agent.start()
        return agent


@pytest.fixture
def agents() -> Iterator[Agents]:
    agents = Agents()
    yield agents
    for each in agents.running:
        each.stop()


def test_a_long_task_is_finished_and_keeps_nobody_from_watching(
    settings: Settings, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()

    def long(occasion: Occasion) -> Result:
        begun.set()
        go_on.wait(60)
        return Result("it took long")

    monkeypatch.setattr(tasks, "_backup", long)
    agent = agents.start(settings, clock=Seconds())
    assert begun.wait(60)
    while "alerts" not in {each.name for each in agents.told}:
        assert agents.news.wait(60)
        agents.news.clear()
    ending = Thread(target=agent.stop)
    ending.start()
    ending.join(0.1)
    assert ending.is_alive()
    go_on.set()
    ending.join(60)
    assert [each.name for each in agents.told] == ["health", "alerts", "backup"]


def test_an_agent_goes_on_when_what_kept_it_from_working_is_over(
    settings: Settings, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT", 0.05)
    settings.state_folder.mkdir()
    settings.operations_db.mkdir()
    looks = Looks(3)
    agents.start(settings, clock=looks)
    assert looks.enough.wait(60)
    settings.operations_db.rmdir()
    while len(agents.told) < len(NAMES):
        assert agents.news.wait(60)
        agents.news.clear()
    # Each thread told of it once; in other words where it saw the folder just go.
    told = [why for why in agents.failing if "operations.db" in why]
    assert 2 <= len(told) <= 4
    assert {each.outcome for each in agents.told} == {"done"}


def test_two_agents_do_nothing_twice(
    settings: Settings, agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT", 0.05)
    clock = Seconds()
    for _ in range(2):
        agents.start(settings, clock=clock)
    while len(agents.told) < len(NAMES):
        assert agents.news.wait(60)
        agents.news.clear()
    assert Counter(each.name for each in agents.told) == dict.fromkeys(NAMES, 1)


def test_an_agent_survives_what_nobody_thought_of(settings: Settings, agents: Agents) -> None:
    def clock() -> float:
        return 1 / 0

    agents.start(settings, clock=clock)
    assert agents.news.wait(60)
    assert agents.failing[0] == "unexpected ZeroDivisionError"


# The command


def test_the_command_tells_what_it_did(settings: Settings, migrated_url: str) -> None:
    result = run("run-due", "--store", migrated_url)
    assert result.exit_code == 0
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:] if line[:1].strip()] == [
        [name, "done"] for name in NAMES
    ]
    only = ["--only", "backup", "--only", "restore-test"]
    result = run("run-due", "--store", migrated_url, *only)
    assert result.stdout.startswith("Nothing is due; next is ")
    assert json.loads(run("run-due", "--store", migrated_url, "--json", *only).stdout) == {
        "ok": True, "tasks": []
    }  # fmt: skip
    assert run("run-due", "--store", migrated_url, "--quiet").output == ""


def test_what_is_forced_is_done_although_it_is_not_due(settings: Settings) -> None:
    clock = Seconds()
    only = ["checkpoint", "optimize"]
    run_due(settings, only=only, clock=clock)
    assert run_due(settings, only=only, clock=clock) == []
    forced = run_due(settings, only=["checkpoint"], force=True, clock=clock)
    assert outcomes(forced) == {"checkpoint": "done"}
    # It changes nothing of what is due when.
    assert run_due(settings, only=only, clock=clock) == []
    clock.now += HOUR
    assert outcomes(run_due(settings, only=only, clock=clock)) == {"checkpoint": "done"}


def test_what_is_forced_does_not_wait_for_its_next_try(settings: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "backups"
    blocked.write_text("no folder")
    settings = settings_for(tmp_path, backup={"folder": str(blocked)})
    clock = Seconds()
    assert outcomes(run_due(settings, only=["backup"], clock=clock)) == {"backup": "failed"}
    forced = run_due(settings, only=["backup"], force=True, clock=clock)
    assert outcomes(forced) == {"backup": "failed"}
    blocked.unlink()
    forced = run_due(settings, only=["backup"], force=True, clock=clock)
    assert outcomes(forced) == {"backup": "done"}
    assert run_due(settings, only=["backup"], clock=clock) == []


def test_only_what_is_named_is_forced(settings: Settings, migrated_url: str) -> None:
    arguments = ["run-due", "--store", migrated_url, "--force"]
    for more in ([], ["--list", "--only", "checkpoint"]):
        refused = run(*arguments, *more)
        assert refused.exit_code == 2
        assert "name what is to be done with --only" in said(refused)
    for _ in range(2):
        told = json.loads(run(*arguments, "--only", "checkpoint", "--json").stdout)["tasks"]
        assert [(each["name"], each["outcome"]) for each in told] == [("checkpoint", "done")]


def test_a_failure_is_told_and_ends_with_1(migrated_url: str, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("no folder")
    file = config(tmp_path, backup={"folder": str(tmp_path / "blocked")})
    arguments = ["run-due", "--store", migrated_url, "--config", file]
    result = run(*arguments, "--quiet", "--only", "backup", "--only", "health")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: backup: ")
    assert result.stderr.count("\n") == 1
    result = run(*arguments, "--json", "--only", "prune")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["tasks"][0]["outcome"] == "failed"


def test_the_list_is_in_the_time_zone_of_the_schedule(migrated_url: str, tmp_path: Path) -> None:
    file = config(tmp_path, schedule={"timezone": "Asia/Kathmandu", "backup_at": "04:10"})
    arguments = ["run-due", "--store", migrated_url, "--config", file]
    assert "never ran" in run(*arguments, "--list").stdout
    assert run(*arguments, "--only", "backup", "--only", "checkpoint").exit_code == 0
    told = run(*arguments, "--list").stdout
    assert " next (Asia/Kathmandu) " in told
    assert " 04:10  " in told
    listed = json.loads(run(*arguments, "--list", "--json").stdout)["tasks"]
    assert [each["name"] for each in listed] == [*NAMES]
    assert listed[0]["next_at"][11:] == "22:25:00Z"
    assert listed[0]["last"]["outcome"] == "done"
    assert (listed[1]["last"], listed[1]["due"]) == (None, True)


@pytest.mark.parametrize("name", ["Nowhere/Town", "/etc/passwd", "Europe", "../x", "02:30"])
def test_a_time_zone_that_there_is_not_is_refused(name: str, tmp_path: Path) -> None:
    result = run("run-due", "--config", config(tmp_path, schedule={"timezone": name}))
    assert result.exit_code == 2
    assert "schedule.timezone: must be a time zone that this machine knows" in result.stderr


@pytest.mark.parametrize("command", ["run-due", "agent"])
def test_a_store_that_there_is_not_ends_the_command(command: str, tmp_path: Path) -> None:
    # As a look at its health leaves it.
    (tmp_path / "none.ops").mkdir()
    result = run(command, "--store", f"sqlite:///{tmp_path}/none.db")
    assert result.exit_code == 1
    assert unannounced(result.stderr).startswith("Error: There is no database file at ")
