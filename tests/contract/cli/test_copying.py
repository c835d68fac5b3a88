"""``jobstore copy``: what it tells people and programs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from jobstore.settings import sqlite_url
from tests.contract.cli.commands import DEMO, answer, run, said, shown


def test_a_store_is_copied_and_the_result_told(demo: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    result = run("copy", str(demo), str(target))
    assert result.exit_code == 0, result.stderr
    told = shown(result)
    assert f"{DEMO} postings there now, {DEMO} carried and 0 removed" in told
    assert f"posting: {DEMO} rows, SHA-256 sum" in told
    assert "counter:" in told
    assert "Nobody could write" not in told
    assert answer("count", "--store", sqlite_url(target)) == answer("count")


def test_the_answer_for_programs(demo: Path, tmp_path: Path) -> None:
    first = answer("copy", sqlite_url(demo), sqlite_url(tmp_path / "copy.db"))
    again = answer("copy", sqlite_url(demo), sqlite_url(tmp_path / "copy.db"), "--final")
    assert (first["postings"], first["carried"], first["removed"]) == (DEMO, DEMO, 0)
    assert (again["postings"], again["carried"], again["removed"]) == (DEMO, 0, 0)
    assert first["tables"] == again["tables"]
    assert first["tables"]["posting"]["rows"] == DEMO
    assert {len(each["digest"]) for each in first["tables"].values()} == {64}
    assert first["writers_waited"] is None
    assert again["writers_waited"] >= 0
    assert again["seconds"] >= again["writers_waited"]


def test_the_length_of_the_final_pass_is_told(demo: Path, tmp_path: Path) -> None:
    result = run("copy", str(demo), str(tmp_path / "copy.db"), "--final")
    assert "Nobody could write to the source for 0." in shown(result)


def test_quiet_says_nothing(demo: Path, tmp_path: Path) -> None:
    result = run("copy", str(demo), str(tmp_path / "copy.db"), "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_nonsense_is_refused_and_nothing_made(demo: Path, tmp_path: Path) -> None:
    missing, copy = tmp_path / "missing.db", tmp_path / "copy.db"
    for source, target, reason in (
        (demo, demo, "same store"),
        (missing, copy, f"There is no store at {sqlite_url(missing)} to be copied."),
        (demo, tmp_path / "no folder" / "copy.db", "folder"),
        ("mysql://somewhere", copy, "cannot open mysql databases"),
        (demo, "sqlite:///x\n.db", "control characters"),
    ):
        result = run("copy", str(source), str(target))
        assert result.exit_code == 1
        assert reason in said(result)
    assert not missing.exists()
    assert not copy.exists()
    linked = tmp_path / "link.db"
    linked.symlink_to(demo)
    assert "same store" in said(run("copy", str(demo), str(linked)))


def test_what_is_no_store_is_refused(demo: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no database" * 100)
    for source, target in ((other, tmp_path / "copy.db"), (demo, other)):
        result = run("copy", str(source), str(target))
        assert result.exit_code == 1
        assert "not a SQLite database" in said(result)
    assert other.read_text() == "no database" * 100


def test_a_target_with_postings_of_its_own_needs_replace(demo: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    row = json.dumps(
        {"source": "board", "source_job_id": "1", "title": "Engineer", "company": "Acme"}
    )
    assert run("import", "-", "--store", sqlite_url(target), stdin=row).exit_code == 0
    refused = run("copy", str(demo), str(target))
    assert refused.exit_code == 1
    assert "--replace" in said(refused)
    assert answer("copy", str(demo), str(target), "--replace")["removed"] == 1


def test_an_interrupted_copy_says_that_it_goes_on(
    demo: Path, tmp_path: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    # Told by itself that it carries postings, so that the interruption comes in the middle.
    code = """
import os, signal, sys
from jobstore.engines import reconciling
from jobstore.cli.main import main

reconciling._BATCH = 16
carried = reconciling.Copying._write

def interrupted(*arguments):
    carried(*arguments)
    os.kill(os.getpid(), signal.SIGINT)

reconciling.Copying._write = interrupted
sys.argv = ["jobstore", "copy", *sys.argv[1:]]
main()
"""
    target = tmp_path / "copy.db"
    with start_python(code, str(demo), str(target)) as process:
        told, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert told == "The same command goes on from here.\nError: Interrupted.\n"
    done = answer("copy", str(demo), str(target))
    assert (done["postings"], done["carried"]) == (DEMO, DEMO - 16)
