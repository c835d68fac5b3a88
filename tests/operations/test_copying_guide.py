"""The guide to copies: its commands do what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

from jobstore.settings import sqlite_url
from tests.engines.harness import POSTGRES
from tests.fixtures.processes import Run
from tests.operations.guides import Machine, blocks


def test_a_store_moves_to_postgresql_and_back(
    tmp_path: Path, repository: Path, quick_jobstore: Path, run_command: Run
) -> None:
    machine = Machine(tmp_path / "machine", repository, quick_jobstore)
    store = tmp_path / "jobs.db"
    demo = repository / "examples" / "postings.jsonl"
    made = run_command("import", str(demo), "--store", sqlite_url(store), "--quiet")
    assert made.returncode == 0, made.stderr
    before = shutil.copy(store, tmp_path / "before.db")

    url = POSTGRES.new_url(tmp_path)
    ((_, commands),) = blocks(repository / "docs/copying.md")
    done = machine.run(
        commands.replace("postgresql://jobs@db.example.com/jobs", f"'{url}'"), tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "500 postings there now, 500 carried and 0 removed" in done.stdout
    assert done.stdout.count("500 postings there now, 0 carried and 0 removed") == 2
    assert "Nobody could write to the source for " in done.stdout

    refused = run_command("copy", url, str(store))
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    back = run_command("copy", url, str(store), "--replace")
    assert "500 postings there now, 0 carried and 0 removed" in back.stdout, back.stderr
    same = run_command("copy", str(store), str(before), "--replace")
    assert "500 postings there now, 0 carried and 0 removed" in same.stdout, same.stderr
    POSTGRES.check(url)
    POSTGRES.forget(url)
