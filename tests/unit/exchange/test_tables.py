"""Rows of CSV files, and what a broken one costs."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable

import pytest

from jobstore.exchange import BrokenFile, Record, tables
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


def test_a_row_with_too_many_or_too_few_cells_is_a_fault(read: Read) -> None:
    records = read(HEADER + "b,1,t,c,more\nb,2,t\nb,3,good,c\n")
    assert [record.fault for record in records] == [
        "has 5 cells where the header has 4",
        "has 3 cells where the header has 4",
        None,
    ]
    assert [record.line for record in records] == [2, 3, 4]


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
        (b"source,title,title\n", "'title' twice"),
        (b'source,"title\n', "header is no CSV"),
        (b"source,titl\xff\n", "not UTF-8"),
        (b"\n\n", "is empty"),
        (b"source\rtitle\r", "header is no CSV"),
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
