"""Packed files: each kind, several members, damage, and what they may cost."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from jobstore.exchange import BrokenFile, open_records
from jobstore.exchange.packing import CHUNK
from jobstore.exchange.reading import Source, open_input
from tests.unit.exchange.conftest import Read

LINE = '{"source": "b", "source_job_id": "1", "title": "T", "company": "Ü"}\n'
HEADER = "source,source_job_id,title,company\n"
Pack = Callable[[bytes], bytes]


def zipped(*members: bytes, names: str = "{}.jsonl", **options: str) -> bytes:
    """A zip of members with names of their own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, member in enumerate(members):
            archive.writestr(names.format(number), member)
        for name, content in options.items():
            archive.writestr(name, content)
    return packed.getvalue()


PACKERS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zip": zipped,
}


def titles(records: list[object]) -> list[object]:
    return [record.posting and record.posting["title"] for record in records]


@pytest.mark.parametrize("how", PACKERS)
def test_each_kind_is_told_by_its_content(tmp_path: Path, how: str) -> None:
    path = tmp_path / "named.txt"
    path.write_bytes(PACKERS[how](LINE.encode() * 3))
    with open_input(path) as stream:
        assert isinstance(stream, Source)
        assert (stream.compression, stream.read()) == ((how,), LINE.encode() * 3)


@pytest.mark.parametrize("how", PACKERS)
@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_several_members_are_read_to_the_end(read: Read, how: str, size: int) -> None:
    parts = [LINE.replace("T", f"T{number}" * size).encode() for number in range(3)]
    pack = PACKERS[how]
    packed = zipped(*parts) if how == "zip" else b"".join(map(pack, parts))
    assert titles([*read(packed)]) == [f"T{number}" * size for number in range(3)]


@pytest.mark.parametrize("how", ["gzip", "zstd", "xz", "bzip2"])
def test_padding_is_no_member(read: Read, how: str) -> None:
    packed = PACKERS[how](LINE.encode())
    assert len(read(packed + bytes(512))) == 1
    assert len(read(packed + bytes(5000) + packed)) == 2 or how == "gzip"


@pytest.mark.parametrize("how", PACKERS)
def test_what_is_cut_short_gives_no_row(tmp_path: Path, how: str) -> None:
    lines = "".join(LINE.replace("T", str(number) * 7) for number in range(3000))
    packed = PACKERS[how](lines.encode())
    path = tmp_path / "cut"
    for end in (len(packed) - 1, len(packed) - 9, len(packed) // 2, 9):
        path.write_bytes(packed[:end])
        with pytest.raises(BrokenFile, match="cut short|damaged"):
            open_records(path, "jsonl")


@pytest.mark.parametrize("how", PACKERS)
def test_what_is_damaged_gives_no_row(tmp_path: Path, how: str) -> None:
    lines = "".join(LINE.replace("T", str(number) * 7) for number in range(3000))
    packed = bytearray(PACKERS[how](lines.encode()))
    packed[len(packed) // 2] ^= 0xFF
    path = tmp_path / "damaged"
    path.write_bytes(packed)
    if how == "zstd":
        return  # its frames have no checksum unless asked for; the rows tell
    with pytest.raises(BrokenFile, match="cut short|damaged"):
        open_records(path, "jsonl")
    path.write_bytes(PACKERS[how](LINE.encode()) + b"rubbish" * 9)
    if how != "zip":  # a zip is found from its end, and may be followed by something
        with pytest.raises(BrokenFile, match="cut short|damaged"):
            open_records(path, "jsonl")


def test_files_may_be_packed_in_each_other_but_not_without_end(read: Read) -> None:
    packed = LINE.encode()
    for how in ("gzip", "zip", "zstd"):
        packed = PACKERS[how](packed)
    assert len(read(packed)) == 1
    for _ in range(5):
        packed = gzip.compress(packed)
    with pytest.raises(BrokenFile, match="packed more than 4 times"):
        read(packed)


def test_tables_in_a_zip_are_one_table(read: Read) -> None:
    tables = [f"{HEADER}b,{number},t{number},c\n".encode() for number in range(3)]
    assert titles([*read(zipped(*tables, names="{}.csv"))]) == ["t0", "t1", "t2"]
    without_end = [table.rstrip() for table in tables]
    assert titles([*read(zipped(*without_end, names="{}.csv"))]) == ["t0", "t1", "t2"]
    marked = [b"\xef\xbb\xbf" + table for table in tables]
    assert titles([*read(zipped(*marked, names="{}.csv"))]) == ["t0", "t1", "t2"]
    with pytest.raises(BrokenFile, match="different columns"):
        read(zipped(tables[0], b"a,b\n1,2\n", names="{}.csv"))


def test_notes_in_a_zip_are_passed_over(read: Read) -> None:
    notes = {"README.md": "About", "__MACOSX/._0.jsonl": "x", ".DS_Store": "y", "folder/": ""}
    assert titles([*read(zipped(LINE.encode(), **notes))]) == ["T"]
    assert titles([*read(zipped(LINE.encode(), names="{}.txt"))]) == ["T"]
    with pytest.raises(BrokenFile, match="a zip without a file"):
        read(zipped(**{"folder/": ""}))


def test_a_zip_that_nobody_can_open_is_refused(read: Read) -> None:
    packed = bytearray(zipped(LINE.encode()))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(mark) + at] |= 1  # encrypted
    with pytest.raises(BrokenFile, match="cannot be unpacked .*encrypted"):
        read(bytes(packed))
    office = zipped(**{"word/document.xml": "<x/>", "[Content_Types].xml": "<x/>"})
    with pytest.raises(BrokenFile, match="a Word document; save the table"):
        read(office)


def test_a_zip_is_read_from_a_pipe_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Pipe(zipped(LINE.encode() * 2))))
    assert len(list(open_records("-"))) == 2


@pytest.mark.parametrize("how", ["zstd", "xz", "bzip2", "zip"])
def test_what_unpacks_to_much_is_unpacked_bit_by_bit(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACKERS[how](b"," * 20_000_000))
    with open_input(path) as stream:
        sizes = [len(stream.read1()) for _ in range(100)]
    assert max(sizes) <= CHUNK
