"""The guide to the schedule and the units of systemd: every command runs, every unit is sound."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.operations.guides import Machine, blocks

_UNITS = (
    "jobstore-agent.service",
    "jobstore-run-due.service",
    "jobstore-run-due.timer",
    "jobstore-serve.service",
)


@pytest.fixture
def machine(tmp_path: Path, repository: Path, quick_jobstore: Path) -> Machine:
    return Machine(tmp_path / "machine", repository, quick_jobstore)


def _blocks(repository: Path) -> list[tuple[str, str]]:
    return blocks(repository / "docs/schedule.md")


def test_the_commands_do_what_the_guide_says(
    machine: Machine, repository: Path, tmp_path: Path, migrated_url: str
) -> None:
    _, commands = _blocks(repository)[0]
    *first, agent = commands.splitlines()
    assert agent == "jobstore agent"
    store = {"JOBSTORE_URL": migrated_url}
    done = machine.run("\n".join(first), tmp_path, **store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("never ran") == 10
    assert len(re.findall(r"^(backup|restore-test|alerts) +done ", done.stdout, re.MULTILINE)) >= 3
    assert '"ok": true' in done.stdout
    with subprocess.Popen(
        [sys.executable, "-m", *agent.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository), **store},
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr
        assert child.stderr.readline().startswith("Store: ")
        doing = next(line for line in child.stderr if line.startswith("Doing what is due of: "))
        assert "backup, " in doing
        child.send_signal(signal.SIGTERM)
        child.stderr.read()
        assert child.wait(60) == 0


def test_what_is_installed_is_what_the_checkout_has(machine: Machine, repository: Path) -> None:
    commands = [text for _, text in _blocks(repository) if "sudo" in text]
    for each in commands:
        done = machine.run(each, repository)
        assert done.returncode == 0, done.stderr
    for name in _UNITS[1:3]:
        installed = machine.root / "etc/systemd/system" / name
        assert installed.read_text() == (repository / "deploy/systemd" / name).read_text()
    assert machine.log.read_text().splitlines() == [
        "systemctl daemon-reload",
        "systemctl enable --now jobstore-run-due.timer",
    ]


def test_the_line_for_cron_works_and_says_nothing(
    machine: Machine, repository: Path, tmp_path: Path, migrated_url: str
) -> None:
    ((_, line),) = [each for each in _blocks(repository) if each[0] == "crontab"]
    shutil.copy(tmp_path / "jobs.db", machine.state)
    yaml = (repository / "deploy/production/config.yaml").read_text()
    config = machine.root / "etc/jobstore/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(yaml.replace("sqlite:////var", f"sqlite:///{machine.root}/var"))
    done = machine.run(line.removeprefix("* * * * * "), tmp_path)
    # What alerts have to tell goes to the log, too.
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len([*(machine.state / "jobs.ops/backups").glob("*.zst")]) == 1


@pytest.mark.parametrize("name", [each for each in _UNITS if each.endswith("service")])
def test_services_start_what_there_is_and_may_do_little(name: str, repository: Path) -> None:
    text = (repository / "deploy/systemd" / name).read_text()
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    program, command, *_ = settings["ExecStart"].split()
    assert program.endswith("/bin/jobstore")
    helped = subprocess.run(
        [sys.executable, "-m", "jobstore", command, "--help"], capture_output=True, check=False
    )
    assert helped.returncode == 0
    assert settings["User"] == "jobstore"
    hardening = ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "ProtectClock")
    assert {settings[each] for each in hardening} == {"yes"}
    assert (settings["ProtectSystem"], settings["CapabilityBoundingSet"]) == ("strict", "")


def test_systemd_takes_the_units_and_finds_them_safe(repository: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not on this machine")
    for name in _UNITS:
        text = (repository / "deploy/systemd" / name).read_text()
        # It looks whether there is such a program.
        (tmp_path / name).write_text(text.replace("/opt/jobstore/bin/jobstore", "/bin/true"))
    units = [str(tmp_path / name) for name in _UNITS]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for unit in [each for each in units if each.endswith("service")]:
        command = [analyze, "security", "--offline=true", "--threshold=20", unit]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "offline" not in done.stderr:
            assert done.returncode == 0, done.stdout
