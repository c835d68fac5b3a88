"""Rows of CSV files, and what a broken one costs."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from typing import Any, cast

import pytest

from jobstore.exchange import BrokenFile, Record, tables
from jobstore.exchange.rows import Row
from jobstore.exchange.tables import csv_rows
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read

HEADER = "source,source_job_id,title,company\n"


def titles(records: list[Record]) -> list[str | None]:
    return [None if record.posting is None else record.posting["title"] for record in records]


def test_a_row_has_the_line_on_which_it_begins(read: Read) -> None:
    records = read(HEADER + 'b,1,"two\nlines",c\n\nb,2,next,c\r\nb,3,last,c')
    assert [
        (record.line, title) for record, title in zip(records, titles(records), strict=True)
    ] == [
        (2, "two\nlines"),
        (5, "next"),
        (6, "last"),
    ]
    assert records[0].raw == 'b,1,"two\nlines",c\n'


def test_blank_cells_are_not_stated(read: Read) -> None:
    (record,) = read(HEADER + "b,1,,c\n")
    assert record.posting == {"source": "b", "source_job_id": "1", "company": "c"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_told_by_the_header(read: Read, delimiter: str) -> None:
    (record,) = read((HEADER + "b,1,t,c\n").replace(",", delimiter))
    assert record.posting == {"source": "b", "source_job_id": "1", "title": "t", "company": "c"}


def test_a_row_with_too_many_cells_is_a_fault_and_with_too_few_has_empty_ones(read: Read) -> None:
    """As spreadsheets leave out what is empty at the end, or write empty cells beyond the last."""
    records = read(HEADER + "b,1,t,c,more\nb,2,few\nb,3,good,c\nb,4,more,c,, ,\n,,,\n,\nb,5\n")
    assert [record.fault for record in records] == [
        "has 5 cells where the header has 4",
        None,
        None,
        None,
        None,
    ]
    assert titles(records[:4]) == [None, "few", "good", "more"]
    assert records[4].posting == {"source": "b", "source_job_id": "5"}
    assert [record.line for record in records] == [2, 3, 4, 5, 8]


@pytest.mark.parametrize("last", ["b,2,cut", "lone\n", "a text that goes on\nb,2,t,c\n"])
def test_a_row_that_was_cut_or_is_a_part_of_a_text_is_a_fault(read: Read, last: str) -> None:
    records = read(HEADER + "b,1,t,c\n" + last)
    assert [record.fault is None for record in records][:2] == [True, False]
    assert "where the header has 4" in (records[1].fault or "")


def test_a_lost_quote_costs_one_row(read: Read) -> None:
    rows = "".join(f"b,{number},title,c\n" for number in range(3, 2000))
    records = read(HEADER + "b,1,first,c\n" + 'b,2,"never closed,c\n' + rows)
    assert len(records) == 1999
    assert [record.line for record in records if record.fault] == [3]
    assert "no valid CSV" in (records[1].fault or "")
    assert records[1].raw == 'b,2,"never closed,c\n'
    assert records[2].line == 4


def test_text_after_a_quote_is_a_fault_and_not_a_guess(read: Read) -> None:
    records = read(HEADER + 'b,1,"a "b" c",c\nb,2,good,c\n')
    assert [record.fault is None for record in records] == [False, True]


def test_bytes_that_are_not_utf_8_are_a_fault_of_their_row(read: Read) -> None:
    records = read(HEADER.encode() + b"b,1,caf\xff,c\nb,2,good,c\n")
    assert records[0].fault == "byte 8 of the row is not UTF-8 (0xff)"
    assert records[0].raw is not None
    assert records[0].raw.encode("utf-8", "surrogateescape") == b"b,1,caf\xff,c\n"
    assert titles(records) == [None, "good"]


def test_nul_bytes_reach_intake_and_stop_nothing(read: Read) -> None:
    rows = "".join(f"b,{number},good,c\n" for number in range(2, 30))
    records = read(HEADER + "b,1,a\0b,c\n" + rows)
    assert titles(records)[:2] == ["a\0b", "good"]
    assert len(records) == 29


def test_a_row_beyond_the_limit_is_a_fault(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_RECORD", 5000)
    monkeypatch.setattr("jobstore.exchange.reading.MAX_RECORD", 5000)
    rows = "".join(f"b,{number},fine,c\n" for number in range(1000))
    long_row = f"b,1,{'x' * 6000},c\n"
    many_lines = 'b,1,"' + "y\n" * 3000 + '",c\n'
    records = read(HEADER + long_row + "b,2,good,c\n" + many_lines + 'b,3,"open\n' + rows)
    assert (records[0].line, records[0].posting) == (2, None)
    assert "longer than 5,000" in (records[0].fault or "")
    assert titles(records)[1] == "good"
    assert len(records[0].raw or "") <= 6000
    assert titles(records)[-1000:] == ["fine"] * 1000


def test_the_limit_of_the_csv_module_stays_as_it_was(read: Read) -> None:
    before = csv.field_size_limit()
    (record,) = read(HEADER + f"b,1,{'x' * (before + 1)},c\n")
    assert len((record.posting or {})["title"]) == before + 1
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b'source,"title\n', "header is no CSV"),
        (b"source,titl\xff\n", "not UTF-8"),
        (b"\n\n", "is empty"),
    ],
)
def test_a_header_that_cannot_be_used_breaks_the_file(read: Read, header: bytes, told: str) -> None:
    with pytest.raises(BrokenFile, match=told):
        read(header, "csv")


@pytest.mark.parametrize("content", ["x" * 5000, "x" * 5000 + "\nb,1,t,c\n"])
@pytest.mark.parametrize("format", ["csv", "linkedin"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_beyond_the_limit_breaks_the_file(
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    format: str,
    pack: Callable[[bytes], bytes],
) -> None:
    monkeypatch.setattr(tables, "MAX_RECORD", 1000)
    monkeypatch.setattr("jobstore.exchange.reading.MAX_RECORD", 1000)
    with pytest.raises(BrokenFile, match="the header is no CSV .longer than 1,000 bytes"):
        read(pack(content.encode()), format)


def test_blank_lines_before_the_header_are_not_part_of_it(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_RECORD", 1000)
    (record,) = read("\n" * 2000 + HEADER + "b,1,t,c\n", "csv")
    assert (record.line, titles([record])) == (2002, ["t"])


def table_of(content: str | bytes, **options: Any) -> tuple[list[str], list[Row]]:
    data = content.encode() if isinstance(content, str) else content
    header, rows = csv_rows(io.BufferedReader(cast(Any, io.BytesIO(data))), "the file", **options)
    return header, list(rows)


def cells_of(content: str | bytes, **options: Any) -> list[Any]:
    return [row.fault or row.value for row in table_of(content, **options)[1]]


ROW = {"Position": "Engineer", "City, Region": "Köln", "Pay": "1"}


@each_case(
    "content",
    [
        "Position;City, Region;Pay\nEngineer;Köln;1\n",
        "Position|City, Region|Pay\nEngineer|Köln|1\n",
        "Position\tCity, Region\tPay\nEngineer\tKöln\t1\n",
        'Position,"City, Region",Pay\nEngineer,Köln,1\n',
        "Position;City, Region;Pay\r\nEngineer;Köln;1\r\n",
        "Position;City, Region;Pay\rEngineer;Köln;1\r",
        "Position;City, Region;Pay\n\n\nEngineer;Köln;1\n;;\n\n",
        'Position;"City,\nRegion";Pay\nEngineer;Köln;1\n',
        "Position;City, Region;Pay;\nEngineer;Köln;1;\n",
        "Position;City, Region;Pay;;\nEngineer;Köln;1\n",
        "sep=;\nPosition;City, Region;Pay\nEngineer;Köln;1\n",
        '"sep=|"\r\nPosition|City, Region|Pay\r\nEngineer|Köln|1\r\n',
        "SEP=^\nPosition^City, Region^Pay\nEngineer^Köln^1\n",
        "Our jobs\nPosition;City, Region;Pay\nEngineer;Köln;1\n",
        "Our jobs, 2026\n\nPosition;City, Region;Pay\nEngineer;Köln;1\n",
        "Our jobs;;\n;;\nPosition;City, Region;Pay\nEngineer;Köln;1\n",
        "# made by; a program\n# today\nPosition;City, Region;Pay\nEngineer;Köln;1\n",
        "  Position ; City, Region;Pay\nEngineer;Köln;1\n",
    ],
)
def test_a_table_is_read_however_it_is_written(content: str) -> None:
    (row,) = cells_of(content)
    assert row == ROW


def test_a_delimiter_that_is_named_decides() -> None:
    assert cells_of("a;b,c;d\n1;2,3;4\n", delimiter=",") == [{"a;b": "1;2", "c;d": "3;4"}]
    assert cells_of("a~b\n1~2\n", delimiter="~") == [{"a": "1", "b": "2"}]
    assert cells_of("sep=;\na,b\n1,2\n", delimiter=",") == [{"a": "1", "b": "2"}]
    for wrong in ("", "ab", '"', "\n", "\r"):
        with pytest.raises(ValueError, match="no delimiter"):
            table_of("a,b\n", delimiter=wrong)


@each_case(
    ("content", "delimiter"),
    [
        ("a,b|c,d\n1,x|y,3\n", ","),
        ("a|b,c|d\n1|x,y|3\n", "|"),
        ("a;b;c\n1,5;2,5;3,5\n", ";"),
        ('a,b,c\n"1;2;3","1;2;3",x\n', ","),
        ("a,b,c\nx;y,z;w,1\n", ","),
        ("a\tb\nx, y, z\tw\n", "\t"),
        ("a,b,c\n", ","),
        ("a;b\n", ";"),
        ("title\nEngineer\n", ","),
        ('a;b\n"x\n;\n;,";2\n', ";"),
        ("a,b,c\n1,2\n1\n1,2,3,4\n1,2,3\n", ","),
    ],
)
def test_the_delimiter_is_the_one_by_which_rows_fit(content: str, delimiter: str) -> None:
    stream = io.BufferedReader(cast(Any, io.BytesIO(content.encode())))
    assert tables.table(stream, "x").delimiter == delimiter


def test_columns_get_names_that_differ() -> None:
    content = ',name,name,,name_2,"a\n b",name,\n0,1,2,3,4,5,6,7\n'
    header, (row,) = table_of(content)
    assert header == ["", "name", "name_2", "column_4", "name_2_2", "a b", "name_3", "column_8"]
    assert row.value == dict(zip(header, "01234567", strict=True))


@each_case(
    "content",
    [
        "title,company\nEngineer,Acme\n",
        "# id,title,company\n1,Engineer,Acme\n2,Nurse,Acme\n",
        "title\nEngineer\nNurse\n",
        "title,\nEngineer,\n",
        "#,title\n1,Engineer\n",
        "title\n\nEngineer,Berlin\n",
    ],
)
def test_what_may_be_a_header_is_no_title(content: str) -> None:
    assert table_of(content)[0][0] == content.partition("\n")[0].split(",")[0]


def test_quotes_inside_of_cells_that_have_none_are_text() -> None:
    assert cells_of('a,b\n5" pipe,x "y" z\n') == [{"a": '5" pipe', "b": 'x "y" z'}]


def test_cells_that_hold_the_delimiter_are_a_fault() -> None:
    assert cells_of("a,b\n1,Berlin, Mitte\n2,x\n") == [
        "has 3 cells where the header has 2",
        {"a": "2", "b": "x"},
    ]


def test_rows_that_are_objects_are_a_table_of_texts() -> None:
    content = '{"a": 1, "b": null, "c": ["x", "é"]}\n{"a": "t", "b": 2.5, "c": true}\n'
    assert table_of(content)[0] == ["a", "b", "c"]
    assert cells_of(content) == [
        {"a": "1", "c": '["x", "é"]'},
        {"a": "t", "b": "2.5", "c": "true"},
    ]


def test_a_table_has_not_more_columns_than_memory_holds() -> None:
    names = ",".join(f"c{number}" for number in range(10_000))
    header, (row,) = table_of(f"{names}\n{'x,' * 9_999}x\n")
    assert (len(header), len(row.value)) == (10_000, 10_000)
    with pytest.raises(BrokenFile, match="more than 100,000 columns"):
        table_of("," * 100_001)
    with pytest.raises(BrokenFile, match="more than 1,000,000 cells"):
        table_of("," * 3_000_000)
    (fault,) = cells_of("a,b\n" + "," * 3_000_000 + "x\n")
    assert fault == "is no valid CSV: more than 1,000,000 cells"
