"""The targets of make for operations: what they call, with their variables, and that it works."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.cli.commands import run
from tests.operations.guides import PATIENT

STAGING = ["--config", "deploy/staging/config.yaml"]


class Make:
    """Runs targets; what they call is written down, and not done."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self._repository = repository
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._called = folder / "called"
        program = self._bin / "jobstore"
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{self._called}"\n')
        program.chmod(0o755)

    def __call__(self, *arguments: str) -> list[str]:
        """Return the arguments of the command that was called."""
        make = shutil.which("make")
        if make is None:
            pytest.skip("make is not on this machine")
        subprocess.run(
            # What is set up already is not set up again.
            [make, "--silent", "--old-file=.venv/.ready", *arguments, f"BIN={self._bin}"],
            cwd=self._repository,
            check=True,
            capture_output=True,
        )
        return self._called.read_text().splitlines()


@pytest.fixture
def make(repository: Path, tmp_path: Path) -> Make:
    return Make(repository, tmp_path)


@pytest.mark.parametrize(
    ("target", "called"),
    [
        ("deploy ENVIRONMENT=staging", ["deploy", "--environment", "staging", *STAGING]),
        ("deploy", ["deploy", "--environment", "development"]),
        (
            "deploy ENVIRONMENT=production CONFIG=own.yaml STORE=sqlite:///x.db",
            [
                *("deploy", "--environment", "production"),
                *("--config", "own.yaml", "--store", "sqlite:///x.db"),
            ],
        ),
        ("health", ["health"]),
        ("health ENVIRONMENT=staging", ["health", *STAGING]),
        ("backup STORE=sqlite:///x.db", ["backup", "create", "--store", "sqlite:///x.db"]),
        ("restore TO=new.db", ["restore", "--to", "new.db"]),
        (
            "restore NAME=jobs-1 TO=new.db ENVIRONMENT=staging",
            ["restore", "jobs-1", "--to", "new.db", *STAGING],
        ),
        ("monitor ENVIRONMENT=staging", ["monitor", *STAGING]),
        ("rollback STORE=sqlite:///x.db", ["migrate", "down", "--store", "sqlite:///x.db"]),
        ("rollback YES=1", ["migrate", "down", "--store", "sqlite:///jobs.db", "--yes"]),
        ("migrate", ["migrate", "up", "--store", "sqlite:///jobs.db"]),
        ("migrate-status", ["migrate", "status", "--store", "sqlite:///jobs.db"]),
        # A variable of the shell that is not set; what comes of that is refused by the command.
        ("rollback STORE= YES=1", ["migrate", "down", "--store", "", "--yes"]),
        ("backup STORE=", ["backup", "create", "--store", ""]),
        ("health CONFIG=", ["health", "--config", ""]),
        ("restore TO= NAME=", ["restore", "", "--to", ""]),
    ],
)
def test_a_target_calls_its_command(make: Make, target: str, called: list[str]) -> None:
    assert make(*target.split()) == called


def test_the_commands_of_the_targets_work(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    store, config = f"STORE=sqlite:///{tmp_path}/jobs.db", tmp_path / "own.yaml"
    config.write_text("deployment: {sample_data: true}")
    given = [store, f"CONFIG={config}"]
    for target in (
        ["deploy", *given],
        ["health", *given],
        ["backup", *given],
        ["restore", "TO=new.db", *given],
        ["monitor", *given],
        ["rollback", store, "YES=1"],
        ["migrate", store],
        ["migrate-status", store],
    ):
        done = run(*make(*target))
        assert done.exit_code == 0, (target, done.stderr)
    assert (tmp_path / "new.db").is_file()
