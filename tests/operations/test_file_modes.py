"""Everything that commands make on disk, whatever the umask, and whoever runs them."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Another account than that of the tests, where these may act as one.
ACCOUNT = 4711 if os.geteuid() == 0 else os.geteuid()

CONFIG = """\
environment: staging
backup: {places: [places/second]}
health: {disk_fail_percent: 0, timeout: 60}
alerts:
  sinks:
    - {type: log}
"""

POSTING = {"source": "s", "title": "Engineer", "company": "C"}

COMMANDS = """\
migrate up
config check
deploy --environment staging
import postings.jsonl --rejects rejected.jsonl
search engineer
count
stats
export -o postings.csv --format csv
export -o postings.jsonl.gz
backup create
backup list
backup verify
backup verify --restore
backup prune
health
monitor --once
monitor metrics
monitor trend --svg trend.svg
alerts check
alerts list
alerts silence disk-free --for 1h --reason work
alerts test
run-due
vacuum
doctor --full --verify
import postings.jsonl
damage
doctor --repair --yes
rollback --to 1 --yes
restore --to restored/jobs.db
restore --replace
migrate down --yes
migrate up
deployments list
""".splitlines()

# Each in a process of its own, in the order that they are given; tells their exit codes. Whatever
# they make has to be right while they work, too, so what they leave to be removed stays.
RUN = """
import gc, importlib, json, os, pkgutil, sqlite3, sys
import jobstore
from jobstore.cli.main import main

# What commands import late takes longer than they do, and is the same for all of them.
for module in pkgutil.walk_packages(jobstore.__path__, "jobstore."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
# A collection in a child would copy all the memory that it shares with this process.
gc.collect()
gc.freeze()
codes = []
for command in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        if command == "damage":
            with sqlite3.connect("data/jobs.db") as store:
                store.execute("UPDATE counter SET amount = amount + 1")
            os._exit(0)
        sys.argv = ["jobstore", *command.split()]
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        else:
            code = 0
        sys.stdout.flush()
        os._exit(code)
    codes.append((command, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
print(json.dumps(codes), file=sys.stderr)
"""

# What is imported late has to be readable for another account, and need not be.
WRITE = """
import asyncio, os, sys
import jobstore

async def write(url, number, **options):
    posting = {"source": "s", "source_job_id": number, "title": "T", "company": "C"}
    async with jobstore.connect(url, **options) as store:
        return (await store.upsert(posting)).outcome

asyncio.run(write("sqlite:///warm/up.db", "1", migrate=True))
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
print(asyncio.run(write("sqlite:///data/jobs.db", "of the account")))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the account, which it can reach."""
    made = Path(tempfile.mkdtemp())
    os.chown(made, ACCOUNT, ACCOUNT if ACCOUNT == 4711 else -1)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_all_that_commands_make_is_for_the_account_of_the_store_alone(
    folder: Path, repository: Path, umask: int
) -> None:
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "postings.jsonl").write_text(
        "".join(f"{json.dumps(POSTING | {'source_job_id': str(n)})}\n" for n in range(40)) + "{}\n"
    )
    places = folder / "places" / "second"
    places.mkdir(parents=True)
    for each in (places.parent, places):
        each.chmod(0o700)
        os.chown(each, ACCOUNT, -1)
    given = {each: each.stat() for each in folder.rglob("*")}
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(repository),
        "JOBSTORE_URL": "sqlite:///data/jobs.db",
        "JOBSTORE_CONFIG": str(folder / "config.yaml"),
    }

    def python(code: str, *arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder, env=environment, umask=umask, input=told, capture_output=True, text=True,
            timeout=600, check=True,
        )  # fmt: skip

    told = python(RUN, told=json.dumps(COMMANDS))
    codes = json.loads(told.stderr.splitlines()[-1])
    # Health and alerts may find something on this machine.
    failed = [each for each, code in codes if code and not each.startswith("health")]
    assert failed == [], told.stderr

    found = {each: each.lstat() for each in folder.rglob("*") if each not in given}
    wrong = {
        str(each.relative_to(folder)): f"{state.st_mode:o} of {state.st_uid}"
        for each, state in found.items()
        if (stat.S_IMODE(state.st_mode), state.st_uid)
        != (0o700 if each.is_dir() else 0o600, ACCOUNT)
    }
    assert wrong == {}
    assert {"rejected.jsonl", "trend.svg", "health.log", "jobs.db.lock", "operations.db"} <= {
        each.name for each in found
    }
    # It can go on where root did something for it.
    assert python(WRITE, str(ACCOUNT)).stdout == "inserted\n"
