"""``jobstore migrate`` for operators."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobstore.cli.main import app
from tests.contract.cli.commands import unannounced
from tests.fixtures.migrations import IDS, UNFINISHED

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``jobstore ARGUMENTS`` in this process, in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, env: dict[str, str] | None = None) -> Any:
        done = CliRunner().invoke(app, [*arguments], env=env)
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return run


def _answer(result: subprocess.CompletedProcess[str]) -> dict[str, list[dict[str, str]]]:
    assert result.returncode == 0, result.stderr
    answer: dict[str, list[dict[str, str]]] = json.loads(result.stdout)
    return answer


def _states(run: Run, url: str) -> list[str]:
    answer = _answer(run("migrate", "status", "--store", url, "--json"))
    return [each["state"] for each in answer["migrations"]]


def test_up_shows_people_what_it_did(run_command: Run, store_url: str) -> None:
    result = run_command("migrate", "up", "--store", store_url)
    assert (result.returncode, unannounced(result.stderr)) == (0, "")
    assert result.stdout.splitlines() == [f"Applied {id}." for id in IDS]
    result = run_command("migrate", "up", "--store", store_url)
    assert (result.returncode, result.stdout) == (0, "Nothing to do.\n")
    result = run_command("migrate", "up", "--store", store_url, "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_store_comes_from_the_environment(run_command: Run, store_url: str) -> None:
    assert run_command("migrate", "up", env={"JOBSTORE_URL": store_url}).returncode == 0
    assert _states(run_command, store_url) == ["applied"] * len(IDS)


def test_the_default_store_is_in_the_current_folder(run_command: Run, tmp_path: Path) -> None:
    assert run_command("migrate", "up").returncode == 0
    assert (tmp_path / "jobs.db").is_file()


def test_json_lists_the_steps(run_command: Run, store_url: str) -> None:
    steps = _answer(run_command("migrate", "up", "--store", store_url, "--json", "--to", "0002"))
    assert [(each["id"], each["direction"]) for each in steps["steps"]] == [
        ("0001.postings", "up"),
        ("0002.revisions", "up"),
    ]
    assert _states(run_command, store_url) == ["applied"] * 2 + ["pending"] * (len(IDS) - 2)


def test_a_dry_run_prints_sql_that_runs(run_command: Run, store_url: str, tmp_path: Path) -> None:
    result = run_command("migrate", "up", "--store", store_url, "--dry-run")
    assert result.returncode == 0
    assert not (tmp_path / "jobs.db").exists()
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(result.stdout)
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall()
    assert names == [("postings",)]


def test_down_takes_back_a_view_without_asking(run_command: Run, store_url: str) -> None:
    run_command("migrate", "up", "--store", store_url, "--to", "0003")
    result = run_command("migrate", "down", "--store", store_url)
    assert (result.returncode, result.stdout) == (0, "Took back 0003.readable-view.\n")


def test_down_does_not_remove_data_unasked(run_command: Run, migrated_url: str) -> None:
    result = run_command("migrate", "down", "--store", migrated_url, "--to", "0001")
    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert _states(run_command, migrated_url) == ["applied"] * len(IDS)
    result = run_command("migrate", "down", "--store", migrated_url, "--to", "0001", "--dry-run")
    assert (result.returncode, "DROP TABLE revision" in result.stdout) == (0, True)
    assert _states(run_command, migrated_url) == ["applied"] * len(IDS)
    result = run_command("migrate", "down", "--store", migrated_url, "--to", "0001", "--yes")
    assert result.returncode == 0
    assert _states(run_command, migrated_url) == ["applied"] + ["pending"] * (len(IDS) - 1)


def test_status_shows_a_table(run_command: Run, store_url: str) -> None:
    run_command("migrate", "up", "--store", store_url, "--to", "1")
    result = run_command("migrate", "status", "--store", store_url)
    assert (result.returncode, unannounced(result.stderr)) == (0, "")
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[1][:2] == ["0001.postings", "applied"]
    assert rows[2] == ["0002.revisions", "pending"]


def test_verify_says_yes_or_what_to_run(run_command: Run, store_url: str) -> None:
    result = run_command("migrate", "verify", "--store", store_url)
    assert result.returncode == 1
    assert f"run: jobstore migrate up --store {store_url}" in result.stderr
    run_command("migrate", "up", "--store", store_url)
    result = run_command("migrate", "verify", "--store", store_url)
    assert (result.returncode, unannounced(result.stderr)) == (0, "")
    assert "up to date" in result.stdout
    result = run_command("migrate", "verify", "--store", store_url, "--json")
    assert json.loads(result.stdout) == {"ok": True}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["up", "--store", "mysql://ann:secret@db/jobs"], 2, "cannot open mysql"),
        (["up", "--to", "0099"], 1, "no such migration"),
        (["down"], 1, "no database file"),
        (["sideways"], 2, "sideways"),
        (["up", "--nonsense"], 2, "--nonsense"),
    ],
)
def test_what_is_wrong_is_told(
    run_command: Run, arguments: list[str], code: int, told: str
) -> None:
    result = run_command("migrate", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert told in result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr


def _renewing(run: Run, url: str, path: Path, stage: str) -> None:
    """Let the store be one whose index is built anew, and 7 of 20 postings are done."""
    assert run("migrate", "up", "--store", url).returncode == 0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO renewal (form, earlier, stage, place, at_first, at_second, done, total)"
            " VALUES (99, 98, ?, 5, 0, 0, 7, 20)",
            (stage,),
        )
        connection.execute("INSERT INTO renewal_change (id) VALUES (x'00'), (x'01')")


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("postings", "The new index is being built: 7 of 20 postings (2 changes by others are"),
        ("kept", "The new index is in use; programs of the version before may go on (2 changes"),
    ],
)
def test_status_tells_how_far_an_index_is(
    run_command: Run, store_url: str, path: Path, stage: str, told: str
) -> None:
    _renewing(run_command, store_url, path, stage)
    shown = run_command("migrate", "status", "--store", store_url).stdout
    command = "finish" if stage == "kept" else "up"
    assert shown.splitlines()[-1].startswith(told)
    assert shown.splitlines()[-1].endswith(f"jobstore migrate {command} --store {store_url}")
    answer = json.loads(run_command("migrate", "status", "--store", store_url, "--json").stdout)
    assert answer["renewal"] == {
        "form": 99,
        "stage": stage,
        "done": 7,
        "total": 20,
        "waiting": 2,
        "switched_at": None,
        "written": False,
    }


def test_finish_asks_before_it_stops_other_programs(run_command: Run, store_url: str) -> None:
    assert run_command("migrate", "up", "--store", store_url).returncode == 0
    refused = run_command("migrate", "finish", "--store", store_url)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    finished = "".join(f"Finished {id}.\n" for id in UNFINISHED)
    for told in (finished, "Nothing to do.\n"):
        done = run_command("migrate", "finish", "--store", store_url, "--yes")
        assert (done.returncode, done.stdout) == (0, told)
