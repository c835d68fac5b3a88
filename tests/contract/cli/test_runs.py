"""``jobstore runs``, ``expire`` and ``import --complete-scope``: runs of scrapers from files."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import jobstore
from tests.contract.cli.commands import answer, posting, run, shown

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
    first, *same_day, last = [each["state"] for each in listed]
    assert (first, sorted(same_day), last) == ("complete", ["complete", "repeated"], "complete")
    assert listed[0] == report
    assert answer("runs", "--source", "board", "--scope", "none") == {"runs": []}
    text = shown(run("runs"))
    assert "2026-02-03" in text
    assert "Its guards believed it." in text


def test_a_file_that_is_not_whole_closes_nothing(url: str, tmp_path: Path) -> None:
    taken(tmp_path, 1, 1, 2, 3, 4)
    for day in (2, 3, 4, 5):
        report = taken(tmp_path, day, 1, 2, 3, broken='{"title": "cut o')
        assert (report["state"], report["closed"]) == ("broken", 0)
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
    assert taken(tmp_path, 2, 1)["closed"] == 3
    path.write_text("sources:\n  board: {close_after: soon}\n", encoding="utf-8")
    refused = run("runs")
    assert refused.exit_code == 2
    assert "sources" in refused.stderr
    assert "48h" in refused.stderr


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


def test_what_is_past_its_time_is_closed(url: str) -> None:
    async def fill() -> None:
        ends = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        async with jobstore.connect(url) as store:
            await store.upsert_many([posting(1, expires_at=ends), posting(2)])

    asyncio.run(fill())
    assert answer("expire") == {"closed": 1}
    assert shown(run("expire")) == "Closed 0 postings past their time."
