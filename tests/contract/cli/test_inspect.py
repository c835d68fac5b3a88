"""``jobstore inspect``: what it says of files, and that what it says is what import does."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shlex
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest
from rich.cells import cell_len
from rich.console import Console

from jobstore.cli.inspection_view import inspection_view
from jobstore.exchange.inspection import inspect
from tests.contract.cli.commands import answer, lines, posting, run, said, shown

TABLE = """Ref;Job Title;Employer;Town;Nonsense
1;Baker;Pão;Porto;x
2;Cook;Panela;Braga;
3;Miller;Mó;;
4;;Nobody;Faro;y
"""
ODD = """Nr;Was;Wer;Beschreibung;Wohin
1;Bäcker;Brotzeit;"{long}";https://jobs.example/1
2;Köchin;Kantine;"{long}";https://jobs.example/2
""".format(long="Wir backen täglich frisch. " * 20)


# For files that name none.
SOURCE = ("--source", "board")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write to, in a folder where no store is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "jobs.txt"


def columns(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each.pop("name"): each for each in found["columns"]}


def test_a_table_is_told_with_its_columns_and_what_they_become(file: Path) -> None:
    file.write_text(TABLE, encoding="utf-8")
    found = answer("inspect", str(file), *SOURCE)
    assert (found["kind"], found["delimiter"], found["encoding"]) == ("table", ";", "utf-8")
    assert (found["rows"], found["exact"], found["looked_at"]) == (4, True, 4)
    told = columns(found)
    assert list(told) == ["Ref", "Job Title", "Employer", "Town", "Nonsense"]
    assert told["Job Title"]["fields"] == ["title"]
    assert told["Employer"]["fields"] == ["company"]
    assert (told["Town"]["filled"], told["Nonsense"]["filled"]) == (0.75, 0.5)
    assert told["Town"]["examples"] == ["Porto", "Braga", "Faro"]
    assert told["Nonsense"]["fields"] == []
    first = found["postings"][0]
    assert (first["title"], first["company"]) == ("Baker", "Pão")
    assert first["attributes"]["Nonsense"] == "x"
    assert (found["checked"], found["rejected"]) == (4, 1)
    (fault,) = [each for each in found["faults"] if each["kind"] == "rejected"]
    assert (fault["line"], fault["field"]) == (5, "title")
    assert found["command"].startswith("jobstore import ")


def test_people_see_the_same(file: Path) -> None:
    file.write_text(TABLE, encoding="utf-8")
    told = shown(run("inspect", str(file), *SOURCE))
    for part in (
        "delimiter semicolon",
        "rows 4",
        "Job Title 75% title Baker | Cook",
        "Nonsense 50% (attributes) x | y",
        "Posting 1 as it would be stored",
        "Of 4 rows, 1 would be rejected, 0 values left out.",
        f"jobstore import {file} --source board",
    ):
        assert part in told


def test_what_would_be_left_out_is_told_with_its_reason(file: Path) -> None:
    rows = [posting(n, posted_at="once upon a time", url="nowhere") for n in range(4)]
    file.write_text(lines(*rows), encoding="utf-8")
    found = answer("inspect", str(file))
    assert found["format"] == "jsonl"
    assert found["left_out"] == {"posted_at": 4, "url": 4}
    # Each reason once.
    assert sorted(each["field"] for each in found["faults"]) == ["posted_at", "url"]
    assert found["postings"][0]["posted_at"] is None
    assert found["postings"][0]["attributes"]["posted_at"] == "once upon a time"


def test_the_list_in_an_envelope_is_found_and_its_keys_are_told(file: Path) -> None:
    jobs = [
        {
            "title": "Baker",
            "company": {"name": "Pão"},
            "place": {"city": "Porto", "more": {"x": 1}},
        },
        {"title": "Cook", "company": {"name": "Panela"}, "extras": ["a", "b"]},
    ]
    file.write_text(json.dumps({"meta": {"count": 2}, "data": {"jobs": jobs}}), encoding="utf-8")
    found = answer("inspect", str(file), "--map", "title=title,company=company.name", *SOURCE)
    assert (found["kind"], found["items"], found["rows"]) == ("json", "data.jobs", 2)
    told = columns(found)
    assert told["company.name"]["fields"] == ["company"]
    assert told["place.city"]["examples"] == ["Porto"]
    assert told["extras"] == {
        "filled": 0.5, "longest": 10, "examples": ['["a", "b"]'], "fields": []
    }  # fmt: skip
    assert [each["company"] for each in found["postings"]] == ["Pão", "Panela"]


def test_a_short_posting_breaks_no_title(file: Path) -> None:
    file.write_text("title,company\nCook,A\n", encoding="utf-8")
    told = run("inspect", str(file), *SOURCE, "--set", "source_job_id=1").stdout.splitlines()
    assert "Posting 1 as it would be stored" in told
    assert "Columns of 1 row" in told


def test_what_states_nothing_is_not_filled(file: Path) -> None:
    file.write_text("title,company,pay,country\nCook,-1,N/A,NA\nBaker,A,-1,\n", encoding="utf-8")
    filled = {name: each["filled"] for name, each in columns(answer("inspect", str(file))).items()}
    assert filled == {"title": 1, "company": 0.5, "pay": 0, "country": 0.5}


def test_a_key_that_no_row_has_is_told(file: Path) -> None:
    file.write_text('[{"a": "Cook", "b": {"c": "A", "d": {"e": {"f": 1}}}}]', encoding="utf-8")
    mapped = "title=a,company=b.cc,skills=b.d.e.f"
    told = columns(answer("inspect", str(file), "--map", mapped, *SOURCE))
    assert (told["b.cc"]["filled"], told["b.cc"]["fields"]) == (0, ["company"])
    assert {each for each in told if told[each]["filled"] == 0} == {"b.cc"}


def test_people_see_places_as_texts(file: Path) -> None:
    file.write_text(lines(posting(1, locations=["Oslo", "Bergen"])), encoding="utf-8")
    assert "locations Oslo; Bergen" in shown(run("inspect", str(file)))


def test_an_unknown_table_gets_a_command_to_complete(file: Path) -> None:
    file.write_text(ODD, encoding="utf-8")
    result = run("inspect", str(file), "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["format"], found["postings"]) == (None, [])
    assert found["fault"]
    words = shlex.split(found["command"])
    assert words[:3] == ["jobstore", "import", str(file)]
    assert words[-1] == "title=?,company=?,description=Beschreibung,url=Wohin"
    completed = words[-1].replace("title=?", "title=Was").replace("company=?", "company=Wer")
    store = f"sqlite:///{file.parent}/jobs.db"
    assert answer(*words[1:-1], completed, "--store", store)["inserted"] == 2
    told = run("inspect", str(file)).stdout
    assert "format     not known" in told
    assert "jobstore import" in told.splitlines()[-1]


def test_a_source_that_is_missing_is_in_the_command(file: Path) -> None:
    file.write_text(TABLE, encoding="utf-8")
    found = answer("inspect", str(file))
    assert (found["rejected"], found["faults"][0]["field"]) == (4, "source")
    assert shlex.split(found["command"])[-2:] == ["--source", "?"]


def test_what_import_does_not_know_names_inspect(file: Path) -> None:
    file.write_text(ODD, encoding="utf-8")
    result = run("import", str(file), "--store", f"sqlite:///{file.parent}/jobs.db")
    assert result.exit_code == 1
    assert f"jobstore inspect {file}" in said(result)


def test_the_options_of_import_are_tried_and_typed_again(file: Path) -> None:
    file.write_text(ODD, encoding="utf-8")
    options = ("--map", "title=Was,company=Wer", "--set", "country=DE", "--source", "my board")
    found = answer("inspect", str(file), *options)
    assert [each["title"] for each in found["postings"]] == ["Bäcker", "Köchin"]
    assert {each["country"] for each in found["postings"]} == {"DE"}
    words = shlex.split(found["command"])
    assert words == ["jobstore", "import", str(file), *options]
    store = f"sqlite:///{file.parent}/jobs.db"
    assert answer(*words[1:], "--store", store)["inserted"] == 2
    assert answer("count", "--source", "my board", "--store", store) == {"count": 2}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--map", "nonsense"),
        ("--map", "titel=Was"),
        ("--set", "land=DE"),
        ("--mapping", "nowhere.toml"),
        ("--format", "xml"),
        ("--encoding", "nonsense"),
        ("--delimiter", "ab"),
    ],
)
def test_options_that_mean_nothing_are_wrong_usage(file: Path, option: str, value: str) -> None:
    file.write_text(TABLE, encoding="utf-8")
    for command in ("inspect", "import"):
        result = run(command, str(file), option, value)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert list(file.parent.glob("*.db")) == []


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("cp1252", "cp1252")],
)
def test_the_encoding_is_told(file: Path, encoding: str, told: str) -> None:
    text = "title\tcompany\tlocation\n" + "Bäcker für Öfen\tBrötchen & Söhne\tKöln\n" * 50
    file.write_text(text, encoding=encoding)
    found = answer("inspect", str(file), *SOURCE)
    assert found["encoding"].replace("_", "-").startswith(told)
    assert (found["delimiter"], found["rows"]) == ("\t", 50)
    assert found["postings"][0]["company"] == "Brötchen & Söhne"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"  \n\n ", "is empty"),
        (bytes(range(256)) * 50, "no text"),
        (os.urandom(5000), ""),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), ""),
        (gzip.compress(b"title,company\nBaker,Bread\n")[:-6], ""),
        (b"<html><body>Nothing</body></html>", "JobPosting"),
        (b"42", "no rows"),
        (b"[1, 2, 3]", "no rows"),
        (b"title of one line", "no rows"),
    ],
    ids=[
        *("empty", "blank", "binary", "random", "pdf", "png", "cut", "page"),
        *("number", "numbers", "line"),
    ],
)
def test_rubbish_gives_one_clear_line(file: Path, data: bytes, says: str) -> None:
    file.write_bytes(data)
    for options in ((), ("--json",)):
        result = run("inspect", str(file), *options)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        assert str(file) in result.stderr
        assert says in result.stderr


@pytest.mark.parametrize(
    "text", ["[]", '{"jobs": []}', "title,company,url\n", "source,source_job_id,title\n"]
)
def test_an_empty_list_is_no_rubbish(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    found = answer("inspect", str(file))
    assert (found["rows"], found["exact"], found["rejected"]) == (0, True, 0)
    assert found["format"]


def test_what_is_no_file_gives_one_clear_line(file: Path) -> None:
    pipe = file.parent / "pipe"
    os.mkfifo(pipe)
    for name, says in (
        (str(file.parent), "is a folder"),
        (str(file), "There is no file"),
        (str(pipe), "can be read only once"),
        ("-", "can be read only once"),
    ):
        result = run("inspect", name)
        assert (result.exit_code, result.stdout) == (1, "")
        assert says in result.stderr
        assert result.stderr.count("\n") == 1


def _rows(number: int) -> list[list[str]]:
    return [[str(n), f"Baker {n}", "Bread", "Very long, so long. " * 20] for n in range(number)]


def _csv(number: int) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([["id", "title", "company", "description"], *_rows(number)])
    return text.getvalue()


def _json(number: int) -> str:
    names = ("id", "title", "company", "description")
    return json.dumps([dict(zip(names, row, strict=True)) for row in _rows(number)])


LARGE = {
    "csv": _csv,
    "json array": _json,
    "json in an envelope": lambda number: f'{{"jobs": {_json(number)}}}',
    "json lines": lambda number: _json(number)[1:-1].replace("}, {", "}\n{") + "\n",
}


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("packed", [False, True])
def test_of_a_large_file_the_rows_are_estimated(file: Path, kind: str, packed: bool) -> None:
    data = LARGE[kind](24_000).encode()
    file.write_bytes(gzip.compress(data, 1) if packed else data)
    found = answer("inspect", str(file), *SOURCE)
    assert found["exact"] is False
    assert 22_500 <= found["rows"] <= 25_500
    assert 5000 < found["looked_at"] < 24_000
    # What the end of the beginning cuts is no fault of the file.
    assert (found["rejected"], found["left_out"], found["faults"]) == (0, {}, [])
    assert len(found["postings"]) == 3
    if kind == "csv":
        assert f"rows about {found['rows']:,}" in shown(run("inspect", str(file), *SOURCE))


def test_of_a_small_file_they_are_counted(file: Path) -> None:
    for make in LARGE.values():
        file.write_text(make(1234), encoding="utf-8")
        found = answer("inspect", str(file), *SOURCE)
        assert (found["rows"], found["exact"]) == (1234, True)


def test_a_page_is_told_by_its_postings(file: Path) -> None:
    document = {
        "@type": "JobPosting", "title": "Baker", "url": "https://bread.example/1",
        "hiringOrganization": {"@type": "Organization", "name": "Bread"},
    }  # fmt: skip
    script = f'<script type="application/ld+json">{json.dumps(document)}</script>'
    file.write_text(f"<html>{script * 2}</html>", encoding="utf-8")
    found = answer("inspect", str(file))
    assert (found["format"], found["kind"], found["rows"]) == ("schema-org", "page", 2)
    assert [each["company"] for each in found["postings"]] == ["Bread", "Bread"]


def test_a_workbook_and_a_parquet_file_are_tables(file: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Job Title", "Company", "Nonsense"], ["Baker", "Bread", 1], ["Cook", None, 2]):
        book.active.append(row)
    book.save(file.with_suffix(".xlsx"))
    cells = {"Job Title": ["Baker", "Cook"], "Company": ["Bread", None], "Nonsense": [1, 2]}
    pyarrow.parquet.write_table(pyarrow.table(cells), file.with_suffix(".parquet"))
    for end in ("xlsx", "parquet"):
        found = answer("inspect", str(file.with_suffix(f".{end}")), *SOURCE)
        assert (found["kind"], found["compression"], found["rows"]) == ("table", [end], 2)
        told = columns(found)
        assert told["Job Title"]["fields"] == ["title"]
        assert (told["Company"]["filled"], told["Nonsense"]["examples"]) == (0.5, ["1", "2"])
        assert [each["company"] for each in found["postings"]] == ["Bread", "(not stated)"]
        assert "Columns of 2 rows" in run("inspect", str(file.with_suffix(f".{end}"))).stdout


def test_wide_tables_and_long_values_stay_readable(file: Path) -> None:
    names = ["title", "company", *(f"column {n} {'x' * 200}" for n in range(2000))]
    row = ["Baker", "Bread", *("value " * 40 for _ in range(2000))]
    text = io.StringIO()
    csv.writer(text).writerows([names, row])
    file.write_text(text.getvalue(), encoding="utf-8")
    found = answer("inspect", str(file), *SOURCE)
    assert len(found["columns"]) == 500
    result = run("inspect", str(file), *SOURCE)
    assert "the first of more" in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 300


def test_it_is_readable_on_a_terminal_of_80_columns(file: Path) -> None:
    rows = [
        posting(
            n, **{"a key that is very long, longer than others": "値" * 200, "skills": ["x"] * 90}
        )
        | {"description": "Very long. " * 500, "url": "https://board.example/" + "x" * 500}
        for n in range(3)
    ]
    file.write_text(lines(*rows), encoding="utf-8")
    screen = Console(width=80, file=io.StringIO())
    screen.print(inspection_view(inspect(file), "jobstore import " + "x" * 200), crop=False)
    *others, command = screen.file.getvalue().splitlines()
    # The path, and what is to be copied, stay in one piece.
    assert max(map(cell_len, others[1:])) <= 80
    assert command.endswith("x" * 200)
    assert len(others) < 100


def test_hostile_text_does_not_reach_a_terminal(file: Path) -> None:
    row = posting(1, title="a\x1b[2J\u202eb", attributes={"\x1b]0;x": "\x9b31m"})
    file.write_text(lines(row), encoding="utf-8")
    for options in ((), ("--json",)):
        result = run("inspect", str(file), *options)
        assert result.exit_code == 0
        assert "\x1b" not in result.stdout
        assert "\x9b" not in result.stdout


def test_what_inspect_says_of_real_files_is_what_import_does(
    real_data: Path, tmp_path: Path
) -> None:
    files = [each for name in ("apis", "tables") for each in sorted((real_data / name).iterdir())]
    assert len(files) > 10
    for number, each in enumerate(files):
        found = answer("inspect", str(each))
        assert found["format"], each.name
        words = shlex.split(found["command"])
        done = answer(*words[1:], "--store", f"sqlite:///{tmp_path}/{number}.db")
        rows = done["inserted"] + done["updated"] + done["unchanged"] + done["rejected"]
        assert rows == found["rows"], each.name
        assert [posting["title"] for posting in found["postings"]] != []


def test_places_are_shown_by_their_texts(file: Path) -> None:
    places = [{"text": "Rome", "country": "IT"}, "Berlin"]
    file.write_text(json.dumps([posting(1, locations=places)]), encoding="utf-8")
    told = " ".join(run("inspect", str(file)).stdout.split())
    assert "Rome; Berlin" in told
    assert "Location(" not in told
