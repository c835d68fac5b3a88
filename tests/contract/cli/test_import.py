"""``jobstore import``: what it stores, what it refuses, what it says."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobstore import exchange
from jobstore.cli import rehearsing
from jobstore.cli.main import app
from tests.contract.cli.commands import DEMO, answer, lines, posting, run, said


def counts(**numbers: int) -> dict[str, Any]:
    """Return the answer of an import in which nothing went wrong."""
    listed = {"warnings_by_field": {}, "first_warnings": [], "failed_files": []}
    none = ("inserted", "updated", "unchanged", "rejected", "warnings")
    return dict.fromkeys(none, 0) | listed | numbers


def test_import_counts_what_it_did(demo_file: Path, store_url: str) -> None:
    first = answer("import", str(demo_file), "--store", store_url)
    assert first == counts(inserted=DEMO)
    again = answer("import", str(demo_file), "--store", store_url)
    assert again == counts(unchanged=DEMO)


def test_import_makes_a_store_that_is_not_there_and_says_so(
    demo_file: Path, tmp_path: Path, store_url: str
) -> None:
    result = run("import", str(demo_file), "--store", store_url)
    assert result.stdout == "500 stored (500 inserted, 0 updated, 0 unchanged), 0 rejected\n"
    assert "Making the store" in result.stderr
    assert (tmp_path / "jobs.db").stat().st_mode & 0o777 == 0o600


def test_import_refuses_a_store_that_is_behind(demo_file: Path, store_url: str) -> None:
    assert run("migrate", "up", "--to", "0001", "--store", store_url).exit_code == 0
    result = run("import", str(demo_file), "--store", store_url)
    assert result.exit_code == 1
    assert f"jobstore migrate up --store {store_url}" in said(result)


def test_import_makes_no_store_for_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(lines(posting(1)).encode())[:-9])
    store = tmp_path / "new.db"
    result = run("import", str(tmp_path / "cut.jsonl.gz"), "--store", f"sqlite:///{store}")
    assert result.exit_code == 1
    assert "cut short" in result.stderr
    assert not store.exists()


def test_import_makes_no_folder(demo_file: Path, tmp_path: Path) -> None:
    result = run("import", str(demo_file), "--store", f"sqlite:///{tmp_path}/missing/jobs.db")
    assert result.exit_code == 1
    assert "jobstore migrate up" in said(result)
    assert not (tmp_path / "missing").exists()


def test_import_of_a_missing_file_says_so_in_one_line(migrated_url: str) -> None:
    result = run("import", "nowhere.csv", "--store", migrated_url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no file nowhere.csv.\n"


BAD_FILES: dict[str, bytes] = {
    "empty.csv": b"",
    "page.html": b"<html><body>Jobs are elsewhere.</body></html>",
    "script.html": b'<script type="application/ld+json"></script>',
    "unknown.json": b'[{"a": 1}]',
    "cut.json": b'[{"source": "b", "source_job_id": "1", "title": "T", "company": "C"},',
    "cut.jsonl.gz": gzip.compress(b"{}" * 500)[:-9],
    "binary.csv": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", [*BAD_FILES, "missing.csv", "folder"])
def test_one_bad_file_never_stops_the_others(
    tmp_path: Path, store_url: str, name: str, place: int
) -> None:
    (tmp_path / "folder").mkdir()
    if name in BAD_FILES:
        (tmp_path / name).write_bytes(BAD_FILES[name])
    files = []
    for number in (1, 2):
        files.append(str(tmp_path / f"good{number}.jsonl"))
        Path(files[-1]).write_text(lines(posting(number)), encoding="utf-8")
    bad = str(tmp_path / name)
    files.insert(place, bad)
    result = run("import", *files, "--store", store_url, "--json")
    assert result.exit_code == 1
    done = json.loads(result.stdout)
    (failed,) = done.pop("failed_files")
    assert (done["inserted"], done["rejected"], failed["file"]) == (2, 0, bad)
    assert name in failed["reason"]
    told = result.stderr.splitlines()
    assert f"Error: {' '.join(failed['reason'].split())}" in told[:-1]
    assert told[-1] == f"Error: 1 of 3 files could not be read: {bad}"


def test_what_cannot_be_read_is_in_the_summary(demo_file: Path, store_url: str) -> None:
    result = run("import", "a.csv", str(demo_file), "b.csv", "--store", store_url)
    assert result.exit_code == 1
    assert result.stdout == (
        "500 stored (500 inserted, 0 updated, 0 unchanged), 0 rejected, 2 files not read\n"
    )
    # Missing files are told of before the work begins.
    assert result.stderr.startswith(
        "Error: There is no file a.csv.\nError: There is no file b.csv.\nStore: "
    )
    assert result.stderr.endswith("Error: 2 of 3 files could not be read: a.csv, b.csv\n")


def test_no_store_is_made_where_no_file_can_be_read(tmp_path: Path) -> None:
    for name, data in BAD_FILES.items():
        (tmp_path / name).write_bytes(data)
    files = [str(tmp_path / name) for name in BAD_FILES]
    store = tmp_path / "new.db"
    result = run("import", *files, "--store", f"sqlite:///{store}", "--json")
    assert result.exit_code == 1
    assert [each["file"] for each in json.loads(result.stdout)["failed_files"]] == files
    assert not store.exists()
    assert "Making the store" not in result.stderr


def test_a_reader_that_fails_in_any_way_costs_its_file_alone(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in (1, 2, 3)]
    for number, file in enumerate(files):
        file.write_text(lines(posting(number)), encoding="utf-8")
    opened = exchange.open_records

    def open_records(path: str, *arguments: Any, **options: Any) -> Iterator[Any]:
        yield from opened(path, *arguments, **options)
        if path == str(files[1]):
            raise KeyError("Wort")

    monkeypatch.setattr(exchange, "open_records", open_records)
    result = run("import", *map(str, files), "--store", store_url, "--json")
    assert result.exit_code == 1
    done = json.loads(result.stdout)
    assert done["inserted"] == 2
    (failed,) = done["failed_files"]
    assert failed["file"] == str(files[1])
    assert "unexpected KeyError: 'Wort'" in failed["reason"]
    told = CliRunner().invoke(app, ["--debug", "import", *map(str, files), "--store", store_url])
    assert 'raise KeyError("Wort")' in told.stderr


def test_import_goes_on_after_a_broken_row_and_keeps_it(tmp_path: Path, migrated_url: str) -> None:
    broken = posting(2, title=" ", source=" ")
    rows = lines(posting(1), broken) + "{oops\n" + lines(posting(3))
    rejects = tmp_path / "rejects.jsonl"
    result = run("import", "-", "--store", migrated_url, "--rejects", str(rejects), stdin=rows)
    assert result.exit_code == 0
    assert "-:2: rejected: source: is required; title: is required" in result.stderr
    assert result.stdout == "2 stored (2 inserted, 0 updated, 0 unchanged), 2 rejected\n"
    kept = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert {each["line"] for each in kept} == {2, 3}
    assert {each["kind"] for each in kept} == {"rejected"}
    by_line = {each["line"]: each for each in kept}
    assert [reason["field"] for reason in by_line[2]["reasons"]] == ["source", "title"]
    assert json.loads(by_line[2]["raw"]) == broken
    assert by_line[3]["raw"] == "{oops"


def test_import_tells_only_the_first_of_many_rejections(migrated_url: str) -> None:
    rows = lines(posting(0), *[posting(n, title="") for n in range(1, 10)])
    result = run("import", "-", "--store", migrated_url, stdin=rows)
    assert result.exit_code == 0
    assert result.stderr.count("title: is required") == 5
    assert "... and 4 more rows rejected; --rejects FILE keeps them" in result.stderr


def test_import_fails_when_no_row_could_be_stored(migrated_url: str) -> None:
    result = run(
        "import", "-", "--store", migrated_url, "--json", stdin=lines(posting(1, title=""))
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout)["rejected"] == 1
    assert result.stderr.endswith("Error: Every row was rejected; nothing is stored.\n")


def test_rows_that_name_no_source_get_a_hint(migrated_url: str) -> None:
    table = "title,company\nBaker,Bread\n"
    arguments = ("import", "-", "--store", migrated_url)
    result = run(*arguments, stdin=table)
    assert result.exit_code == 1
    assert result.stderr.endswith("name it with --source NAME.\n")
    assert answer(*arguments, "--source", "me", stdin=table)["inserted"] == 1


def test_import_of_an_empty_list_is_no_failure(migrated_url: str) -> None:
    assert answer("import", "-", "--store", migrated_url, stdin="[]")["inserted"] == 0


def test_import_reads_bytes_that_are_no_text_as_a_broken_row(
    tmp_path: Path, migrated_url: str
) -> None:
    rows = lines(posting(1)).encode() + b'{"source": "\xff\xfe"}\n'
    rejects = tmp_path / "rejects.jsonl"
    result = run("import", "-", "--store", migrated_url, "--rejects", str(rejects), stdin=rows)
    assert "1 stored (1 inserted, 0 updated, 0 unchanged), 1 rejected" in result.stdout
    assert json.loads(rejects.read_text(encoding="utf-8"))["line"] == 2


def test_import_maps_columns(tmp_path: Path, migrated_url: str) -> None:
    table = tmp_path / "jobs.csv"
    table.write_text("Position;Employer;Town\nBaker;Pão;Porto\n", encoding="utf-8")
    counts = answer(
        *("import", str(table), "--store", migrated_url, "--source", "sheet"),
        *("--map", "title=Position,company=Employer,location=Town"),
    )
    assert counts["inserted"] == 1
    found = answer("search", "--location", "porto", "--store", migrated_url)["items"][0]
    assert (found["title"], found["source"]) == ("Baker", "sheet")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "xml"), "no import format"),
        (("--map", "nonsense"), "field=Column"),
        (("--map", "salary=Pay"), "no field of a posting"),
        (("--salaries", "salaries.csv", "--format", "jsonl"), "salaries"),
    ],
)
def test_import_options_that_make_no_sense_are_wrong_usage(
    demo_file: Path, migrated_url: str, arguments: tuple[str, ...], says: str
) -> None:
    result = run("import", str(demo_file), "--store", migrated_url, *arguments)
    assert result.exit_code == 2
    assert says in said(result)


def test_import_never_overwrites_what_it_reads(tmp_path: Path, migrated_url: str) -> None:
    file = tmp_path / "postings.jsonl"
    file.write_text(lines(posting(1)), encoding="utf-8")
    result = run("import", str(file), "--store", migrated_url, "--rejects", str(file))
    assert result.exit_code == 2
    assert file.read_text(encoding="utf-8") == lines(posting(1))


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal", ".lock"])
def test_import_never_overwrites_the_store(demo: Path, demo_file: Path, end: str) -> None:
    before = demo.read_bytes()
    result = run("import", str(demo_file), "--rejects", f"{demo}{end}")
    assert result.exit_code == 2
    assert "belongs to the store" in said(result)
    assert demo.read_bytes() == before
    assert answer("count") == {"count": DEMO}


def test_import_never_puts_rejects_where_a_new_store_goes(demo_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    result = run("import", str(demo_file), "--store", f"sqlite:///{path}", "--rejects", str(path))
    assert result.exit_code == 2
    assert not path.exists()


def test_import_never_overwrites_a_side_table(tmp_path: Path, migrated_url: str) -> None:
    jobs, skills = tmp_path / "job_postings.csv", tmp_path / "job_skills.csv"
    jobs.write_text("job_id,title\n", encoding="utf-8")
    skills.write_text("job_id,skill_abr\n1,IT\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(skills)
    result = run(
        *("import", str(jobs), "--store", migrated_url, "--format", "linkedin"),
        *("--skills", str(skills), "--rejects", str(tmp_path / "link")),
    )
    assert result.exit_code == 2
    assert "is also read" in said(result)
    assert skills.read_text(encoding="utf-8") == "job_id,skill_abr\n1,IT\n"


def test_import_says_when_rejects_cannot_be_written(demo_file: Path, migrated_url: str) -> None:
    result = run("import", str(demo_file), "--store", migrated_url, "--rejects", "/no/such/x")
    assert result.exit_code == 1
    assert result.stderr == "Error: /no/such/x: No such file or directory\n"


def test_import_of_linkedin_finds_what_search_then_shows(real_data: Path, store_url: str) -> None:
    file = str(real_data / "linkedin" / "postings.csv")
    first = answer("import", file, "--format", "linkedin", "--store", store_url)
    assert first == counts(inserted=1000)
    again = answer("import", file, "--store", store_url)
    assert again == counts(unchanged=1000)
    page = answer("search", "engineer", "--store", store_url, "--facet", "employment_type")
    assert page["total"] > 0
    assert all(item["source"] == "linkedin" for item in page["items"])
    assert {each["value"] for each in page["facets"]["employment_type"]} >= {"full_time"}
    report = answer("doctor", "--full", "--verify", "--store", store_url)
    assert report["ok"], report


def test_nothing_rejected_leaves_no_file_of_rejects(store_url: str, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    rejects.write_text("of an earlier import")
    (tmp_path / "kept").write_text("")
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "kept")
    for file in (rejects, link):
        arguments = ("import", "-", "--store", store_url, "--rejects", str(file))
        assert run(*arguments, stdin=lines(posting(1))).exit_code == 0
    assert not rejects.exists()
    assert link.is_symlink()


ODD = posting(
    2, posted_at="the day before", employment_type="whenever", applicant_count="-3", url="ftp://x"
)


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path, migrated_url: str) -> None:
    rows = lines(posting(1), ODD, posting(3, title=""))
    rejects = tmp_path / "rejects.jsonl"
    arguments = ("import", "-", "--store", migrated_url)
    result = run(*arguments, "--rejects", str(rejects), stdin=rows)
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "2 stored (2 inserted, 0 updated, 0 unchanged), 1 rejected, 4 values left out: "
    )
    for name in ("posted_at", "employment_type", "applicant_count", "url"):
        assert f"{name} 1" in result.stdout
        assert f"-:2: left out: {name}: " in result.stderr
    kept = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert [(each["kind"], each["line"]) for each in kept] == [("rejected", 3), ("left out", 2)]
    assert json.loads(kept[1]["raw"]) == ODD
    assert {each["field"] for each in kept[1]["reasons"]} == ODD.keys() - posting(2).keys()
    assert all(set(each) == {"field", "name", "kind", "reason"} for each in kept[1]["reasons"])

    done = answer(*arguments, stdin=rows)
    assert (done["unchanged"], done["rejected"], done["warnings"]) == (2, 1, 4)
    assert done["warnings_by_field"] == dict.fromkeys(ODD.keys() - posting(2).keys(), 1)
    assert {each["field"] for each in done["first_warnings"]} == done["warnings_by_field"].keys()
    assert {(each["file"], each["line"]) for each in done["first_warnings"]} == {("-", 2)}
    (found,) = answer("search", '"Engineer 2"', "--store", migrated_url)["items"]
    shown = answer("show", found["id"], "--store", migrated_url)
    assert (shown["posted_at"], shown["applicant_count"], shown["url"]) == (None, None, None)
    assert shown["attributes"]["posted_at"] == "the day before"


def test_only_the_first_of_many_values_are_told_and_all_are_counted(migrated_url: str) -> None:
    rows = lines(*[posting(n, posted_at="once", url="nowhere") for n in range(60)])
    result = run("import", "-", "--store", migrated_url, stdin=rows)
    assert result.stderr.count(": left out: ") == 5
    assert "... and 115 more values left out; in all " in result.stderr
    assert "--rejects FILE keeps them" in result.stderr
    assert "120 values left out: " in result.stdout
    done = answer("import", "-", "--store", migrated_url, stdin=rows)
    assert done["warnings_by_field"] == {"posted_at": 60, "url": 60}
    assert len(done["first_warnings"]) == 100


def test_strict_rejects_the_row_of_a_value_that_cannot_be_read(migrated_url: str) -> None:
    rows = lines(posting(1), ODD, posting(3, company=""))
    result = run("import", "-", "--store", migrated_url, "--strict", "--json", stdin=rows)
    done = json.loads(result.stdout)
    assert (done["inserted"], done["rejected"], done["warnings"]) == (1, 2, 0)
    assert "-:2: rejected: employment_type: " in result.stderr


def dry(*arguments: str, **given: Any) -> dict[str, Any]:
    """Return the answer of a dry run, and see that a real one gives the same."""
    planned = answer(*arguments, "--dry-run", **given)
    done = answer(*arguments, **given)
    assert planned == done
    return dict(planned)


def test_a_dry_run_says_what_would_become_of_each_row(migrated_url: str) -> None:
    arguments = ("import", "-", "--store", migrated_url)
    first = lines(*[posting(n) for n in range(700)])
    assert dry(*arguments, stdin=first)["inserted"] == 700
    second = lines(
        *[posting(n) for n in range(650)],  # unchanged
        *[posting(n, title="Baker") for n in range(650, 800)],  # 50 updated, 100 new
        *[posting(n, title="Baker", location="Porto") for n in range(600, 660)],  # again, changed
        *[posting(n) for n in range(790, 800)],  # of this import, and changed back
        ODD | {"source_job_id": "0"},
        posting(9, title=""),
    )
    planned = dry(*arguments, stdin=second)
    assert planned["inserted"] == 100
    assert planned["updated"] == 50 + 60 + 10 + 1
    assert (planned["unchanged"], planned["rejected"]) == (650, 1)
    # Of the rows that came again 50, 10 and 1 have another title.
    assert planned["warnings_by_field"].pop("source_job_id") == 61
    assert set(planned["warnings_by_field"].values()) == {1}


def test_a_dry_run_stores_nothing_and_says_so(demo_file: Path, migrated_url: str) -> None:
    result = run("import", str(demo_file), "--store", migrated_url, "--dry-run")
    assert result.exit_code == 0
    assert result.stdout == (
        "A dry run. It would be: 500 stored (500 inserted, 0 updated, 0 unchanged), 0 rejected\n"
    )
    assert answer("count", "--store", migrated_url) == {"count": 0}


def test_a_dry_run_makes_no_store(
    demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer("import", str(demo_file), "--dry-run")["inserted"] == DEMO
    bad = run("import", str(demo_file), "nowhere.csv", "--dry-run", "--rejects", "bad.jsonl")
    assert bad.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_remembers_a_bounded_part_of_a_large_file(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "_REMEMBERED", 100_000)
    rows = [posting(n, description="x" * 1000) for n in range(600)]
    done = answer(
        *("import", "-", "--store", store_url, "--dry-run"),
        stdin=lines(*rows, rows[0] | {"title": "Baker"}, rows[500] | {"title": "Baker"}),
    )
    assert (done["inserted"], done["updated"], done["unchanged"]) == (600, 1, 1)


def test_an_old_snapshot_never_undoes_a_newer_one(tmp_path: Path, migrated_url: str) -> None:
    new, old = tmp_path / "new.jsonl", tmp_path / "old.jsonl"
    new.write_text(lines(posting(1, title="Chef")), encoding="utf-8")
    old.write_text(lines(posting(1, title="Cook", location="Porto")), encoding="utf-8")
    arguments = ("--store", migrated_url)
    assert answer("import", str(new), *arguments)["inserted"] == 1
    assert answer("import", str(old), *arguments, "--seen-at", "2025-01-31")["updated"] == 1
    (item,) = answer("search", *arguments)["items"]
    assert (item["title"], item["location"]) == ("Chef", "Porto")
    seen = answer("show", item["id"], *arguments)["first_seen_at"]
    assert seen == "2025-01-31T00:00:00Z"
    os.utime(old, (1_600_000_000, 1_600_000_000))
    dry("import", str(old), *arguments, "--seen-at", "file")
    seen = answer("show", item["id"], *arguments)["first_seen_at"]
    assert seen == "2020-09-13T12:26:40Z"


def test_relative_dates_count_from_when_the_file_was_written(
    tmp_path: Path, migrated_url: str
) -> None:
    table, rows = tmp_path / "jobs.csv", tmp_path / "jobs.jsonl"
    table.write_text(
        "title,company,url,posted_at\nBaker,Bread,https://b.example/jobs/7,3 days ago\n"
    )
    rows.write_text(lines(posting(1, posted_at="Posted 3 Days Ago")), encoding="utf-8")
    for file in (table, rows):
        os.utime(file, (1_600_000_000, 1_600_000_000))  # 2020-09-13
        assert answer("import", str(file), "--store", migrated_url)["warnings"] == 0
    told = (item["posted_at"] for item in answer("search", "--store", migrated_url)["items"])
    assert {each[:10] for each in told} == {"2020-09-10"}
    # When they were seen is another matter: now.
    found = answer("search", "baker", "--store", migrated_url)["items"][0]
    assert answer("show", found["id"], "--store", migrated_url)["last_seen_at"] > "2026"
    again = answer("import", str(table), "--store", migrated_url, "--seen-at", "2026-01-31")
    assert again["warnings"] == 0
    # The answers of inspect are those of import.
    (row,) = answer("inspect", str(table))["postings"]
    assert row["posted_at"][:10] == "2020-09-10"


@pytest.mark.parametrize("time", ["yesterday", "2025-02-30", "2025-01-31T10:00", "2999-01-01"])
def test_a_time_that_means_nothing_is_wrong_usage(
    demo_file: Path, store_url: str, time: str
) -> None:
    result = run("import", str(demo_file), "--store", store_url, "--seen-at", time)
    assert result.exit_code == 2
    assert not Path(store_url.removeprefix("sqlite:///")).exists()


def test_rows_with_one_key_and_several_titles_are_told(tmp_path: Path, migrated_url: str) -> None:
    rows = lines(
        posting(1, title="Baker"),
        posting(1, title="BAKER "),
        *[posting(1, title=f"Cook {n}") for n in range(6)],
        posting(2, title="Baker"),
    )
    rejects = tmp_path / "rejects.jsonl"
    arguments = ("import", "-", "--store", migrated_url, "--rejects", str(rejects))
    result = run(*arguments, stdin=rows)
    assert result.exit_code == 0
    assert "-:3: the same key as line 1, with another title" in result.stderr
    assert "... and 1 more row with the key of another" in result.stderr
    assert result.stdout.endswith(", 0 rejected, 6 rows with the key of another\n")
    kept = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert [(each["kind"], each["line"]) for each in kept] == [("same key", n) for n in range(3, 9)]
    assert json.loads(kept[0]["raw"])["title"] == "Cook 0"
    done = answer(*arguments, stdin=rows)
    assert (done["warnings"], done["warnings_by_field"]) == (6, {"source_job_id": 6})
    assert {each["kind"] for each in done["first_warnings"]} == {"key"}


def test_jobs_that_share_a_bare_address_are_all_kept(tmp_path: Path, migrated_url: str) -> None:
    table = tmp_path / "jobs.csv"
    text = "".join(f"Job {n},Bread,https://bread.example/careers/all\n" for n in range(11))
    table.write_text(f"Name,Firm,Link\n{text}", encoding="utf-8")
    arguments = ("import", str(table), "--map", "title=Name,company=Firm,url=Link")
    done = answer(*arguments, "--store", migrated_url)
    assert (done["inserted"], done["updated"], done["rejected"]) == (11, 0, 0)
    again = answer(*arguments, "--store", migrated_url)
    assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, 11)
    assert dry(*arguments, "--store", migrated_url)["unchanged"] == 11


def test_a_range_that_is_turned_round_is_not_said_to_be_left_out(migrated_url: str) -> None:
    rows = lines(
        posting(1, salary_min=90_000, salary_max=60_000), posting(2, salary_min=1, url="nowhere")
    )
    result = run("import", "-", "--store", migrated_url, stdin=rows)
    assert result.stdout.endswith("1 range turned round, 1 value left out: url 1\n")
    assert re.search("^-:1: salary_min: .* turned round$", result.stderr, re.MULTILINE)
