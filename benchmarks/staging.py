"""What is done to a store beside its writers: every operation as the real command.

A stage is a copy of a store with its settings, and everything that operations leave; each operation
gets one of its own. Nothing is measured here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import yaml

from benchmarks import next_version
from benchmarks.buckets import ACCOUNT, BUCKET
from benchmarks.databases import REPOSITORY, Database, working_copy

# Seconds for what has no end of its own.
_SPAN = 15
# Seconds after which a command is given up.
_PATIENCE = 3600

# What is not measured here must not end an operation either.
_THRESHOLDS = dict.fromkeys(("get_ms", "search_ms", "statistics_ms", "write_ms"), 60_000)

_IDLE = "import sys, time; time.sleep(float(sys.argv[2]))"
_READ = """
import sqlite3, sys, time
conn = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, isolation_level=None)
conn.execute("BEGIN")
conn.execute("SELECT count(*) FROM posting").fetchone()
time.sleep(float(sys.argv[2]))
"""
# Lets a command run for some seconds, then asks it to end.
_FOR_A_WHILE = """
import subprocess, sys
with subprocess.Popen(sys.argv[2:]) as running:
    try:
        running.wait(float(sys.argv[1]))
    except subprocess.TimeoutExpired:
        running.terminate()
sys.exit(running.returncode)
"""


class Stage:
    """A copy of a store with its settings, in a folder of its own."""

    def __init__(self, store: Database) -> None:
        self.store = store
        self.folder = store.path.parent
        self.package = REPOSITORY
        """Where the code is that commands run."""
        self._settings: dict[str, Any] = {
            "environment": "staging",
            "store": {"url": store.url},
            "thresholds": _THRESHOLDS,
        }
        self.configure({})

    def configure(self, more: Mapping[str, Any]) -> None:
        """Add to the settings."""
        self._settings |= more
        text = yaml.safe_dump(self._settings)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    def upgrade(self) -> None:
        """Let commands be those of a next version, whose words of the index are others."""
        self.package = next_version.make(self.folder / "next")

    def command(self, *arguments: str) -> list[str]:
        """Return how a command is called for this store."""
        config = str(self.folder / "config.yaml")
        return [sys.executable, "-m", "jobstore", *arguments, "--config", config]

    def idle(self, code: str = _IDLE) -> list[str]:
        """Return what runs ``code`` with the path of the store, and seconds to take."""
        return [sys.executable, "-c", code, str(self.store.path), str(_SPAN)]

    def prepare(self, *arguments: str) -> Any:
        """Run a command to its end and return its JSON; raises RuntimeError when it fails."""
        done = self.run(self.command(*arguments, "--json"))
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr or done.stdout}")
        return json.loads(done.stdout)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.package)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )


@contextmanager
def staged(original: Database) -> Iterator[Stage]:
    """Give a stage with a copy of a store, which is on the disk; it is removed afterwards."""
    with working_copy(original) as copy:
        # What the system still has to write would keep the writers waiting.
        with copy.path.open("rb") as file:
            os.fsync(file.fileno())
        yield Stage(copy)


class Operation(NamedTuple):
    """Something that is done to a store: what comes before, and what is measured."""

    name: str
    command: Callable[[Stage], Sequence[str]]
    prepare: Callable[[Stage], object] = lambda stage: None
    remote: bool = False
    """Whether there is to be a bucket."""
    answers: Sequence[int] = (0,)
    """The exit codes of one that did what it was to do."""


def use_bucket(stage: Stage, address: str) -> None:
    """Let backups go to the bucket at ``address`` too."""
    place = f"s3://{BUCKET}/waits"
    options = {"endpoint": address, "allow_http": "true", **ACCOUNT}
    stage.configure({"backup": {"places": [place], "place_options": {place: options}}})


def _calls(*arguments: str) -> Callable[[Stage], Sequence[str]]:
    return lambda stage: stage.command(*arguments)


def _due(task: str) -> Callable[[Stage], Sequence[str]]:
    return _calls("run-due", "--force", "--only", task)


def _archive(stage: Stage) -> Sequence[str]:
    command = stage.command("archive", "run")
    return [sys.executable, "-c", _FOR_A_WHILE, str(_SPAN), *command]


def _back_up(stage: Stage) -> None:
    stage.prepare("backup", "create")


def _deploy(stage: Stage) -> None:
    stage.prepare("deploy", "--environment", "staging")


def _upgrade(stage: Stage) -> None:
    stage.upgrade()


def _migrate(stage: Stage) -> None:
    stage.upgrade()
    stage.prepare("migrate", "up")


def _deploy_and_upgrade(stage: Stage) -> None:
    _deploy(stage)
    _upgrade(stage)


def _deploy_twice(stage: Stage) -> None:
    _deploy_and_upgrade(stage)
    _deploy(stage)


_EXPORT = _calls("export", "--output", "everything.jsonl", "--quiet")
_DEPLOY = _calls("deploy", "--environment", "staging")

OPERATIONS = (
    Operation("nothing", Stage.idle),
    Operation("`health`", _calls("health"), answers=(0, 1, 2)),
    Operation("`backup create`", _calls("backup", "create")),
    Operation("`backup create`, to a bucket too", _calls("backup", "create"), remote=True),
    Operation("`archive run`, to a bucket too", _archive, remote=True),
    Operation("`backup verify --restore`", _calls("backup", "verify", "--restore"), _back_up),
    Operation("`doctor --full --verify`", _calls("doctor", "--full", "--verify")),
    Operation("optimize", _due("optimize")),
    Operation("checkpoint", _due("checkpoint")),
    Operation("`export` of everything", _EXPORT),
    Operation("a reader that keeps its state", lambda stage: stage.idle(_READ)),
    Operation("`vacuum`", _calls("vacuum")),
    Operation("`vacuum --stop-writers`", _calls("vacuum", "--stop-writers")),
    Operation("`restore --replace`", _calls("restore", "--replace"), _back_up),
    Operation("`deploy`", _DEPLOY),
    Operation("`deploy` with a new index", _DEPLOY, _deploy_and_upgrade),
    Operation("`rollback` of a new index", _calls("rollback", "--to", "1", "--yes"), _deploy_twice),
    Operation("`migrate up` with a new index", _calls("migrate", "up"), _upgrade),
    Operation("`migrate down` of a new index", _calls("migrate", "down", "--yes"), _migrate),
)
"""In this order they are measured and shown."""

SHORT = ("nothing", "backup create", "migrate up with a new index", "rollback of a new index")
"""Those that show whether all of it works."""
