"""The commands that look: search, recent, show, count, stats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobstore.cli.main import app
from jobstore.records import job_id
from tests.contract.cli.commands import DEMO, answer, posting, run, unannounced


def test_search_answers_in_pages(demo: Path) -> None:
    page = answer("search", "engineer", "--limit", "7")
    assert set(page) == {"items", "next_cursor", "total", "total_capped", "notes"}
    seen = [item["id"] for item in page["items"]]
    while page["next_cursor"]:
        page = answer("search", "engineer", "--limit", "7", "--cursor", page["next_cursor"])
        seen += [item["id"] for item in page["items"]]
    assert len(seen) == len(set(seen)) == page["total"] == answer("count", "engineer")["count"]


def test_search_takes_filters_sorts_and_facets(demo: Path) -> None:
    page = answer(
        *("search", "--country", "DE", "--country", "AT", "--sort", "salary", "--limit", "100"),
        *("--salary-currency", "EUR", "--salary-min", "1000", "--facet", "country"),
    )
    assert page["total"] == len(page["items"]) > 0
    assert {item["country"] for item in page["items"]} == {"DE", "AT"}
    assert {item["salary_currency"] for item in page["items"]} == {"EUR"}
    assert sum(each["count"] for each in page["facets"]["country"]) == page["total"]


def test_search_by_day_includes_both_days(demo: Path) -> None:
    page = answer(
        "search", "--posted-since", "2025-10-01", "--posted-until", "2025-10-02", "-n", "100"
    )
    days = {item["posted_at"][:10] for item in page["items"]}
    assert days == {"2025-10-01", "2025-10-02"}


def test_search_excludes_words_after_two_dashes(demo: Path) -> None:
    arguments = ("search", "--json", "--limit", "100", "--", "-senior", "title:engineer")
    page = json.loads(run(*arguments).stdout)["items"]
    assert page
    assert not [item["title"] for item in page if "Senior" in item["title"]]


def test_json_is_escaped_where_output_takes_no_utf8(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("search", "--country", "JP", "--country", "AE", "--limit", "3")
    plain = run(*arguments, "--json").stdout
    assert not plain.isascii()
    for charset in ("ascii", "iso8859-1"):
        told = CliRunner(charset=charset).invoke(app, [*arguments, "--json"]).stdout
        assert told.isascii()
        assert json.loads(told)["items"] == json.loads(plain)["items"]


def test_search_shows_people_a_table_and_says_beside_it_how_to_go_on(demo: Path) -> None:
    result = run("search", "title:baker", "--limit", "1")
    assert "Baker" in result.stdout
    assert "https://" in result.stdout
    assert "--cursor " not in result.stdout
    assert "--cursor " in result.stderr
    quiet = run("search", "title:baker", "--limit", "1", "--quiet")
    assert (quiet.stdout, quiet.stderr) == (result.stdout, "")
    assert run("search", "xyzzyx").stdout == "No posting found.\n"


def test_recent_lists_what_was_just_seen(demo: Path) -> None:
    page = answer("recent", "--limit", "5")
    assert len(page["items"]) == 5
    assert all(item["posted_at"] is None for item in page["items"])
    assert answer("recent", "--days", "36500", "--limit", "5")["total"] == DEMO
    assert "postings found, 5 shown" in run("recent", "--limit", "5").stdout


def test_recent_goes_on_where_a_page_ended(demo: Path) -> None:
    whole = answer("recent", "--days", "36500", "--limit", "9")["items"]
    page = answer("recent", "--days", "36500", "--limit", "4")
    assert "--cursor " in run("recent", "--limit", "4").stderr
    more = answer("recent", "--days", "36500", "--limit", "5", "--cursor", page["next_cursor"])
    assert page["items"] + more["items"] == whole
    refused = run("recent", "--cursor", "nonsense")
    assert (refused.exit_code, "cursor" in refused.stderr) == (2, True)


def test_show_takes_an_id_or_both_keys(demo: Path, demo_file: Path) -> None:
    with demo_file.open(encoding="utf-8") as file:
        first = json.loads(file.readline())
    id = str(job_id(first["source"], first["source_job_id"]))
    job = answer("show", id)
    assert job == answer("show", first["source"], first["source_job_id"])
    assert {name: job[name] for name in first} == first
    shown = run("show", id)
    assert first["title"] in shown.stdout
    assert unannounced(shown.stderr) == ""


def test_show_keeps_amounts_exact(migrated_url: str) -> None:
    row = '{"source": "b", "source_job_id": "1", "title": "t", "company": "c",'
    row += ' "salary_min": 123456789012.123456}\n'
    answer("import", "-", "--store", migrated_url, stdin=row)
    result = run("show", "b", "1", "--json", "--store", migrated_url)
    assert '"salary_min": 123456789012.123456,' in result.stdout


def test_show_prints_a_description_as_it_is_read(migrated_url: str) -> None:
    description = "<h2>You</h2><ul><li>C&#43;&#43;</li><li>SQL</li></ul><p>M&uuml;nchen&#27;[2J</p>"
    row = posting(1, description=description)
    answer("import", "-", "--store", migrated_url, stdin=json.dumps(row) + "\n")

    result = run("show", "board", "1", "--store", migrated_url)

    assert result.stdout.endswith("\n\nYou\n- C++\n- SQL\n\nMünchen[2J\n")
    job = answer("show", "board", "1", "--store", migrated_url)
    assert job["description"] == description
    assert job["description_text"] == "You\n- C++\n- SQL\n\nMünchen[2J"


def test_stats_are_complete(demo: Path) -> None:
    stats = answer("stats")
    assert stats["total"] == DEMO
    assert stats["by_status"] == {"open": DEMO}
    assert len(stats["per_day"]) == 30
    assert len(stats["top_companies"]) == 10
    assert set(stats["salaries"]["EUR"]) == {"count", "lower", "median", "upper"}
    assert stats["applicants"]["count"] == sum(
        stats["applicants"][name] for name in ("low", "medium", "high")
    )
    assert "500 postings" in run("stats").stdout


def test_count_answers_people_too(demo: Path) -> None:
    result = run("count")
    assert (result.stdout, unannounced(result.stderr)) == ("500\n", "")


def test_how_a_text_was_understood_is_told_below_the_answer(demo: Path) -> None:
    for command in ("search", "count"):
        result = run(command, "engineer", "AND", "*neer")
        assert "Note: AND between words is not needed" in result.stderr
        assert "Note: A star at the beginning of a word" in result.stderr
        assert "Note" not in result.stdout
        assert "Note" not in run(command, "engineer").stderr
        assert "Note" not in run(command, "engineer", "AND", "x", "--quiet").stderr
    notes = answer("search", "engineer | cook")["notes"]
    assert notes == ["| was read as OR: one of both must occur."]


def test_what_expires_is_found_and_sorted(demo: Path) -> None:
    every = answer("search", "--sort", "expires", "--limit", "1000")["items"]
    past, ahead = (answer("count", option)["count"] for option in ("--expired", "--not-expired"))
    assert past + ahead == len(every)
