"""``jobstore import``: what it stores, what it refuses, what it says."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.contract.cli.commands import DEMO, answer, lines, posting, run, said


def test_import_counts_what_it_did(demo_file: Path, store_url: str) -> None:
    first = answer("import", str(demo_file), "--store", store_url)
    assert first == {"inserted": DEMO, "updated": 0, "unchanged": 0, "rejected": 0}
    again = answer("import", str(demo_file), "--store", store_url)
    assert again == {"inserted": 0, "updated": 0, "unchanged": DEMO, "rejected": 0}


def test_import_makes_a_store_that_is_not_there_and_says_so(
    demo_file: Path, tmp_path: Path, store_url: str
) -> None:
    result = run("import", str(demo_file), "--store", store_url)
    assert result.stdout == "500 inserted, 0 updated, 0 unchanged, 0 rejected\n"
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


def test_import_names_a_missing_file_before_it_stores_another(
    demo_file: Path, migrated_url: str
) -> None:
    result = run("import", str(demo_file), "nowhere.csv", "--store", migrated_url)
    assert result.exit_code == 1
    assert result.stderr == "Error: There is no file nowhere.csv.\n"
    assert answer("count", "--store", migrated_url) == {"count": 0}


def test_import_goes_on_after_a_broken_row_and_keeps_it(tmp_path: Path, migrated_url: str) -> None:
    broken = posting(2, title=" ", source=" ")
    rows = lines(posting(1), broken) + "{oops\n" + lines(posting(3))
    rejects = tmp_path / "rejects.jsonl"
    result = run("import", "-", "--store", migrated_url, "--rejects", str(rejects), stdin=rows)
    assert result.exit_code == 0
    assert "-:2: rejected: source: is required; title: is required" in result.stderr
    assert result.stdout == "2 inserted, 0 updated, 0 unchanged, 2 rejected\n"
    kept = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert {each["line"] for each in kept} == {2, 3}
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


def test_import_of_an_empty_list_is_no_failure(migrated_url: str) -> None:
    assert answer("import", "-", "--store", migrated_url, stdin="[]")["inserted"] == 0


def test_import_reads_bytes_that_are_no_text_as_a_broken_row(
    tmp_path: Path, migrated_url: str
) -> None:
    rows = lines(posting(1)).encode() + b'{"source": "\xff\xfe"}\n'
    rejects = tmp_path / "rejects.jsonl"
    result = run("import", "-", "--store", migrated_url, "--rejects", str(rejects), stdin=rows)
    assert "1 inserted, 0 updated, 0 unchanged, 1 rejected" in result.stdout
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
    counts = answer("import", file, "--format", "linkedin", "--store", store_url)
    assert counts == {"inserted": 1000, "updated": 0, "unchanged": 0, "rejected": 0}
    again = answer("import", file, "--store", store_url)
    assert again == {"inserted": 0, "updated": 0, "unchanged": 1000, "rejected": 0}
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
