"""The guide to deployments: every command of it runs, and its table has the checks there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jobstore.settings import reference
from tests.operations.guides import PATIENT, Machine, blocks


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Machine:
    return Machine(tmp_path / "machine", repository)


@pytest.fixture
def page(repository: Path) -> Path:
    return repository / "docs/deployment.md"


def test_every_command_from_nothing_to_a_new_version(machine: Machine, page: Path) -> None:
    steps = "\n".join(text for _, text in blocks(page))

    done = machine.run(steps, machine.checkout(), **PATIENT)

    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    # Staging, and a store that came from a backup of production.
    assert "\n  pass sample data       500 postings, " in told
    assert told.count("Deployment 1: go, in ") == 3
    assert told.count("Deployment 2: go, in ") == 1
    assert told.count("# Deployment 1: go\n") == 2
    assert told.count("The settings are right: ") == 2
    assert "Error" not in told
    assert machine.log.read_text().splitlines() == [
        f"python3 -m venv {machine.root}/opt/jobstore",
        "pip install --quiet .",
        f"useradd --system --home-dir {machine.state} jobstore",
        "systemctl daemon-reload",
        "systemctl enable --now jobstore-agent",
    ]
    store = {"JOBSTORE_URL": f"sqlite:///{machine.state}/jobs.db"}
    listed = machine.run("jobstore deployments list --json", machine.root, **store)
    records = json.loads(listed.stdout)["deployments"][::-1]
    assert [(each["environment"], each["go"]) for each in records] == [("production", True)] * 2
    rows = [
        (phase or None, check)
        for phase, check in re.findall(
            r"^\| (\w*) *\| `([\w ]+)` \|", page.read_text(), re.MULTILINE
        )
    ]
    found = [
        (phase["name"] if index == 0 else None, gate["name"])
        for phase in records[0]["phases"]
        for index, gate in enumerate(phase["gates"])
    ]
    assert rows == found


@pytest.mark.parametrize("name", ["deployment", "rollback", "schedule", "demo"])
def test_settings_that_guides_name_are_there(name: str, repository: Path) -> None:
    text = (repository / f"docs/{name}.md").read_text(encoding="utf-8")
    known = {each.name for each in reference.all_keys()}
    sections = "|".join({each.partition(".")[0] for each in known})
    named = re.findall(rf"`((?:{sections})\.(?!log|db)[a-z_]+)`", text)
    assert {*named} <= known
