"""Files that people have, as they are: what is read of them, cell by cell. They are no part of the
repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange.documents import json_rows
from jobstore.exchange.reading import Source, open_input
from jobstore.exchange.tables import table

PLAIN = {
    "Position": "Engineer 1",
    "Employer": "Acme",
    "City": "Köln",
    "Text": "hello",
    "Link": "https://x.example/1",
    "Date": "2026-05-01",
}
REGION = {("City, Region" if name == "City" else name): cell for name, cell in PLAIN.items()}


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter", "rows"),
    [
        ("csv_excel_sep_line.csv", "utf-8", ";", [PLAIN]),
        ("csv_pipe.csv", "utf-8", "|", [PLAIN]),
        ("csv_semicolon_header_with_comma.csv", "utf-8", ";", [REGION]),
        ("csv_utf16_bom.csv", "utf-16", ",", [PLAIN]),
        (
            "csv_salary_45.000_is_45.csv",
            "utf-8",
            ";",
            [
                {
                    "Titel": "Entwickler",
                    "Firma": "Acme",
                    "Min": "45.000",
                    "Max": "55.000",
                    "Link": "https://x.example/1",
                }
            ],
        ),
    ],
)
def test_tables(
    real_data: Path, name: str, encoding: str, delimiter: str, rows: list[dict[str, Any]]
) -> None:
    with open_input(real_data / "field_cases" / name) as stream:
        found = table(stream, name)
        assert [(row.value, row.fault) for row in found.rows] == [(row, None) for row in rows]
        assert found.delimiter == delimiter
        assert isinstance(stream, Source)
        assert stream.encoding == encoding


@pytest.mark.parametrize(
    "name",
    [
        "csv_country_names.csv",
        "csv_same_indeed_job_three_hosts.csv",
        "csv_same_linkedin_job_two_hosts.csv",
        "salary_texts.csv",
        "csv_employment_workplace_level_words.csv",
        "salary_text_misread.csv",
        "jobspy_markdown_escapes.csv",
    ],
)
def test_every_row_of_a_table_is_read(real_data: Path, name: str) -> None:
    path = real_data / "field_cases" / name
    with open_input(path) as stream:
        rows = list(table(stream, name).rows)
    assert [row.fault for row in rows] == [None] * (len(path.read_text().splitlines()) - 1)


def test_lines_with_nan_state_nothing(real_data: Path) -> None:
    with open_input(real_data / "field_cases" / "jsonl_nan.jsonl") as stream:
        one, two = (row.value for row in json_rows(stream, "lines"))
    assert one == {
        "source": "b",
        "source_job_id": "1",
        "title": "A",
        "company": "X",
        "salary_min": None,
        "location": None,
        "posted_at": None,
    }
    assert (two["source_job_id"], two["salary_min"]) == ("2", None)


@pytest.mark.parametrize(
    ("name", "items", "rows", "first"),
    [
        ("greenhouse_board.json", "jobs", 2, "absolute_url"),
        ("lever_postings.json", None, 2, "hostedUrl"),
        ("ashby_board.json", "jobs", 3, "jobUrl"),
        ("arbeitnow.json", "data", 5, "slug"),
    ],
)
def test_lists_of_interfaces_are_streamed_from_their_envelopes(
    real_data: Path, name: str, items: str | None, rows: int, first: str
) -> None:
    with open_input(real_data / "apis" / name) as stream:
        found = list(json_rows(stream, name, items=items))
    assert [(row.line, row.fault) for row in found] == [(n, None) for n in range(1, rows + 1)]
    assert all(first in row.value for row in found)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("adzuna.csv.gz", 1241),
        ("jsearch.csv", 512),
        ("jobspy_none.csv", 20),
        ("tracker_active.csv.gz", 347),
        ("remoteok.csv.gz", 99),
    ],
)
def test_tables_of_scrapers(real_data: Path, name: str, rows: int) -> None:
    with open_input(real_data / "tables" / name) as stream:
        found = [row.fault for row in table(stream, name).rows]
    assert found == [None] * rows
