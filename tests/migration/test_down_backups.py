"""``jobstore migrate down`` keeps what it takes away: in a backup, or it takes nothing."""

from __future__ import annotations

import asyncio
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import JobPosting, migrating
from jobstore.migrating import State
from jobstore.operations import backup
from tests.contract.cli.commands import answer, run, unannounced
from tests.fixtures.migrations import IDS
from tests.operations.backups import content


@pytest.fixture
def filled(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with two postings and what one of them was before."""
    monkeypatch.chdir(tmp_path)

    async def fill() -> None:
        async with jobstore.connect(migrated_url) as store:
            for number, title in (("1", "Engineer"), ("1", "Chief Engineer"), ("2", "Cook")):
                await store.upsert(
                    JobPosting(source="board", source_job_id=number, title=title, company="Acme")
                )

    asyncio.run(fill())
    return migrated_url


def applied(url: str) -> list[str]:
    return [each.id for each in migrating.status(url) if each.state is State.APPLIED]


def test_everything_that_is_taken_back_comes_back(filled: str, tmp_path: Path) -> None:
    before = content(tmp_path / "jobs.db")
    done = run("migrate", "down", "--store", filled, "--to", "0", "--yes")
    assert done.exit_code == 0, done.stderr
    assert applied(filled) == []
    assert "1 rows of revision" in done.stderr
    # It is said where it is and how to have it again, before anything is taken back.
    (kept,), steps = unannounced(done.stderr).splitlines(), done.stdout.splitlines()
    assert str(tmp_path / "jobs.ops" / "backups") in kept
    assert steps == [f"Took back {id}." for id in reversed(IDS)]
    command = re.search(r"jobstore (restore \S+ --replace .*)$", kept)
    assert command is not None
    assert run(*command[1].split()).exit_code == 0
    assert content(tmp_path / "jobs.db") == before
    assert applied(filled) == IDS


def test_the_command_that_is_told_is_about_the_same_store_and_backups(
    filled: str, tmp_path: Path
) -> None:
    folder, config = tmp_path / "our own's", tmp_path / "our settings.yaml"
    folder.mkdir()
    (tmp_path / "jobs.db").rename(folder / "$HOME.db")
    config.write_text("backup: {folder: elsewhere}\n")
    url, before = f"sqlite:///{folder}/$HOME.db", content(folder / "$HOME.db")
    named = ("--config", str(config), "--store", url)
    done = run("migrate", "down", "--to", "0", "--yes", *named)
    assert done.exit_code == 0, done.stderr
    command = shlex.split(
        unannounced(done.stderr).splitlines()[0].partition("; to have it again: ")[2]
    )
    assert command[0] == "jobstore"
    again = run(*command[1:])
    assert again.exit_code == 0, again.stderr
    assert content(folder / "$HOME.db") == before


def test_one_step_that_loses_revisions_keeps_them(filled: str, tmp_path: Path) -> None:
    run("migrate", "down", "--store", filled, "--to", "2", "--yes")
    before = content_of_revisions(tmp_path)
    told = answer("migrate", "down", "--store", filled, "--yes")
    assert [step["id"] for step in told["steps"]] == ["0002.revisions"]
    restored = run("restore", told["saved"], "--to", "restored.db", "--store", filled)
    assert restored.exit_code == 0, restored.stderr
    assert content_of_revisions(tmp_path, "restored.db") == before
    assert before != []


def content_of_revisions(folder: Path, name: str = "jobs.db") -> list[Any]:
    with closing(sqlite3.connect(folder / name)) as conn:
        return conn.execute("SELECT * FROM revision").fetchall()


def test_what_loses_nothing_needs_no_backup(filled: str, tmp_path: Path) -> None:
    forget_openings(filled)
    # The index is taken back and made anew from the postings.
    assert answer("migrate", "down", "--store", filled, "--to", "3", "--yes")["saved"] is None
    assert answer("migrate", "down", "--store", filled, "--dry-run")["saved"] is None
    assert not (tmp_path / "jobs.ops" / "backups").exists()


def forget_openings(url: str) -> None:
    """Take back what keeps when and by whom postings were stored."""
    done = run("migrate", "down", "--store", url, "--to", "12", "--yes", "--without-backup")
    assert done.exit_code == 0, done.stderr


def test_an_empty_store_needs_none_either(migrated_url: str, tmp_path: Path) -> None:
    told = answer("migrate", "down", "--store", migrated_url, "--to", "0", "--yes")
    assert told["saved"] is None
    assert len(told["steps"]) == len(IDS)


@pytest.mark.parametrize("asked", [[], ["--yes"]])
def test_without_a_backup_nothing_is_taken_back(
    filled: str, tmp_path: Path, asked: list[str]
) -> None:
    before = content(tmp_path / "jobs.db")
    # The folder of backups cannot be made.
    (tmp_path / "jobs.ops").mkdir()
    (tmp_path / "jobs.ops" / "backups").write_text("in the way")
    done = run("migrate", "down", "--store", filled, "--to", "0", *asked)
    assert done.exit_code == (1 if asked else 2), done.stderr
    assert ("--without-backup" in done.stderr) is bool(asked)
    assert applied(filled) == IDS
    assert content(tmp_path / "jobs.db") == before
    given_up = run("migrate", "down", "--store", filled, "--to", "0", "--without-backup", "--yes")
    assert given_up.exit_code == 0, given_up.stderr
    assert applied(filled) == []


def test_a_full_disk_takes_nothing_back(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise jobstore.StorageFull("The disk is full.")

    forget_openings(filled)
    there = applied(filled)
    monkeypatch.setattr(backup, "create", full)
    done = run("migrate", "down", "--store", filled, "--to", "1", "--yes")
    assert done.exit_code == 1
    assert "Nothing was taken back, as no backup can be made of 1 rows of revision" in done.stderr

    def older(*_: Any, **__: Any) -> None:
        raise jobstore.SchemaMismatch("The schema is another one.")

    monkeypatch.setattr(backup, "create", older)
    done = run("migrate", "down", "--store", filled, "--to", "1", "--yes")
    assert re.search(
        r"taken back at once: jobstore migrate up.* migrate down.* --to ID", done.stderr
    )
    assert applied(filled) == there


def test_what_is_taken_back_is_what_is_backed_up(filled: str, tmp_path: Path) -> None:
    """The file names another store than the command line, which wins for both."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "config.yaml").write_text(
        "store: {url: 'sqlite:///other.db'}\nbackup: {folder: kept, places: [elsewhere]}\n"
    )
    named = ("--config", "config.yaml", "--store", filled)
    done = run("migrate", "down", *named, "--to", "1", "--yes")
    assert done.exit_code == 0, done.stderr
    (kept,) = answer("backup", "list", *named)["backups"]
    assert (kept["postings"], kept["reason"]) == (2, f"before taking back {IDS[-1]}")
    assert len(kept["places"]) == 2


def test_a_place_that_gets_no_copy_is_told(filled: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("in the way")
    (tmp_path / "config.yaml").write_text("backup: {places: [elsewhere]}\n")
    done = run("migrate", "down", "--config", "config.yaml", "--to", "1", "--yes")
    assert done.exit_code == 1
    assert "elsewhere" in done.stderr.splitlines()[-1]
    assert applied(filled) == IDS[:1]
