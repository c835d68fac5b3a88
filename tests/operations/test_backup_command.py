"""``jobstore backup`` and ``jobstore restore``: what they say, print and end with."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobstore import migrating
from jobstore.cli import progress
from jobstore.cli.output import size
from jobstore.operations.backup.catalog import read_catalog
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import answer, run, said, shown
from tests.operations.backups import (
    content,
    data_of,
    flip,
    leftovers,
    make,
    manifest_of,
    new_keys,
    octets,
    rewrite,
    settings_for,
)
from tests.operations.damaging import fill

FIELDS = {
    *("name", "created_at", "reason", "postings", "migrations", "encryption", "size"),
    *("database_size", "sha256", "digest", "signed", "places", "failures"),
}


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a store with some postings, which commands find by their environment."""
    fill(migrated_url)
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    return settings_for(tmp_path)


@pytest.fixture
def two_places(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A place that is there, and one that is not."""
    (tmp_path / "far").mkdir()
    places = [str(tmp_path / "far"), str(tmp_path / "gone")]
    monkeypatch.setenv("JOBSTORE_BACKUP__PLACES", json.dumps(places))
    return places


def test_creating(settings: Settings) -> None:
    result = run("backup", "create")
    assert (result.exit_code, said(result)) == (0, "")
    (made,) = read_catalog(settings).backups
    assert shown(result) == (
        f"{made.name}: 40 postings, {size(made.manifest.size)}, kept in {settings.backups_folder}."
    )
    told = answer("backup", "create", "--reason", "before an experiment")
    assert told.keys() == FIELDS
    assert (told["reason"], told["postings"]) == ("before an experiment", 40)
    assert (told["places"], told["failures"]) == ([str(settings.backups_folder)], {})
    assert told["size"] == Path(settings.backups_folder, told["name"] + ".db.zst").stat().st_size
    quiet = run("backup", "create", "--quiet")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_place_that_got_no_copy_fails_the_command_and_not_the_backup(
    settings: Settings, two_places: list[str]
) -> None:
    result = run("backup", "create", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["places"] == [str(settings.backups_folder), two_places[0]]
    assert [*told["failures"]] == [two_places[1]]
    assert "check that the folder is there" in said(result)


def test_a_store_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    result = run("backup", "create", "--store", f"sqlite:///{tmp_path}/none.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no store at" in said(result)


def test_listing(settings: Settings, two_places: list[str]) -> None:
    Path(two_places[1]).mkdir()
    assert shown(run("backup", "list")) == "There is no backup."
    assert answer("backup", "list") == {"backups": [], "faults": {}}
    first = make(settings, "a\x1b[31m reason")
    run("backup", "create")

    result = run("backup", "list")

    assert (result.exit_code, said(result)) == (0, "")
    text = shown(result)
    assert text.startswith("backup postings size in reason jobs-")
    assert text.index(first.name) > text.index("1 2 3 manual")
    assert f"{first.name} 40 {size(first.size)} 1 a" in text
    assert "\x1b" not in result.stdout
    assert text.endswith(f"1: {settings.backups_folder} 2: {two_places[0]} 3: {two_places[1]}")
    told = answer("backup", "list")
    assert [each["reason"] for each in told["backups"]] == ["manual", "a\x1b[31m reason"]
    assert all(each.keys() == FIELDS for each in told["backups"])
    assert told["backups"][1]["places"] == [str(settings.backups_folder)]

    data_of(settings, first).unlink()
    shutil.rmtree(two_places[1])
    result = run("backup", "list", "--json")
    assert result.exit_code == 1
    assert {*json.loads(result.stdout)["faults"]} == {str(settings.backups_folder), two_places[1]}
    assert f"The file of backup {first.name} is missing" in said(result)


def test_listing_tells_which_are_encrypted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(settings)
    keys = new_keys(tmp_path / "key.txt")
    monkeypatch.setenv("JOBSTORE_BACKUP__RECIPIENTS", json.dumps([keys.public]))
    assert answer("backup", "create")["encryption"] == "age"
    text = shown(run("backup", "list"))
    assert "in key reason" in text
    assert "1 age manual" in text
    assert "1 none manual" in text
    # The key is named where it is needed.
    refused = run("backup", "verify")
    assert refused.exit_code == 1
    assert "--identity" in said(refused)
    key = ("--identity", str(keys.file))
    assert answer("backup", "verify", *key)["ok"]
    assert answer("backup", "verify", "--restore", *key)["ok"]
    assert run("backup", "verify", "--restore").exit_code == 1
    to = str(tmp_path / "new.db")
    assert run("restore", "--to", to).exit_code == 1
    assert answer("restore", "--to", to, *key)["postings"] == 40


def test_verifying(settings: Settings, two_places: list[str]) -> None:
    Path(two_places[1]).mkdir()
    nothing = run("backup", "verify")
    assert nothing.exit_code == 1
    assert "There is no backup yet" in said(nothing)
    nothing = run("backup", "verify", "--all", "--json")
    assert (nothing.exit_code, json.loads(nothing.stdout)) == (1, {"ok": False, "copies": []})
    assert said(nothing) == "Error: There is no backup to verify."
    name = answer("backup", "create")["name"]
    newest = answer("backup", "create")["name"]

    result = run("backup", "verify")

    places = (str(settings.backups_folder), *two_places)
    assert (result.exit_code, said(result)) == (0, "")
    assert shown(result) == " ".join(f"{newest} in {place} is good." for place in places)
    told = answer("backup", "verify", name)
    assert told["ok"]
    assert [each["place"] for each in told["copies"]] == [*places]
    first = told["copies"][0]
    assert first.keys() == {"backup", "place", "error", "seconds", "ok"}
    assert (first["backup"], first["error"], first["ok"]) == (name, None, True)
    assert len(answer("backup", "verify", "--all")["copies"]) == 6

    flip(Path(two_places[0], f"{name}.db.zst"))
    result = run("backup", "verify", name, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["ok"], [each["ok"] for each in told["copies"]]) == (False, [True, False, True])
    assert "checksum differs" in said(result)
    assert run("backup", "verify", "-q").output == ""
    both = run("backup", "verify", name, "--all")
    assert both.exit_code == 2
    assert "--all goes neither with a name nor with --restore" in said(both)
    assert run("backup", "verify", "--all", "--restore").exit_code == 2


def test_testing_a_restore(settings: Settings) -> None:
    manifest = make(settings)
    result = run("backup", "verify", "--restore")
    assert (result.exit_code, said(result)) == (0, "")
    assert shown(result).startswith(f"{manifest.name} gives the store back: 40 postings, restored")
    told = answer("backup", "verify", "--restore", manifest.name)
    assert told.keys() == {
        *("at", "backup", "place", "ok", "error", "seconds", "age_seconds", "postings", "faults")
    }
    assert (told["backup"], told["ok"], told["postings"]) == (manifest.name, True, 40)
    flip(data_of(settings, manifest))
    result = run("backup", "verify", "--restore", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["ok"] is False
    assert "checksum differs" in said(result)


def test_pruning(
    settings: Settings, two_places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_BACKUP__DAILY", "1")
    monkeypatch.setenv("JOBSTORE_BACKUP__WEEKLY", "0")
    monkeypatch.setenv("JOBSTORE_BACKUP__MONTHLY", "0")
    old, new = make(settings), make(settings)
    rewrite(manifest_of(settings, old), created_at="2020-01-01T00:00:00Z")

    planned = run("backup", "prune", "--dry-run")

    # One place is not there.
    assert planned.exit_code == 1
    own = str(settings.backups_folder)
    assert f"{own}: 1 backup would go, 1 kept. {old.name}" in shown(planned)
    assert data_of(settings, old).exists()
    Path(two_places[1]).mkdir()
    told = answer("backup", "prune")
    assert told["places"][0] == {
        "place": own,
        "removed": [old.name],
        "kept": [new.name],
        "error": None,
    }
    assert [each["removed"] for each in told["places"][1:]] == [[], []]
    assert not data_of(settings, old).exists()
    assert f"{own}: 0 backups removed, 1 kept." in shown(run("backup", "prune"))


def test_restoring_to_a_new_place(settings: Settings, tmp_path: Path) -> None:
    manifest = make(settings)
    new = tmp_path / "new.db"
    told = answer("restore", "--to", str(new))
    assert told.keys() == {
        *("backup", "created_at", "place", "path", "postings", "saved", "failures", "advice"),
        *("seconds", "as_of", "faults", "warnings", "loss"),
    }
    assert (told["backup"], told["path"], told["saved"]) == (manifest.name, str(new), None)
    assert content(new) == content(tmp_path / "jobs.db")
    result = run("restore", manifest.name, "--to", f"sqlite:///{tmp_path}/url.db")
    assert (result.exit_code, said(result)) == (0, "")
    assert shown(result).startswith(
        f"{tmp_path}/url.db: 40 postings as of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC, from "
        f"{manifest.name} in {settings.backups_folder}, in "
    )
    again = run("restore", "--to", str(new), "--quiet")
    assert again.exit_code == 1
    assert f"{new} exists and was not touched" in said(again)


def test_restoring_by_time(settings: Settings, tmp_path: Path) -> None:
    old, new = make(settings), make(settings)
    rewrite(manifest_of(settings, old), created_at="2026-03-01T12:00:00Z")
    rewrite(manifest_of(settings, new), created_at="2026-03-02T12:00:00Z")

    def restored(at: str) -> str:
        to = tmp_path / "at.db"
        to.unlink(missing_ok=True)
        name: str = answer("restore", "--to", str(to), "--at", at)["backup"]
        return name

    assert restored("2026-03-01T12:00:00") == old.name
    assert restored("2026-03-02") == old.name
    assert restored("2026-03-02T13:30:00+01:00") == new.name
    assert restored("2026-03-02T12:30:00+01:00") == old.name
    # What is well done is no error, whatever there is to know of it.
    told = said(run("restore", "--to", str(tmp_path / "told.db"), "--at", "2026-03-02"))
    assert "Warning: No log of the store was kept then" in told
    assert "Error" not in told
    for at, code, match in (
        ("2026-02-28", 1, "no backup old enough"),
        ("yesterday", 2, "write a time as 2026-03-01T12:00:00"),
    ):
        result = run("restore", "--to", str(tmp_path / "no.db"), "--at", at)
        assert result.exit_code == code
        assert match in said(result)
    both = run("restore", old.name, "--at", "2026-03-02")
    assert both.exit_code == 2
    assert "name a backup, or say --at" in said(both)
    assert not (tmp_path / "no.db").exists()


def test_restoring_in_place(settings: Settings, two_places: list[str], tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    make(settings)
    expected = content(path)
    fill(settings.store.url, 60)
    before = octets(path)

    refused = run("restore")
    assert refused.exit_code == 1
    assert "add --replace" in said(refused)
    assert octets(path) == before

    result = run("restore", "--replace")
    # The backup of what was there is one place short.
    assert result.exit_code == 1
    saved = read_catalog(settings).backups[0]
    assert f"What was there is kept as {saved.name}." in shown(result)
    assert "check that the folder is there" in said(result)
    assert content(path) == expected
    Path(two_places[1]).mkdir()
    told = answer("restore", saved.name, "--replace")
    assert (told["postings"], told["failures"]) == (60, {})
    assert told["saved"] == read_catalog(settings).backups[0].name
    assert leftovers(tmp_path, settings.backups_folder) == []


def test_what_is_left_to_do_is_told(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_URL", store_url)
    migrating.up(store_url, "0002")
    make(settings_for(tmp_path))
    new = str(tmp_path / "new.db")
    assert "jobstore migrate up" in shown(run("restore", "--to", new))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    shown: Any = Console(file=screen, force_terminal=True, width=100)
    monkeypatch.setattr(progress, "console", lambda _: shown)
    with progress.Steps(quiet=False) as steps:
        steps("copy pages", 0, 0)
        steps("copy pages", 10, 100)
        steps("compress", 50, 100)
        steps._bar.refresh()
    assert "compress" in screen.getvalue()
    assert "50%" in screen.getvalue()
    quiet = Terminal()
    shown = Console(file=quiet, force_terminal=True, width=100)
    with progress.Steps(quiet=True) as steps:
        steps("copy pages", 1, 2)
    assert quiet.getvalue() == ""
