"""Which store, with which settings: every command says it, and finds it in the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobstore.cli import common
from jobstore.records import job_id
from tests.contract.cli.commands import DEMO, answer, run, said, unannounced

COMMANDS = [
    ("alerts", "check"),
    ("alerts", "history"),
    ("alerts", "list"),
    ("backup", "create"),
    ("backup", "list"),
    ("count",),
    ("delete", str(job_id("nowhere", "1")), "--yes"),
    ("deployments", "list"),
    ("doctor",),
    ("export", "--output", "all.jsonl"),
    ("health", "--only", "schema"),
    ("import", "{postings}"),
    ("migrate", "status"),
    ("migrate", "up"),
    ("migrate", "verify"),
    ("monitor", "--once"),
    ("monitor", "trend"),
    ("recent",),
    ("run-due", "--list"),
    ("search", "engineer"),
    ("stats",),
    ("vacuum",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_file_that_jobstore_config_names_counts_for_every_command(
    command: tuple[str, ...],
    demo: Path,
    demo_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JOBSTORE_URL")
    Path("c.yaml").write_text(f"environment: staging\nstore: {{url: 'sqlite:///{demo}'}}\n")
    monkeypatch.setenv("JOBSTORE_CONFIG", "c.yaml")
    typed = [each.format(postings=demo_file) for each in command]
    result = run(*typed)
    assert result.exit_code in (0, 1), result.stderr
    assert result.stderr.startswith(f"Store: sqlite:///{demo} (staging)\n")
    assert not Path("jobs.db").exists()
    if command[0] != "export":
        assert "Store: " not in run(*typed, "--json").stderr


def test_a_flag_wins_over_the_environment_and_that_over_the_files(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text("store: {url: 'sqlite:///yaml.db'}")
    monkeypatch.setenv("JOBSTORE_CONFIG", "c.yaml")
    assert answer("count") == {"count": DEMO}
    monkeypatch.delenv("JOBSTORE_URL")
    assert "yaml.db" in said(run("count"))
    Path(".env").write_text("JOBSTORE_URL=sqlite:///dotenv.db")
    assert "dotenv.db" in said(run("count"))
    assert answer("count", "--store", f"sqlite:///{demo}") == {"count": DEMO}


def test_a_file_that_a_flag_replaces_has_no_say(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.yaml").write_text("store: {readers: many}")
    Path("right.yaml").write_text("store: {readers: 1}")
    monkeypatch.setenv("JOBSTORE_CONFIG", "wrong.yaml")
    assert run("count").exit_code == 2
    assert answer("count", "--config", "right.yaml") == {"count": DEMO}


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("JOBSTORE_CONFG", "JOBSTORE_CONFIG"), ("JOBSTORE_ULR", "JOBSTORE_URL")],
)
def test_a_variable_that_means_nothing_is_refused_with_what_was_meant(
    demo: Path, monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "x")
    result = run("count")
    assert result.exit_code == 2
    assert result.stderr == f"Error: {variable}: is no setting; did you mean {meant}?\n"


def test_a_store_that_nobody_named_is_made_only_where_that_is_said(
    demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "jobs.db"
    unasked = run("import", str(demo_file))
    assert (unasked.exit_code, store.exists()) == (2, False)
    assert said(unasked) == (
        "There is no store sqlite:///jobs.db here, and no other is named. "
        "Error: Add --create; there is no terminal to ask on."
    )
    monkeypatch.setattr(common, "_asks_a_person", lambda: True)
    refused = run("import", str(demo_file), stdin="n\n")
    assert (refused.exit_code, store.exists()) == (1, False)
    assert run("import", str(demo_file), stdin="y\n").exit_code == 0
    assert store.exists()
    store.unlink()
    made = run("import", str(demo_file), "--create")
    assert made.exit_code == 0
    assert unannounced(made.stderr).startswith("Making the store; there is none yet.\n")
    # It is there now; and one that is named was asked for.
    assert answer("import", str(demo_file))["unchanged"] == DEMO
    assert run("import", str(demo_file), "--store", "sqlite:///other.db").exit_code == 0


def test_nor_does_a_deployment_make_it_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unasked = run("deploy", "--environment", "production")
    assert unasked.exit_code == 2
    assert "Add --create" in unasked.stderr
    assert list(tmp_path.iterdir()) == []
