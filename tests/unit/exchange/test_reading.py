"""Inputs: what is packed, cut short, no text or not there."""

from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import BrokenFile, open_records
from jobstore.exchange.reading import MAX_RECORD, read_line
from tests.unit.exchange.conftest import Read

LINE = '{"source": "b", "source_job_id": "1", "title": "T", "company": "Ü"}\n'


def test_gzip_is_told_by_its_content_not_by_its_name(read: Read) -> None:
    packed = gzip.compress(LINE.encode())
    assert [record.posting for record in read(packed)] == [record.posting for record in read(LINE)]


def test_gzip_of_several_members_is_read_to_the_end(read: Read) -> None:
    assert len(read(gzip.compress(LINE.encode()) + gzip.compress(LINE.encode()))) == 2


def test_a_byte_order_mark_is_no_part_of_the_text(read: Read) -> None:
    for content in (
        b"\xef\xbb\xbf" + LINE.encode(),
        gzip.compress(b"\xef\xbb\xbf" + LINE.encode()),
    ):
        (record,) = read(content)
        assert record.posting is not None
        assert record.posting["company"] == "Ü"


def test_gzip_that_is_cut_short_gives_no_row_at_all(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(gzip.compress(os.urandom(0) + LINE.encode() * 5000)[:-200])
    with pytest.raises(BrokenFile, match="cut short"):
        open_records(path, "jsonl")


def test_gzip_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    packed = bytearray(gzip.compress(LINE.encode() * 100))
    packed[-6] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(BrokenFile, match="is damaged"):
        open_records(path, "jsonl")
    path.write_bytes(gzip.compress(LINE.encode()) + b"rubbish")
    with pytest.raises(BrokenFile, match="is damaged"):
        open_records(path, "jsonl")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04" + bytes(50), "a zip that is damaged or cut short"),
        (b"PAR1 and more", "a Parquet file that cannot be read"),
        (b"SQLite format 3\0" + bytes(50), "SQLite"),
        (b"%PDF-1.7", "PDF"),
        (b"BZh91AY", "cut short"),
        (b"\xfd7zXZ\0", "cut short"),
        (b"(\xb5/\xfd1", "cut short"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "old Excel workbook"),
        (b"x" * 257 + b"ustar" + bytes(9), "tar archive"),
        (bytes(range(256)) * 4, "no text"),
    ],
)
def test_what_is_no_text_is_named(read: Read, content: bytes, told: str) -> None:
    with pytest.raises(BrokenFile, match=told):
        read(content)
    with pytest.raises(BrokenFile, match=told):
        read(gzip.compress(content), "csv")


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match="There is no file"):
        open_records(tmp_path / "absent.csv")
    with pytest.raises(BrokenFile, match="is a folder"):
        open_records(tmp_path)
    with pytest.raises(BrokenFile, match="cannot be read"):
        open_records("nul\0name")


def test_a_failing_disk_is_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(Path, "open", lambda *_: Failing())
    with pytest.raises(BrokenFile, match="Input/output error"):
        open_records(tmp_path / "file")


def test_standard_input_is_read_as_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (LINE.encode() * 3, gzip.compress(LINE.encode() * 3)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert [record.line for record in open_records("-")] == [1, 2, 3]


def test_rows_before_the_fault_of_a_pipe_are_given(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rows = ",".join('{"id": 1, "company_slug": "a", "title": "T"}' for _ in range(5))
    thread = threading.Thread(target=pipe.write_text, args=(f"[{rows}, {{",))
    thread.start()
    records = open_records(pipe, "ats")
    assert [next(records).line for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(BrokenFile, match="from item 6"):
        next(records)
    thread.join()


def test_an_empty_file_is_refused_where_its_format_is_not_named(read: Read) -> None:
    for content in (b"", b" \n\n", gzip.compress(b""), b"\xef\xbb\xbf"):
        with pytest.raises(BrokenFile, match="is empty"):
            read(content)
    assert read(b"", "jsonl") == []
    assert read(b"\n \n", "jsonl") == []
    with pytest.raises(BrokenFile, match="begins with the names of its columns"):
        read(b"", "csv")


def test_a_line_without_end_is_not_kept_in_memory() -> None:
    content: Any = io.BytesIO(b"x" * (MAX_RECORD + 5) + b"\nnext\n")
    stream: Any = io.BufferedReader(content)
    line, too_long = read_line(stream)
    assert too_long
    assert len(line) < MAX_RECORD
    assert read_line(stream) == (b"next\n", False)
    assert read_line(stream) == (b"", False)
