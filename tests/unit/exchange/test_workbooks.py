"""Excel workbooks and Parquet files: their rows, their types, and what is damaged or too large."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pytest
from pyarrow import parquet

from jobstore.exchange import BrokenFile, open_records, workbooks
from jobstore.exchange.documents import json_rows
from jobstore.exchange.reading import Source, open_input
from jobstore.exchange.tables import csv_rows
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.conftest import posting as of

HEADER = ["source", "source_job_id", "title", "company", "posted_at", "salary_min"]


def workbook(path: Path, *sheets: list[list[Any]]) -> Path:
    """A workbook with sheets of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def rows_of(path: Path) -> list[tuple[int, Any]]:
    with open_input(path) as stream:
        assert isinstance(stream, Source)
        assert stream.table
        return [(row.line, row.value) for row in json_rows(stream, "the file")]


def test_rows_of_a_sheet_are_mappings_with_the_cells_as_they_are_typed(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "jobs.data",
        [
            ["name", "when", "day", "number", "flag", "empty", "name", None],
            ["Ä\n😀", datetime(2026, 5, 1, 8, 30), datetime(2026, 5, 1), 1.5, True, None, "x", "y"],
            [],
            ["B", time(9, 5), timedelta(hours=30), 3, False, "", None, None, "beyond"],
        ],
    )
    columns = ["name", "when", "day", "number", "flag", "empty", "name_2", "column_8"]
    (first, one), (second, two) = rows_of(path)
    assert (first, second) == (2, 4)
    assert one == dict(
        zip(
            columns,
            ["Ä\n😀", "2026-05-01T08:30:00", "2026-05-01", 1.5, True, None, "x", "y"],
            strict=True,
        )
    )
    assert two["column_9"] == "beyond"
    assert (two["name"], two["number"], two["flag"]) == ("B", 3, False)
    assert "empty" not in two


def test_the_first_sheet_with_rows_is_read_and_titles_are_not(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "jobs.xlsx",
        [],
        [["only", "a header"]],
        [["Our jobs"], [], ["title", "company"], ["Cook", "Acme"]],
        [["title"], ["not read"]],
    )
    assert rows_of(path)[-1][1] == {"title": "Cook", "company": "Acme"}
    assert len(rows_of(path)) == 1


def test_a_workbook_is_imported_like_any_file(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a", [HEADER, ["b", 7, "Cook", "Acme", datetime(2026, 5, 1), 40000]])
    (record,) = open_records(path)
    found = of(record)
    assert (found["source"], found["title"], found["posted_at"]) == ("b", "Cook", "2026-05-01")
    assert (found["source_job_id"], found["salary_min"]) == (7, 40000)
    with open_input(path) as stream:
        header, rows = csv_rows(stream, "the file")
        assert header == HEADER
        assert [row.value["salary_min"] for row in rows] == ["40000"]


def table(**columns: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink, row_group_size=2)
    return sink.getvalue()


def test_rows_of_parquet_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "jobs"
    path.write_bytes(
        table(
            title=["Ä😀", "B", None],
            pay=[Decimal("10.50"), Decimal("3.00"), None],
            when=[datetime(2026, 5, 1, 8, tzinfo=UTC), None, None],
            day=[date(2026, 5, 1), None, None],
            skills=[["a", "b"], [], None],
            place=[{"city": "Bonn"}, None, None],
            number=[float("nan"), float("inf"), 2.0],
            raw=[b"\xff", None, None],
        )
    )
    found = rows_of(path)
    assert [line for line, _ in found] == [1, 2, 3]
    assert found[0][1] == {
        "title": "Ä😀",
        "pay": "10.50",
        "when": "2026-05-01T08:00:00+00:00",
        "day": "2026-05-01",
        "skills": ["a", "b"],
        "place": {"city": "Bonn"},
        "number": None,
        "raw": None,
    }
    assert found[1][1] == {"title": "B", "pay": 3, "skills": []}
    assert found[2][1] == {"number": 2.0}


def test_a_time_that_python_does_not_have_costs_its_cell(tmp_path: Path) -> None:
    path = tmp_path / "jobs"
    far = pyarrow.array([2**50, 1_777_622_400], pyarrow.timestamp("ms"))
    near = pyarrow.array([1_777_622_400_000_000_001, None], pyarrow.timestamp("ns"))
    path.write_bytes(table(far=far, near=near))
    (_, first), (_, second) = rows_of(path)
    assert first == {"far": "1125899906842624 (timestamp[ms])", "near": "2026-05-01T08:00:00"}
    assert second == {"far": "1970-01-21T13:47:02.400000"}


def test_a_parquet_file_that_was_cut_or_damaged_is_refused(tmp_path: Path) -> None:
    data = table(title=["a"] * 1000, number=list(range(1000)))
    path = tmp_path / "jobs.parquet"
    for broken in (data[:-1], data[: len(data) // 2], data[:60] + b"\xff" * 40 + data[100:]):
        path.write_bytes(broken)
        with pytest.raises(BrokenFile, match="Parquet file that cannot be read"):
            rows_of(path)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
def test_a_workbook_that_is_damaged_is_refused(tmp_path: Path, part: str) -> None:
    path = workbook(tmp_path / "jobs.xlsx", [HEADER, ["b", 7, "Cook", "Acme"]])
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(packed, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            archive.writestr(name, content[: len(content) // 2] if name == part else content)
    path.write_bytes(packed.getvalue())
    with pytest.raises(BrokenFile, match="workbook that cannot be read"):
        rows_of(path)
    path.write_bytes(packed.getvalue()[:-30])
    with pytest.raises(BrokenFile, match="damaged or cut short"):
        rows_of(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "jobs.xlsx", [HEADER])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * 30_000_000)
    with pytest.raises(BrokenFile, match="too large for a workbook"):
        rows_of(path)


@pytest.mark.parametrize(
    ("module", "content", "told"),
    [
        (
            "pyarrow.parquet",
            None,
            "a Parquet file; to read it, run: pip install 'jobstore.tables.'",
        ),
        ("openpyxl", True, "an Excel workbook; to read it, run: pip install 'jobstore.tables.'"),
    ],
)
def test_without_the_extra_the_command_that_helps_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, content: Any, told: str
) -> None:
    path = tmp_path / "jobs"
    if content:
        workbook(path, [HEADER])
    else:
        path.write_bytes(table(title=["a"]))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BrokenFile, match=told):
        rows_of(path)


def test_a_workbook_comes_from_a_pipe_and_out_of_a_zip_as_well(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "jobs.xlsx", [HEADER, ["b", "7", "Cook", "Acme"]])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, "jobs.xlsx")
    (record,) = read(packed.getvalue())
    assert of(record)["title"] == "Cook"

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Pipe(path.read_bytes())))
    (record,) = open_records("-")
    assert of(record)["title"] == "Cook"


def test_values_that_json_has_not_are_told_as_text() -> None:
    assert workbooks._plain(object) == str(object)
    assert json.loads(workbooks._line(["a"], (Decimal("NaN"),), True)) == {"a": None}
