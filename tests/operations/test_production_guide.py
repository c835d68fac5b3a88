"""The guide to production, walked from an empty machine to a restored store on another one.

The commands of the references about backups and rollbacks, and the timer of the one about the
schedule, run on the machine that the walk has made.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from jobstore.settings import reference
from tests.operations.backups import Keys, new_keys
from tests.operations.buckets import object_server
from tests.operations.deploying import deployed, settings_for
from tests.operations.guides import PATIENT, Machine, blocks
from tests.operations.receivers import Webhook, webhook

_BUCKET = "example-backups-eu"
_NAME = "jobs-20260301T023000Z-1f3a9c"
_WITHIN = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Outside(NamedTuple):
    """What stays when a machine is gone: the program, places, keys, who is notified."""

    program: Path
    surroundings: dict[str, str]
    disk: Path
    keys: Keys
    notified: Webhook


@pytest.fixture
def outside(tmp_path: Path, quick_jobstore: Path) -> Iterator[Outside]:
    disk = tmp_path / "disk"
    disk.mkdir()
    keys = new_keys(tmp_path / "made-key.txt")
    with object_server() as server, webhook() as receiver:
        server.make(_BUCKET)
        # Who may use the bucket is said in the settings, and not here.
        surroundings = {
            name: server.environment[name] for name in ("AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP")
        }
        yield Outside(quick_jobstore, surroundings, disk, keys, receiver)


class Walk:
    """The guide on one machine: its steps, and what the reader fills in."""

    def __init__(self, root: Path, repository: Path, outside: Outside) -> None:
        self.machine = Machine(root, repository, outside.program)
        self.machine.stub("age-keygen", f'cp "{outside.keys.file}" "$2"')
        self.checkout = self.machine.checkout()
        self.outside = outside
        self.config = root / "etc/jobstore/config.yaml"
        text = (repository / "docs/production.md").read_text(encoding="utf-8")
        found = re.findall(r"^## (\d+)\. .*\n((?:(?!^## ).*\n)*)", text, re.MULTILINE)
        self._steps = {int(number): _WITHIN.findall(step) for number, step in found}
        # Both are defined once, for all terminals.
        self._functions = "".join(re.findall(r"^\w+\(\) \{.*\}\n", text, re.MULTILINE))

    def do(self, step: int) -> str:
        """Type the commands of a step; return all that they printed and said."""
        return self.type("".join(text for language, text in self._steps[step] if language == "sh"))

    def type(self, commands: str, **more: str) -> str:
        surroundings = PATIENT | self.outside.surroundings | more
        done = self.machine.run(self._functions + commands, self.checkout, **surroundings)
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{commands}\n{said}"
        assert "Traceback" not in said
        return said

    def archive(self) -> None:
        """Let the log be kept until every place has it and a backup for it, as the agent does."""
        surroundings = self.outside.surroundings | {"JOBSTORE_CONFIG": str(self.config)}
        archiver = subprocess.Popen(
            [sys.executable, "-m", "jobstore", "archive", "run", "--quiet"],
            cwd=self.machine.state,
            env=self.machine.environment | PATIENT | surroundings,
            stderr=subprocess.DEVNULL,
        )
        try:
            while True:
                assert archiver.poll() is None
                said = self.type("production archive status --json 2> /dev/null || [ $? = 1 ]")
                found = json.loads(said)
                # Before it has looked itself, what is told is of those before it.
                looked = found.get("process") == archiver.pid
                places = found.get("places", [])
                known = [each["seconds_behind"] is not None for each in places]
                if looked and all(known) and self._has_backup_of(found["generation"]):
                    # The guide goes back by five.
                    time.sleep(6)
                    break
                time.sleep(1)
        finally:
            archiver.terminate()
            archiver.wait()

    def _has_backup_of(self, generation: str) -> bool:
        """Tell whether a part of the log has a backup in a place, to which it is brought last."""
        files = self.outside.disk.glob("*.json")
        logs = [json.loads(each.read_text()).get("log") or {} for each in files]
        return generation in [each.get("generation") for each in logs]

    def fill_in(self) -> None:
        """Put into the settings, and into ``.env``, what step 3 says."""
        shown = dict(self._steps[3])
        added = self.machine.here(shown["yaml"])
        added = added.replace("/mnt/backups", str(self.outside.disk))
        settings: dict[str, Any] = yaml.safe_load(self.config.read_text())
        for section, values in yaml.safe_load(
            added.replace("age1...", self.outside.keys.public)
        ).items():
            settings[section] = (settings.get(section) or {}) | values
        self.config.write_text(yaml.safe_dump(settings))
        self.config.chmod(0o640)
        own = {"ALERT_WEBHOOK_URL": self.outside.notified.url}
        names = re.findall(r"^(\w+)=", shown["text"], re.MULTILINE)
        with (self.machine.state / ".env").open("a") as file:
            file.writelines(f"{name}={own.get(name, 'a secret of a test')}\n" for name in names)

    def deployments(self) -> list[dict[str, Any]]:
        return list(json.loads(self.type("production deployments list --json"))["deployments"])

    def postings(self, name: str = "jobs.db") -> int:
        with closing(sqlite3.connect(self.machine.state / name)) as conn:
            (number,) = conn.execute("SELECT count(*) FROM posting").fetchone()
        return int(number)


def test_the_way_from_an_empty_machine_to_a_store_that_was_lost_and_restored(
    tmp_path: Path, repository: Path, outside: Outside
) -> None:
    walk = Walk(tmp_path / "machine", repository, outside)
    walk.do(1)
    said = walk.do(2)
    assert "The settings are right: " in said
    assert "\n  pass sample data       500 postings, " in said
    assert "Deployment 1: go, in " in said
    assert "# Deployment 1: go\n" in said
    said = walk.do(3)
    assert "signing-key.txt has a new key" in said
    assert "jobstore-key-" not in said
    walk.fill_in()

    said = walk.do(4)
    assert "Deployment 1: go, in " in said
    assert "The test reached 2 sinks." in said
    assert [each["kind"] for each in outside.notified.notices] == ["test"]
    assert "500 inserted, 0 updated" in said
    installed = walk.machine.root / "etc/systemd/system/jobstore-agent.service"
    unit = "deploy/systemd/jobstore-agent.service"
    assert installed.read_text() == (walk.checkout / unit).read_text()
    walk.type("production run-due --quiet")  # what the agent does once it is started
    walk.archive()
    said = walk.do(5)
    assert said.count(" is good.") == 3
    assert "gives the store back: 500 postings" in said
    assert not re.search(r"never ran|failed", said)
    said = walk.do(6)
    assert "Silence 1 is lifted." in said
    assert "\nfail " not in said
    assert said.count("jobs.db  ") == 1
    said = walk.do(7)
    assert "Deployment 1: go, in " in said  # of the rehearsal
    assert "Deployment 2: go, in " in said

    said = walk.do(8)
    lost = "A return to deployment 1 loses postings written since then: 500 added."
    assert said.splitlines().count(lost) == 2
    assert "# Rollback 3: go" in said
    assert "What was there is kept as" in said
    assert walk.postings() == walk.postings("looked-into.db") == 500
    # What was put back begins a log of its own.
    walk.archive()
    said = walk.do(9)
    assert f"{walk.machine.state}/before.db: 500 postings as of " in said
    assert "and the log in " in said
    assert "0 inserted, 0 updated, 500 unchanged" in said
    assert walk.postings() == walk.postings("before.db") == 500
    assert [(each["environment"], each["go"]) for each in walk.deployments()] == [
        ("production", True)
    ] * 3
    assert walk.machine.log.read_text().splitlines() == [
        f"python3 -m venv {walk.machine.root}/opt/jobstore",
        "pip install --quiet .[cloud,encryption]",
        f"useradd --system --home-dir {walk.machine.state} jobstore",
        "systemctl daemon-reload",
        "systemctl enable --now jobstore-agent",
        "pip install --quiet .[cloud,encryption]",
        "systemctl restart jobstore-agent",
    ]
    backups_of_the_reference(walk, repository)
    migrations_of_the_reference(walk, repository)
    walk.archive()

    # Another machine, which gets the settings, the keys and nothing else.
    kept = {
        name: (walk.machine.root / name).read_bytes()
        for name in (
            "etc/jobstore/config.yaml",
            "var/lib/jobstore/.env",
            "var/lib/jobstore/backup-key.txt",
        )
    }
    shutil.rmtree(walk.machine.root)
    new = Walk(walk.machine.root, repository, outside)
    new.do(1)
    for name, content in kept.items():
        file = new.machine.root / name
        file.write_bytes(content)
        file.chmod(0o600)
    said = new.do(10)
    assert f"and the log in s3://{_BUCKET}/jobstore" in said
    assert f"{new.machine.state}/jobs.db: 500 postings as of " in said
    assert "Deployment 1: go, in " in said
    assert new.postings() == 500
    newest = json.loads(new.type("production backup list --json"))["backups"][0]
    assert len(newest["places"]) == 3
    assert (newest["encryption"], newest["signed"]) == ("age", True)


def typed_in_production(walk: Walk, text: str) -> str:
    """Type commands of a reference where those of production run."""
    program = walk.machine.root / "opt/jobstore/bin/jobstore"
    begin = f'cd {walk.machine.state}; jobstore() {{ "{program}" "$@"; }}\n'
    return walk.type(begin + text, JOBSTORE_CONFIG=str(walk.config))


def backups_of_the_reference(walk: Walk, repository: Path) -> None:
    (_, rotate), (_, restore), (_, any_second) = blocks(repository / "docs/backup.md")
    said = typed_in_production(walk, rotate)
    assert "new-key.txt has a new key" in said
    assert " is good." in said
    assert f"{walk.outside.disk}: 0 backups would go" in said
    both = " ".join(
        (walk.machine.state / name).read_text().strip()
        for name in ("new-key.txt", "signing-key.txt")
    )
    settings = walk.machine.state / ".env"
    settings.write_text(
        re.sub("(?<=^JOBSTORE_BACKUP__KEY=).*", both, settings.read_text(), flags=re.M)
    )

    backups = json.loads(walk.type("production backup list --json"))["backups"]
    named = next(each for each in backups if each["reason"] == "schedule")
    restore = restore.replace(f"{_NAME}.db.zst", f"{named['name']}.db.zst.age")
    restore = restore.replace(_NAME, named["name"]).replace("2026-03-01T12:00", named["created_at"])
    assert typed_in_production(walk, restore).count(f"from {named['name']}") == 3
    for name in ("copy", "file", "then"):
        assert walk.postings(f"{name}.db") == 500
        (walk.machine.state / f"{name}.db").unlink()
    walk.archive()
    said = typed_in_production(walk, any_second.replace("10 minutes ago", "5 seconds ago"))
    assert said.count("and the log in ") == 2
    assert "all as it has to be" in said


def migrations_of_the_reference(walk: Walk, repository: Path) -> None:
    ((_, migration),) = blocks(repository / "docs/rollback.md")
    assert "Took back 0010.soonest-expiry." in typed_in_production(walk, migration)
    assert walk.postings() == 500


@pytest.mark.parametrize(
    "page", ["production", "deployment", "rollback", "backup", "health", "maintenance", "demo"]
)
def test_settings_that_guides_name_are_there(page: str, repository: Path) -> None:
    text = (repository / f"docs/{page}.md").read_text(encoding="utf-8")
    known = {each.name for each in reference.all_keys()}
    sections = "|".join({each.partition(".")[0] for each in known})
    named = re.findall(rf"`((?:{sections})\.(?!log|db)[a-z_]+)`", text)
    assert {*named} <= known


def test_the_checks_of_a_deployment_are_those_of_the_reference(
    tmp_path: Path, repository: Path
) -> None:
    found = [
        (phase["name"], gate["name"])
        for phase in deployed(settings_for(tmp_path)).to_json()["phases"]
        for gate in phase["gates"]
    ]
    told = []
    phase = ""
    text = (repository / "docs/deployment.md").read_text(encoding="utf-8")
    for first, checks in re.findall(r"^\| (\w*) ?\| (`[^:]+): ", text, re.MULTILINE):
        phase = first or phase
        told += [(phase, name) for name in re.findall(r"`([\w ]+)`", checks)]
    assert told == found
