"""Results go to standard output, and all that is said beside them to standard error.

Every command of the program is in the table below; one that is not makes a test fail.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from jobstore.cli.main import app
from jobstore.records import job_id
from tests.contract.cli.commands import answer, lines, posting, run, unannounced

ID = str(job_id("board", "1"))


@dataclass(frozen=True)
class Case:
    """A call of a command.

    ``shows`` is what people find on standard output, and ``says`` all that they find on standard
    error, both as regular expressions; ``json`` are the keys of the answer, none for a command
    whose result has a form of its own.
    """

    arguments: str
    shows: str
    json: str = ""
    says: str = ""


CASES = (
    Case("migrate up", r"Nothing to do\.", "steps"),
    Case("migrate down --yes --without-backup", r"Took back \d{4}\.\S+", "saved steps"),
    Case("migrate down --dry-run", r"(?s)-- down: \d{4}.*;", "saved steps"),
    Case("migrate status", r"(?s)migration +state .*\n0001\S+ +applied", "migrations renewal"),
    Case("migrate verify", r"The schema is up to date", "ok"),
    Case("migrate finish --yes", r"(?s)Finished 0011\..*", "finished"),
    Case("archive status", r"No log of this store is kept\.", "archiving faults"),
    Case("archive stop", r"No log of this store is kept\.", "stopped"),
    Case("config show", r"(?s)setting +value .*\nstore\.url +sqlite", "environment files settings"),
    Case("config check", r"The settings are right", "environment faults files ok warnings"),
    Case("config keys", r"### environment", "settings"),
    Case("monitor --once", r"(?s)jobs\.db .*queue 0", "at operations processes"),
    Case("monitor trend", r"from \(UTC\) +count ", "points since step_seconds until"),
    Case("monitor metrics", r"# HELP jobstore_operation_duration_seconds "),
    Case("alerts list", r"(?s)alert +state .*\nlatency-warning", "alerts silences undelivered"),
    Case(
        "alerts check", r"(?s)alert +state .*\nlatency-warning", "alerts deliveries notifications"
    ),
    Case("alerts silence * --reason why", r"Silence 1: \* until", "ends_at id"),
    Case("alerts history", r"No alert was raised in that time\.", "notifications"),
    Case("alerts test", r"The test reached \d sink", "deliveries"),
    Case("backup keygen key", r"", says=r"(?s)key has a new key\..*"),
    Case("backup create", r"jobs-\S+: 1 posting, ", "name postings places"),
    Case("backup list", r"(?s)backup +postings .*\njobs-\S+ +1 ", "backups faults"),
    Case("backup verify", r"jobs-\S+ in \S+ is good\.", "copies ok"),
    Case("backup verify --restore", r"jobs-\S+ gives the store back: 1 posting", "backup ok place"),
    Case("backup prune", r"\S+: 0 backups removed, \d kept\.", "places"),
    Case(
        "inspect more.jsonl",
        r"(?s)more\.jsonl\nformat +jsonl: .*jobstore import more\.jsonl",
        "file format rows exact columns postings rejected left_out faults command",
    ),
    Case(
        "import more.jsonl",
        r"3 stored \(2 inserted, 0 updated, 1 unchanged\), 0 rejected",
        "inserted updated unchanged rejected warnings warnings_by_field first_warnings "
        "failed_files",
    ),
    Case("search", r"(?s)Listed .*Engineer 1.*1 posting found", "items next_cursor total"),
    Case("recent", r"(?s)Listed .*Engineer 1.*1 posting found", "items next_cursor total"),
    Case(f"show {ID}", r"Engineer 1\nAcme", "id title version"),
    Case("count", r"1", "count"),
    Case("stats", r"1 posting\n(?s:.*)board +1  █", "by_source total"),
    Case("export", r"\{.*\}", says=r"1 posting written"),
    Case("duplicates find", r"Compared 1 posting: 0 pairs", "compared looked_at maybe same total"),
    Case("duplicates list", r"No pair waits for a person, .*", "pairs"),
    Case(f"duplicates show {ID}", r"It has no duplicate", "duplicates"),
    Case(f"apply {ID}", r"Applied: Engineer 1, Acme", "id state stages"),
    Case("applications", r"No application\.", "applications"),
    Case("searches save other --text x", r"Saved other; .*", "looked_until name query"),
    Case("searches list", r"(?s)name +query +looked through until\nmine", "searches"),
    Case("searches remove mine", r"Removed mine\.", "removed"),
    Case("watch mine --once", r"\{.*\}", says=r"1 new posting"),
    Case(f"history {ID}", r"\S+Z  opened  version 1  by \S+", "history"),
    Case(
        "prune --older-than 1d",
        r"Nothing is older than 1d; nothing is removed\.",
        "deletions events runs versions",
    ),
    Case("runs", r"There are no runs\.", "runs"),
    Case(f"gone {ID} --http-status 503", r"It stays open: ", "closed status"),
    Case("expire", r"Closed 0 postings past their time\.", "closed"),
    Case(f"delete {ID} --yes", r"Deleted 1 posting\.", "deleted missing matched"),
    Case(
        "delete --source board --yes",
        r"Deleted 1 posting\.",
        "deleted missing matched",
        r"  Engineer 1 · Acme · board",
    ),
    Case("delete --source nobody", r"Deleted 0 postings\.", "deleted missing matched"),
    Case("health --only store", r"pass +store:responseTime +\S+ ms", "checks status"),
    Case("doctor", r"(?s)pass +sqlite .*\npass +pages", "findings ok"),
    Case(
        "doctor --repair", r"(?s)pass +sqlite .*\nNothing to repair\.", "copy findings ok repaired"
    ),
    Case(
        "vacuum",
        r"\S+ [KM]iB before, \S+ [KM]iB now",
        "after before",
        r"Removing what deleted .*",
    ),
    Case("restore --to new.db", r"\S+new\.db: 1 posting as of ", "backup path postings"),
    Case(
        "deploy --environment development",
        r"Report: \S+\nDeployment 2: go, in ",
        "environment go phases",
        # Each check as it ends.
        r"(?s)Environment\n  pass .*",
    ),
    Case("deployments list", r"(?s) +what +environment .*\n1 +deployment", "deployments"),
    Case("deployments show", r"# Deployment 1: go", "environment go phases"),
    Case(
        "rollback --to 1",
        r"Report: \S+\nThe store is again what deployment 1 left",
        "go phases",
        r"(?s)Nothing was written since deployment 1.*",
    ),
    Case("rollback --to 1 --dry-run", r"Nothing was written since deployment 1", "loss to"),
    Case("run-due --list", r"(?s)task +next \(UTC\) .*\nbackup ", "tasks"),
    Case("run-due --only optimize", r"(?s)task +outcome .*\noptimize +done", "ok tasks"),
)

# They run until they are interrupted, or for minutes, or need a log that was kept.
ELSEWHERE = {
    "agent": "operations/test_schedule.py",
    "archive run": "operations/test_archive_command.py",
    "copy": "contract/cli/test_copying.py",
    "duplicates confirm": "contract/cli/test_duplicates.py",
    "duplicates reject": "contract/cli/test_duplicates.py",
    "duplicates undo": "contract/cli/test_duplicates.py",
    "demo": "operations/test_demo.py",
    "drill": "operations/test_restore_at.py",
    "mcp": "service/test_mcp_stdio.py",
    "migrate roles": "migration/postgres/test_roles.py",
    "serve": "service/test_serving.py",
    "tokens create": "service/test_tokens.py",
    "tokens list": "service/test_tokens.py",
    "tokens revoke": "service/test_tokens.py",
}


def named(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the names of the commands at and below a command."""
    below = getattr(command, "commands", {})
    if not below or command.invoke_without_command:
        yield " ".join(path)
    for name, each in below.items():
        yield from named(each, (*path, name))


def test_every_command_is_in_the_table() -> None:
    commands = sorted(named(typer.main.get_command(app)), key=len, reverse=True)
    assert len(commands) > 30
    covered = set(ELSEWHERE)
    for case in CASES:
        covered |= {next(name for name in commands if f"{case.arguments} ".startswith(f"{name} "))}
    assert covered == set(commands)


def test_what_is_tested_elsewhere_is_tested_there(repository: Path) -> None:
    for name, file in ELSEWHERE.items():
        words = ", ".join(f'"{word}"' for word in name.split())
        assert words in (repository / "tests" / file).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that was deployed and backed up, and a file to import."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "one.jsonl").write_text(lines(posting(1)), encoding="utf-8")
    more = lines(posting(1), posting(2), posting(3))
    (folder / "more.jsonl").write_text(more, encoding="utf-8")
    # No sample data, no latency of a busy machine.
    slow = dict.fromkeys(("get_ms", "search_ms", "statistics_ms", "write_ms"), 3_600_000)
    settings = {"deployment": {"sample_data": False}, "thresholds": slow, "health": {"timeout": 60}}
    (folder / "config.yaml").write_text(json.dumps(settings), encoding="utf-8")
    store = ("--store", f"sqlite:///{folder}/jobs.db")
    config = ("--config", str(folder / "config.yaml"))
    for command in (
        ("import", str(folder / "one.jsonl"), *store),
        ("searches", "save", "mine", *store),
        ("deploy", "--environment", "development", *store, *config),
        ("backup", "create", *store, *config),
    ):
        result = run(*command)
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def prepared(_prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the command runs."""
    folder = tmp_path / "here"
    shutil.copytree(_prepared, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("JOBSTORE_URL", f"sqlite:///{folder}/jobs.db")
    monkeypatch.setenv("JOBSTORE_CONFIG", str(folder / "config.yaml"))
    return folder


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.arguments)
def test_people_get_the_result_on_standard_output_and_nothing_else_there(case: Case) -> None:
    result = run(*case.arguments.split())
    assert result.exit_code == 0, result.output
    assert re.match(case.shows, result.stdout), result.stdout
    assert re.fullmatch(case.says, unannounced(result.stderr).rstrip("\n")), result.stderr
    # Nothing is coloured or cut where no terminal is.
    assert not re.search("\x1b|…", result.stdout)
    assert bool(result.stdout) == bool(case.shows)


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "case", [each for each in CASES if each.json], ids=lambda case: case.arguments
)
def test_programs_get_json_there_and_nothing_is_said(case: Case) -> None:
    result = run(*case.arguments.split(), "--json")
    assert result.exit_code == 0, result.output
    assert set(case.json.split()) <= json.loads(result.stdout).keys()
    assert result.stderr == ""


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "arguments", [each.arguments for each in CASES if not each.json], ids=lambda each: each
)
def test_what_has_a_form_of_its_own_has_no_json(arguments: str) -> None:
    result = run(*arguments.split(), "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option: --json" in result.stderr


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.arguments)
def test_with_quiet_nothing_is_said(case: Case) -> None:
    if case.arguments.startswith(("config keys", "backup keygen")):
        assert "--quiet" not in run(*case.arguments.split(), "--help").stdout
        return
    result = run(*case.arguments.split(), "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    # What was asked for comes; that something was done, or is well, does not.
    assert not result.stdout or re.match(case.shows, result.stdout)


@pytest.mark.usefixtures("prepared")
def test_a_pipe_that_takes_no_utf8_gets_escapes(
    start_python: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = posting(9, title="Bäcker", description="Brot – täglich")
    assert answer("import", "-", stdin=lines(row))["inserted"] == 1
    monkeypatch.setenv("NO_COLOR", "1")
    code = "import sys; sys.stdout.reconfigure(encoding='ascii')\n"
    code += "sys.stderr.reconfigure(encoding='ascii')\n"
    code += "from jobstore.cli.main import main; main()"
    for command in (("search", "baecker OR bäcker"), ("stats",), ("show", "board", "9")):
        with start_python(code, *command) as process:
            told, _ = process.communicate(timeout=120)
        assert (process.returncode, told.isascii()) == (0, True), told
    assert "B\\xe4cker" in told


def test_a_pipe_gets_whole_lines_however_long_a_value_is(
    prepared: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, location = "Gärtnerei " * 15, "Llanfair" * 30
    row = posting(9, company=company.strip(), location=location, title="Baker " * 40)
    assert answer("import", "-", stdin=lines(row))["inserted"] == 1
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("PYTHONPATH", str(repository))
    for command in ("search baker", "stats", "show board 9"):
        shell = f"{sys.executable} -m jobstore {command} | cat"
        piped = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
        assert company.strip() in piped.stdout
        assert location in piped.stdout
        assert unannounced(piped.stderr) == ""
        assert not [line for line in piped.stdout.splitlines() if line != line.rstrip()]
