"""``jobstore export`` and ``jobstore delete``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.contract.cli.commands import DEMO, answer, run, said


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_export_and_import_lose_nothing(demo: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    assert run("export", "--output", str(file)).exit_code == 0
    copy = f"sqlite:///{tmp_path}/copy.db"
    assert answer("import", str(file), "--store", copy)["inserted"] == DEMO
    again = tmp_path / "again.jsonl"
    assert run("export", "-o", str(again), "--store", copy).exit_code == 0
    data = file.read_bytes()
    first = gzip.decompress(data) if name.endswith(".gz") else data
    # Postings that are listed at the same moment may change places.
    assert sorted(again.read_bytes().splitlines()) == sorted(first.splitlines())


def test_export_writes_what_a_search_finds_to_standard_output(demo: Path) -> None:
    result = run("export", "--country", "PT")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert found
    assert {each["country"] for each in found} <= {"PT"}
    assert f"{len(found)} posting" in result.stderr


@pytest.mark.parametrize(("format", "start"), [("csv", "id,source,"), ("schema-org", "")])
def test_export_has_other_formats(demo: Path, format: str, start: str) -> None:
    result = run("export", "--format", format, "--quiet")
    assert result.exit_code == 0
    assert result.stdout.startswith(start)
    assert result.stderr == ""


def test_export_in_an_unknown_format_is_wrong_usage(demo: Path) -> None:
    result = run("export", "--format", "xlsx")
    assert result.exit_code == 2
    assert "jsonl, csv, schema-org" in said(result)


def test_export_for_a_spreadsheet_is_asked_for_and_is_csv(demo: Path) -> None:
    result = run("export", "--format", "csv", "--spreadsheet-safe")
    assert result.exit_code == 0
    assert result.stdout.startswith('"id","source",')
    wrong = run("export", "--spreadsheet-safe")
    assert wrong.exit_code == 2
    assert "--spreadsheet-safe: is for --format csv" in said(wrong)


def test_export_names_a_folder_that_is_missing(demo: Path, tmp_path: Path) -> None:
    result = run("export", "-o", str(tmp_path / "no" / "x.jsonl"), "--quiet")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}/no: there is no such folder\n"


def test_export_never_overwrites_the_store(demo: Path, tmp_path: Path) -> None:
    before = demo.read_bytes()
    (tmp_path / "symbolic").symlink_to(demo)
    (tmp_path / "hard").hardlink_to(demo)
    for name in ("demo.db", "demo.db-wal", "demo.db-journal", "demo.db.lock", "symbolic", "hard"):
        result = run("export", "-o", str(tmp_path / name))
        assert result.exit_code == 2, name
        assert "belongs to the store" in said(result)
    result = run("export", "-o", f"{demo}-wal", "--store", f"sqlite:///{tmp_path}/symbolic")
    assert result.exit_code == 2
    assert demo.read_bytes() == before
    assert answer("count") == {"count": DEMO}
    assert run("export", "-o", "/dev/null").exit_code == 0


def test_delete_needs_yes_where_nobody_can_be_asked(demo: Path) -> None:
    id = answer("search", "--limit", "1")["items"][0]["id"]
    result = run("delete", id)
    assert result.exit_code == 2
    assert result.stderr == "Error: Add --yes; there is no terminal to ask on.\n"
    assert answer("count") == {"count": DEMO}


def test_delete_removes_each_once_and_names_what_is_missing(demo: Path) -> None:
    ids = [item["id"] for item in answer("search", "--limit", "2")["items"]]
    assert answer("delete", *ids, ids[0].upper(), "--yes") == {"deleted": 2, "missing": []}
    assert answer("count") == {"count": DEMO - 2}
    gone = run("delete", ids[0], "--yes", "--json")
    assert gone.exit_code == 1
    assert json.loads(gone.stdout) == {"deleted": 0, "missing": [ids[0]]}
    assert f"Error: Not in the store: {ids[0]}" in gone.stderr


@pytest.mark.parametrize(("reply", "code", "left"), [("n\n", 1, DEMO), ("y\n", 0, DEMO - 1)])
def test_delete_asks(
    demo: Path, monkeypatch: pytest.MonkeyPatch, reply: str, code: int, left: int
) -> None:
    monkeypatch.setattr("jobstore.cli.common._asks_a_person", lambda: True)
    id = answer("search", "--limit", "1")["items"][0]["id"]
    result = run("delete", id, stdin=reply)
    assert result.exit_code == code
    assert "Delete 1 posting for good?" in result.stderr
    assert answer("count") == {"count": left}
