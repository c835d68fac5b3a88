"""The guide to rollbacks: every command of it runs, on a store that was written to since."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import jobstore
from tests.fixtures.postings import posting
from tests.operations.guides import PATIENT, Machine, blocks


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Machine:
    return Machine(tmp_path / "machine", repository)


async def _write(url: str) -> None:
    async with jobstore.connect(url) as store:
        await store.upsert_many(posting(number) for number in range(3))


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        (number,) = conn.execute("SELECT count(*) FROM posting").fetchone()
    return int(number)


def test_every_command_of_going_back_and_forth(
    machine: Machine, repository: Path, tmp_path: Path
) -> None:
    back, forth, migration = [text for _, text in blocks(repository / "docs/rollback.md")]
    first = machine.run("jobstore deploy --environment staging --create", tmp_path, **PATIENT)
    assert first.returncode == 0, first.stderr
    asyncio.run(_write(f"sqlite:///{tmp_path}/jobs.db"))

    gone = machine.run(back, tmp_path, **PATIENT)
    assert gone.returncode == 0, gone.stderr
    lines = [*gone.stdout.splitlines(), *gone.stderr.splitlines()]
    assert lines.count("A return to deployment 1 loses postings written since then: 3 added.") == 2
    assert "# Rollback 2: go" in lines
    assert _count(tmp_path / "jobs.db") == 0

    again = machine.run(forth, tmp_path, **PATIENT)
    assert again.returncode == 0, again.stderr
    assert _count(tmp_path / "jobs.db") == _count(tmp_path / "looked-into.db") == 3

    taken = machine.run(migration, tmp_path, **PATIENT)
    assert taken.returncode == 0, taken.stderr
    assert "Took back 0007.rules." in taken.stdout
    assert _count(tmp_path / "jobs.db") == 3
