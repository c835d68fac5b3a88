"""``jobstore export`` and ``jobstore delete``."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path
from uuid import UUID

import pytest

from jobstore import JobStore
from jobstore.records import job_id
from tests.contract.cli.commands import DEMO, answer, lines, posting, run, said

ID = str(job_id("board", "1"))


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
    assert result.stderr.endswith("Error: Add --yes; there is no terminal to ask on.\n")
    assert answer("count") == {"count": DEMO}


def test_delete_removes_each_once_and_names_what_is_missing(demo: Path) -> None:
    ids = [item["id"] for item in answer("search", "--limit", "2")["items"]]
    deleted = answer("delete", *ids, ids[0].upper(), "--yes")
    assert deleted == {"deleted": 2, "missing": [], "matched": 2, "tracked": 0}
    assert answer("count") == {"count": DEMO - 2}
    gone = run("delete", ids[0], "--yes", "--json")
    assert gone.exit_code == 1
    assert json.loads(gone.stdout) == {
        "deleted": 0,
        "missing": [ids[0]],
        "matched": 0,
        "tracked": 0,
    }
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


def _take_in(source: str, number: int) -> None:
    rows = [posting(each, source=source) for each in range(number)]
    assert answer("import", "-", stdin=lines(*rows))["inserted"] == number


def test_a_wrong_import_is_taken_back_by_its_source(demo: Path) -> None:
    _take_in("wrong", 600)
    looked = answer("delete", "--source", "wrong", "--dry-run")
    assert looked == {"deleted": 0, "missing": [], "matched": 600, "tracked": 0}
    assert answer("count") == {"count": DEMO + 600}
    result = run("delete", "--source", "wrong", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Deleted 600 postings.\n")
    assert said(result).count("· Acme · wrong") == 5
    assert "... and 595 more" in said(result)
    assert answer("count") == {"count": DEMO}
    nothing = answer("delete", "--source", "wrong")
    assert nothing == {"deleted": 0, "missing": [], "matched": 0, "tracked": 0}


@pytest.mark.parametrize(
    "filters",
    [
        ("--text", "engineer"),
        ("--text", '"software engineer"', "--text", "OR engineer"),
        ("--country", "PT", "--country", "DE"),
        ("--workplace", "remote", "--employment-type", "full_time"),
        ("--posted-until", "2025-09-30"),
        ("--status", "open", "--salary-min", "50000"),
    ],
    ids=" ".join,
)
def test_delete_takes_the_filters_of_a_search(demo: Path, filters: tuple[str, ...]) -> None:
    matched = answer("count", *(each for each in filters if each != "--text"))["count"]
    assert 0 < matched < DEMO
    assert answer("delete", *filters, "--dry-run")["matched"] == matched
    done = answer("delete", *filters, "--yes")
    assert (done["deleted"], done["matched"]) == (matched, matched)
    assert answer("count") == {"count": DEMO - matched}
    assert answer("delete", *filters, "--dry-run")["matched"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give ids, or filters such as --source"),
        (("--yes",), "give ids, or filters such as --source"),
        (("--dry-run",), "give ids, or filters such as --source"),
        ((ID, "--source", "board"), "give ids or filters, not both"),
        (("board",), "is not a posting's id"),
    ],
)
def test_delete_never_deletes_what_was_not_named(
    demo: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = run("delete", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in said(result)
    assert answer("count") == {"count": DEMO}


def test_delete_by_filters_needs_yes_where_nobody_can_be_asked(demo: Path) -> None:
    result = run("delete", "--country", "PT")
    assert result.exit_code == 2
    assert result.stderr.endswith("Error: Add --yes; there is no terminal to ask on.\n")
    assert answer("count") == {"count": DEMO}


@pytest.mark.parametrize(("reply", "code", "left"), [("n\n", 1, DEMO + 3), ("y\n", 0, DEMO)])
def test_delete_by_filters_asks_with_the_number(
    demo: Path, monkeypatch: pytest.MonkeyPatch, reply: str, code: int, left: int
) -> None:
    _take_in("wrong", 3)
    monkeypatch.setattr("jobstore.cli.common._asks_a_person", lambda: True)
    result = run("delete", "--source", "wrong", stdin=reply)
    assert result.exit_code == code
    assert "Delete 3 postings for good?" in result.stderr
    assert answer("count") == {"count": left}


def test_dry_run_of_ids_tells_which_are_there(demo: Path) -> None:
    there = answer("search", "--limit", "1")["items"][0]["id"]
    result = run("delete", there, ID, "--dry-run", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"deleted": 0, "missing": [ID], "matched": 1, "tracked": 0}
    assert answer("count") == {"count": DEMO}


def test_an_interrupted_delete_keeps_the_rest_and_says_how_many_went(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_in("wrong", 600)
    before = JobStore.delete
    calls = 0

    async def delete(store: JobStore, id: UUID | str) -> bool:
        nonlocal calls
        calls += 1
        if calls == 10:
            signal.raise_signal(signal.SIGINT)
        return await before(store, id)

    monkeypatch.setattr(JobStore, "delete", delete)
    result = run("delete", "--source", "wrong", "--yes", "--json")
    assert result.exit_code == 1
    deleted = json.loads(result.stdout)["deleted"]
    assert 10 <= deleted < 600
    assert f"It stopped; {deleted} of 600 postings are deleted." in result.stderr
    assert result.stderr.endswith("Error: Interrupted.\n")
    assert answer("count") == {"count": DEMO + 600 - deleted}
