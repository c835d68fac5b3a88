"""``jobstore runs``, ``expire`` and ``import --complete-scope``: runs of scrapers from files."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import jobstore
from tests.contract.cli.commands import answer, lines, posting, run, said, shown

DAY = "2026-02-0{}"


@pytest.fixture
def url(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty store that JOBSTORE_URL names."""
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    return migrated_url


def file(folder: Path, *numbers: int, broken: str = "") -> str:
    path = folder / "postings.jsonl"
    rows = [json.dumps(posting(number)) for number in numbers]
    path.write_text("\n".join([*rows, broken]) + "\n", encoding="utf-8")
    return str(path)


def taken(folder: Path, day: int, *numbers: int, broken: str = "") -> dict[str, object]:
    given = ("--complete-scope", "all", "--seen-at", DAY.format(day))
    found: dict[str, object] = answer("import", file(folder, *numbers, broken=broken), *given)
    report = found["run"]
    assert isinstance(report, dict)
    return report


def test_files_of_some_days_are_runs_that_close(url: str, tmp_path: Path) -> None:
    assert taken(tmp_path, 1, 1, 2, 3, 4)["inserted"] == 4
    assert taken(tmp_path, 2, 1, 2, 3)["closed"] == 0
    assert taken(tmp_path, 2, 1, 2, 3)["closed"] == 0
    report = taken(tmp_path, 3, 1, 2, 3)
    assert (report["state"], report["missed"], report["closed"]) == ("complete", 1, 1)

    listed = answer("runs")["runs"]
    states = [each["state"] for each in listed]
    assert states == ["complete", "complete", "repeated", "complete"]
    assert listed[0] == report
    assert answer("runs", "--source", "board", "--scope", "none") == {"runs": []}
    assert len(answer("runs", "--source", "board", "--scope", "all")["runs"]) == 4
    newest, *_ = run("runs").stdout.split("\n\n")
    assert newest.splitlines() == [
        "2026-02-03T00:00Z  complete  board  all",
        "    seen 3, new 0, changed 0; missed 1 of 4, closed 1, expired 0",
        "    Its guards believed it.",
        f"    {report['run']}",
    ]


def test_a_file_that_is_not_whole_closes_nothing(url: str, tmp_path: Path) -> None:
    taken(tmp_path, 1, 1, 2, 3, 4)
    for day in (2, 3, 4, 5):
        report = taken(tmp_path, day, 1, 2, 3, broken='{"title": "cut o')
        assert (report["state"], report["closed"]) == ("broken", 0)
    name = file(tmp_path, 1, broken='{"title": "cut o')
    text = shown(run("import", name, "--complete-scope", "all"))
    # It looked for none, so it speaks of none that were missed.
    assert "The run is broken and closes nothing. It ended although rows did not say which" in text
    assert "seen 1, new 0, changed 0 It ended although rows" in shown(run("runs", "-n", "1"))
    text = shown(run("import", file(tmp_path, 1, 2), "--complete-scope", "all"))
    assert "The run is complete: 2 of 4 open postings missed, 0 closed" in text


def test_rules_of_a_source_stand_in_the_settings(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobstore.yaml"
    rule = "{close_after_misses: 1, close_after: 12h, min_completeness: 0.1}"
    path.write_text(f"sources:\n  board: {rule}\n", encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("JOBSTORE_CONFIG", str(path))
    taken(tmp_path, 1, 1, 2, 3, 4)
    closing = taken(tmp_path, 2, 1)
    assert closing["closed"] == 3
    told = answer("runs", str(closing["run"]))
    assert told["run"] == closing
    assert [each["kind"] for each in told["postings"]] == ["closed"] * 3
    assert "closed Engineer" in shown(run("runs", str(closing["run"])))
    none = run("runs", "nobody")
    assert (none.exit_code, "There is no run nobody" in said(none)) == (1, True)
    path.write_text("sources:\n  board: {close_after: soon}\n", encoding="utf-8")
    refused = run("runs")
    assert refused.exit_code == 2
    assert "sources" in refused.stderr
    assert "48h" in refused.stderr


def test_the_source_of_a_run_may_be_said_for_a_file_that_names_it(url: str, tmp_path: Path) -> None:
    given = ("--source", "board", "--complete-scope", "all")
    assert answer("import", file(tmp_path, 1, 2), *given)["run"]["seen"] == 2
    # A file of nothing names none.
    path = tmp_path / "none.json"
    path.write_text("[]", encoding="utf-8")
    empty = answer("import", str(path), "--format", "jsonl", *given, "--whole")["run"]
    assert (empty["source"], empty["state"], empty["missed"]) == ("board", "guarded", 2)

    other = run("import", file(tmp_path, 1), "--source", "other", "--complete-scope", "all")
    assert (other.exit_code, "is other, but the rows are of board" in said(other)) == (2, True)
    rows = lines(posting(1), posting(2, source="lever"))
    several = run("import", "-", "--complete-scope", "all", stdin=rows)
    assert (several.exit_code, "of several (board, lever)" in said(several)) == (2, True)
    one = run("import", "-", *given, stdin=rows)
    assert (one.exit_code, "1 stored" in shown(one), "1 rejected" in shown(one)) == (0, True, True)


def test_what_makes_no_sense_is_refused(url: str, tmp_path: Path) -> None:
    name = file(tmp_path, 1)
    for wrong in (
        ("import", name, "--whole"),
        ("import", name, "--complete-scope", "all", "--dry-run"),
        ("import", name, "--complete-scope", "workplace=moon"),
        ("runs", "--scope", "page"),
        ("runs", "--limit", "0"),
    ):
        assert run(*wrong).exit_code == 2, wrong


def test_an_import_that_is_refused_makes_no_store(tmp_path: Path) -> None:
    made = tmp_path / "new.db"
    given = ("--store", f"sqlite:///{made}", "--complete-scope")
    rows = lines(posting(1), posting(2, source="lever"))
    for scope, text in (("all", rows), ("workplace=moon", lines(posting(1)))):
        refused = run("import", "-", *given, scope, stdin=text)
        assert (refused.exit_code, made.exists()) == (2, False), said(refused)


def test_what_is_past_its_time_is_closed(url: str) -> None:
    async def fill() -> None:
        ends = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        async with jobstore.connect(url) as store:
            await store.upsert_many([posting(1, expires_at=ends), posting(2)])

    asyncio.run(fill())
    assert answer("expire") == {"closed": 1}
    assert shown(run("expire")) == "Closed 0 postings past their time."
