"""``jobstore deploy``, ``deployments`` and ``rollback``: what they say, write and answer."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import jobstore
from jobstore.cli import deploy as commands
from jobstore.cli.main import app
from jobstore.engines.sqlite.writing import renewing
from jobstore.operations import deployment
from jobstore.operations.deployment import Loss, environment
from jobstore.operations.deployment.gates import Gate, Phase, Stopped, run_phase
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import unannounced
from tests.fixtures.postings import posting
from tests.operations.backups import new_keys
from tests.operations.deploying import rewrite_record, settings_for

CONFIG = """
environment: staging
store: {url: "sqlite:///jobs.db"}
deployment: {min_free_mib: 1}
thresholds: {get_ms: 60000, search_ms: 60000, statistics_ms: 60000, write_ms: 60000}
health: {timeout: 60, disk_warn_percent: 0.002, disk_fail_percent: 0.001}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with a configuration for staging."""
    place = tmp_path / "deploy" / "staging"
    place.mkdir(parents=True)
    (place / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


STAGING = ("--config", "deploy/staging/config.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def write(*numbers: int) -> None:
    async def work() -> None:
        async with jobstore.connect("sqlite:///jobs.db") as store:
            await store.upsert_many(posting(number) for number in numbers)

    asyncio.run(work())


def test_deploying_going_back_and_looking(folder: Path) -> None:
    made = run("deploy", "--environment", "staging")

    assert made.exit_code == 0, made.stderr
    for phase in ("Environment", "Database", "Validation", "Monitoring"):
        assert f"\n{phase}\n" in f"\n{made.stderr}"
    assert "  pass configuration     deploy/staging/config.yaml, " in made.stderr
    assert "(at most 60,000 ms)" in made.stderr
    assert "Nothing has run the schedule yet" in made.stderr
    assert "Deployment 1: go, in " in made.stdout
    assert f"Report: {folder}/jobs.ops/deployments/0001.md" in made.stdout
    lines = (folder / "jobs.ops" / "logs" / "deployment.log").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    told = run("deployments", "show", "--json", *STAGING)
    record = json.loads(told.stdout)
    assert {line["run_id"] for line in log} == {record["run_id"]}
    assert log[0]["event"] == "a deployment began"
    assert (log[-1]["event"], log[-1]["outcome"]) == ("a deployment ended", "succeeded")
    checks = [line["check"] for line in log if line["event"] == "a check was made"]
    assert checks == [gate["name"] for phase in record["phases"] for gate in phase["gates"]]

    write(1, 2, 3)
    dry = run("rollback", "--to", "1", "--dry-run", "--json", *STAGING)
    loss = {"added": 3, "changed": 0, "seen": 0, "removed": 0, "beside": 0}
    assert json.loads(dry.stdout) == {"to": 1, "loss": loss}
    said = run("rollback", "--to", "1", "--dry-run", *STAGING)
    assert said.stdout == ("A return to deployment 1 loses postings written since then: 3 added.\n")
    refused = run("rollback", "--to", "1", *STAGING)
    assert (refused.exit_code, "Add --yes" in refused.stderr) == (2, True)
    done = run("rollback", "--to", "1", "--yes", *STAGING)
    assert done.exit_code == 0, done.stderr
    assert "The store is again what deployment 1 left; it goes with jobstore " in done.stdout
    assert "What was there is kept as jobs-" in done.stdout
    again = json.loads(run("rollback", "--to", "1", "--json", *STAGING).stdout)
    assert (again["go"], again["loss"]["added"], again["environment"]) == (True, 0, "staging")

    listed = run("deployments", "list", *STAGING)
    assert [line.split()[:4] for line in listed.stdout.splitlines()[1:]] == [
        ["3", "rollback", "to", "1"],
        ["2", "rollback", "to", "1"],
        ["1", "deployment", "staging", "succeeded"],
    ]
    numbers = json.loads(run("deployments", "list", "--json", *STAGING).stdout)["deployments"]
    assert [each["number"] for each in numbers] == [3, 2, 1]
    assert run("deployments", "show", "1", *STAGING).stdout.startswith("# Deployment 1: go\n")
    unknown = run("deployments", "show", "9", *STAGING)
    assert (unknown.exit_code, "there is no 9" in unknown.stderr) == (2, True)


def test_a_deployment_as_json_and_one_that_goes_on_from_a_killed_one(folder: Path) -> None:
    made = run("deploy", "-e", "staging", "--json")
    assert json.loads(made.stdout)["go"] is True
    assert made.stderr == ""
    # No process has a number as high as that.
    killed = {"status": "running", "pid": 2**31 - 1}
    rewrite_record(settings_for(folder), 1, lambda told: told | killed)
    assert " broken off " in run("deployments", "list", *STAGING).output

    again = run("deploy", "-e", "staging", "--quiet")

    assert (again.exit_code, again.stderr) == (0, "")
    assert json.loads(run("deployments", "show", "--json", *STAGING).stdout)["continues"] == 1


def test_a_deployment_that_fails_says_what_to_do(folder: Path) -> None:
    slow = CONFIG.replace("get_ms: 60000", "get_ms: 0.001")
    (folder / "deploy" / "staging" / "config.yaml").write_text(slow)

    failed = run("deploy", "-e", "staging")

    assert failed.exit_code == 1
    assert "Error: Deployment 1 failed: validation: get: " in failed.stderr
    assert "What to do: See what else this machine does" in failed.stderr
    assert "Put back: Took away the store that was made" in failed.stderr
    assert not (folder / "jobs.db").exists()
    kept = run("deploy", "-e", "staging", "--no-rollback", "--json")
    assert (kept.exit_code, json.loads(kept.stdout)["status"]) == (1, "failed")
    assert "Not put back: Everything was left as it is, as asked." in kept.stderr
    assert (folder / "jobs.db").exists()
    refused = run("rollback", "--to", "2", *STAGING)
    assert (refused.exit_code, "left nothing to return to" in refused.stderr) == (1, True)


@pytest.mark.parametrize("known", [True, False])
def test_an_encrypted_backup_is_returned_to_with_the_key_that_a_flag_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    keys = new_keys(folder / "key.txt")
    config = folder / "deploy" / "staging" / "config.yaml"
    config.write_text(f"{CONFIG}backup: {{recipients: [{keys.public}]}}\n")
    flag = ("--identity", "key.txt") if known else ()
    first = json.loads(run("deploy", "-e", "staging", "--json", *flag).stdout)
    configuration = first["phases"][0]["gates"][0]
    assert configuration["verdict"] == ("pass" if known else "warn")
    assert ("add --identity FILE" in configuration["advice"]) is not known
    # What is derived has a new form, which no migration takes back; and then something fails.
    monkeypatch.setattr(renewing, "DERIVED_FORM", renewing.DERIVED_FORM + 1)
    config.write_text(config.read_text().replace("get_ms: 60000", "get_ms: 0.001"))

    failed = run("deploy", "-e", "staging", *flag)

    assert failed.exit_code == 1
    if known:
        assert "Put back: Returned to the backup jobs-" in failed.stderr
    else:
        assert "is encrypted; name the file with the secret key" in failed.stderr
        assert re.search(r"run: jobstore restore jobs-\S+ --replace", failed.stderr)


def test_a_key_file_that_is_none_is_told_before_anything_is_done(folder: Path) -> None:
    keys = new_keys(folder / "key.txt")
    (folder / "key.txt").write_text("no key")
    (folder / "deploy" / "staging" / "config.yaml").write_text(
        f"{CONFIG}backup: {{recipients: [{keys.public}]}}\n"
    )
    refused = run("deploy", "-e", "staging", "--identity", "key.txt")
    assert refused.exit_code == 1
    assert "key.txt is no age key file" in refused.stderr
    assert not (folder / "jobs.db").exists()


def test_a_rollback_that_fails_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("deploy", "-e", "staging").exit_code == 0
    backups = folder / "jobs.ops" / "backups"
    kept = {each.name: each.read_bytes() for each in backups.iterdir()}
    unpacked = deployment.rolling_back.unpacked

    @contextmanager
    def then_the_folder_is_gone(*arguments: Any) -> Iterator[Path]:
        with unpacked(*arguments) as found:
            for each in kept:
                (backups / each).unlink()
            backups.rmdir()
            backups.write_text("a file")
            yield found

    monkeypatch.setattr(deployment.rolling_back, "unpacked", then_the_folder_is_gone)
    failed = run("rollback", "--to", "1", *STAGING)
    assert failed.exit_code == 1
    assert "Error: Rollback 2 failed: rollback: data: " in failed.stderr


def test_a_dry_run_tells_what_would_be_done(folder: Path) -> None:
    told = run("deploy", "-e", "staging", "--dry-run")
    assert told.exit_code == 0, told.stderr
    assert (
        "It would make no backup, as there is nothing to back up; migrations: 0001." in told.stdout
    )
    plan = json.loads(run("deploy", "-e", "staging", "--dry-run", "--json").stdout)
    assert (plan["go"], plan["backup"], plan["sample_data"]) == (True, False, False)
    assert [phase["name"] for phase in plan["phases"]] == ["environment"]
    assert sorted(each.name for each in folder.iterdir()) == ["deploy"]
    no_room = CONFIG.replace("min_free_mib: 1", "min_free_mib: 1000000")
    (folder / "deploy" / "staging" / "config.yaml").write_text(no_room)
    refused = run("deploy", "-e", "staging", "--dry-run")
    assert refused.exit_code == 1
    assert "Free some space" in refused.stderr


def test_the_environment_has_to_be_the_one_of_the_configuration(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = run("deploy", "-e", "production", *STAGING)
    assert wrong.exit_code == 2
    assert "environment: is staging (deploy/staging/config.yaml, line 2)" in wrong.stderr
    # What no configuration says, the flag says.
    bare = json.loads(run("deploy", "-e", "production", "--dry-run", "--json").stdout)
    assert bare["phases"][0]["gates"][0]["limit"] == "production"
    # A file that was named wins over the usual one.
    (folder / "own.yaml").write_text("logging: {level: debug}")
    monkeypatch.setenv("JOBSTORE_CONFIG", "own.yaml")
    named = json.loads(run("deploy", "-e", "staging", "--dry-run", "--json").stdout)
    assert named["phases"][0]["gates"][0]["observed"] == "own.yaml"


def test_before_the_first_deployment_there_is_nothing_to_show() -> None:
    listed = run("deployments", "list", *STAGING)
    assert (listed.exit_code, listed.stdout) == (0, "Nothing was deployed yet.\n")
    shown = run("deployments", "show", *STAGING)
    assert (shown.exit_code, unannounced(shown.stderr)) == (1, "Error: Nothing was deployed yet.\n")
    refused = run("rollback", "--to", "1", *STAGING)
    assert "there are: none yet" in refused.stderr


def test_nobody_is_asked_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not commands._may_be_lost(Loss(added=1))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, err: "keeps it" in question)
    assert commands._may_be_lost(Loss(added=1))


def _look(check: Gate) -> Any:
    phases: list[Phase] = []
    try:
        run_phase("environment", [check], phases, lambda phase, gate: None)
    except Stopped as stopped:
        return stopped.check
    return phases[0].gates[0]


def _check(name: str, settings: Settings | None = None) -> Any:
    checks = environment.checks(settings or Settings(), (), dry_run=True)
    return _look(next(each for each in checks if each.name == name))


def test_packages_that_are_old_or_missing_stop_a_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _check("packages").verdict == "pass"
    wanted = [
        "pydantic>=99",
        "no-such-package[extra]>=1; extra == 'cloud'",
        "typer<0.1,>0",
        "rich!=0.1",
        "pyyaml~=1.0",
        # What is for another system or another extra is not missing.
        "absent-here>=1; sys_platform == 'cloud'",
        "absent-too>=1; extra == 'cloudy'",
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wanted)
    gate = _check("packages")
    assert gate.verdict == "fail"
    assert "pydantic is " in gate.observed
    assert "typer is " in gate.observed
    assert "rich" not in gate.observed
    assert re.search(r"pyyaml is [\d.]+, and ~=1.0 is required", gate.observed)
    assert "absent" not in gate.observed
    assert gate.advice == "Run: pip install ."
    age = "age1" + "q" * 58
    more = Settings.model_validate({"backup": {"places": ["s3://bucket/folder"], "recipients": []}})
    gate = _check("packages", more)
    assert "no-such-package is missing" in gate.observed
    assert "absent" not in gate.observed
    assert "jobstore[cloud]" in gate.advice
    more = more.model_copy(update={"backup": more.backup.model_copy(update={"recipients": (age,)})})
    assert "jobstore[cloud,encryption]" in _check("packages", more).advice


def test_an_installation_that_is_no_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise environment.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.requires", absent)
    monkeypatch.setattr("importlib.metadata.metadata", absent)
    assert _check("packages").verdict == _check("python").verdict == "warn"


def test_a_python_or_a_sqlite_that_is_too_old_stops_a_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.10.2+")
    assert (_check("python").verdict, "Python >=3.11" in _check("python").advice) == ("fail", True)
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 30, 0))
    assert _check("sqlite").verdict == "fail"


def test_what_a_check_raises_is_told_without_values(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise ValueError("a value of somebody")

    with caplog.at_level(logging.ERROR, "jobstore"):
        gate = _look(Gate("broken", broken))
    assert (gate.verdict, gate.output) == ("fail", "unexpected ValueError")
    assert "deployment.log" in gate.advice

    def refused() -> Any:
        raise PermissionError(13, "Permission denied", "/somewhere")

    assert _look(Gate("refused", refused)).output == "Permission denied (PermissionError)"


def test_a_folder_that_cannot_be_written_to_stops_a_deployment(tmp_path: Path) -> None:
    settings = Settings.model_validate({"paths": {"state": "/proc/jobstore"}})
    gate = _check("permissions", settings)
    assert gate.verdict == "fail"
    assert "Cannot write in /proc" in gate.output
    store = tmp_path / "jobs.db"
    store.touch(mode=0o644)
    store.chmod(0o644)
    assert _check("permissions").verdict == "warn"


def test_pruning_by_hand_keeps_what_a_rollback_saved(folder: Path) -> None:
    few = f"{CONFIG}backup: {{daily: 1, weekly: 0, monthly: 0}}\n"
    (folder / "deploy" / "staging" / "config.yaml").write_text(few)
    assert run("deploy", "-e", "staging").exit_code == 0
    write(1)
    done = json.loads(run("rollback", "--to", "1", "--yes", "--json", *STAGING).stdout)
    assert run("backup", "create", *STAGING).exit_code == 0

    pruned = json.loads(run("backup", "prune", "--json", *STAGING).stdout)

    (place,) = pruned["places"]
    assert {done["saved"], done["snapshot"]} <= {*place["kept"]}


@pytest.mark.parametrize(
    "command",
    [
        ("deploy", "-e", "staging"),
        ("deploy", "-e", "staging", "--dry-run"),
        ("rollback", "--to", "1"),
        ("run-due",),
        ("agent",),
    ],
    ids=" ".join,
)
def test_a_folder_is_no_store_and_gets_nothing_beside_it(
    folder: Path, command: tuple[str, ...]
) -> None:
    (folder / "jobs.db").mkdir()
    refused = run(*command, *STAGING)
    assert (refused.exit_code, "jobs.db is no file" in refused.stderr) == (1, True)
    assert not (folder / "jobs.ops" / "deployments").exists()


def test_records_that_cannot_be_read_are_not_taken_for_none(folder: Path) -> None:
    place = folder / "jobs.ops" / "operations.db"
    place.parent.mkdir()
    place.write_bytes(b"no database" * 1000)
    for command in (
        ("deployments", "list"),
        ("deploy", "-e", "staging"),
        ("deploy", "-e", "staging", "--dry-run"),
        ("backup", "prune"),
    ):
        refused = run(*command, *STAGING)
        assert refused.exit_code == 1
        assert f"{place} is damaged" in refused.stderr


def test_a_folder_of_reports_that_cannot_be_made_refuses_a_deployment(folder: Path) -> None:
    place = folder / "jobs.ops" / "deployments"
    place.parent.mkdir()
    place.write_text("no folder")
    refused = run("deploy", "-e", "staging")
    assert (refused.exit_code, f"Cannot work in {place}" in refused.stderr) == (1, True)
    assert not (folder / "jobs.db").exists()


def test_a_dry_run_says_everything_once(folder: Path, repository: Path) -> None:
    (folder / "jobs.db").touch(mode=0o644)
    (folder / "jobs.db").chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-m", "jobstore", "deploy", "-e", "staging", "--dry-run"],
        env={"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("other accounts can open it") == 1
