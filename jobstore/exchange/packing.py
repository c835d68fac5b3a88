"""What files are packed in: gzip, zstd, xz, bzip2 and zip, each unpacked piece by piece.

Memory is bounded whatever a file unpacks to. Faults of packed data are BrokenFile.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, cast

from jobstore.exchange.rows import BrokenFile

CHUNK = 128 * 1024

# Enough bytes to tell packed files and byte order marks.
LONGEST_MARK = 6
_GZIP = b"\x1f\x8b"
_GZIP_END = 4
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PARQUET = b"PAR1"
# Members of a zip that are joined as they are: packed ones, and UTF-16.
_NO_LINES = (_GZIP, *_ZIP, b"BZh", b"\xfd7zXZ\0", b"(\xb5/\xfd", b"\xff\xfe", b"\xfe\xff")
_OTHER_THAN_TABLES = (b"", b"{", b"[", b"<")
# The most memory that unpacking may ask for: 27 is what ``zstd`` takes without --long.
_MOST_MEMORY = 2**27
# 1 KiB of zstd unpacks to 32 MiB at most.
_PIECE = 1024
_LONGEST_HEADER = 16 * 1024 * 1024

# Members of a zip that are taken, if there are such; the rest are notes about them.
_DATA = (
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".html", ".htm", ".xml"),
    *(".xlsx", ".parquet", ".gz", ".zst", ".xz", ".bz2"),
)


class Reads(Protocol):
    """What bytes are read from; ``read1`` gives what is there, ``b""`` at the end."""

    def read1(self, size: int = -1, /) -> bytes: ...


class _Unpacks(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def read_some(stream: Reads, size: int, name: str) -> bytes:
    """Read what is there, at most ``size`` bytes; ``b""`` at the end. Raises BrokenFile."""
    try:
        # read1 does not wait until a pipe has filled the whole buffer.
        return stream.read1(size)
    except EOFError:
        raise BrokenFile(
            f"{name} is cut short: its packed data ends too early. Get it again."
        ) from None
    except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise BrokenFile(f"{name} is damaged ({error}). Get it again.") from None
    except OSError as error:
        raise BrokenFile(f"{name} cannot be read: {error.strerror or error}.") from None


class Headed(io.RawIOBase):
    """Gives what ``inner`` gives, whose beginning can be looked at; failures are BrokenFile."""

    def __init__(self, inner: Reads, name: str, head: bytes = b"") -> None:
        super().__init__()
        self._inner = inner
        self.title = name
        # A view: what is left of it is not copied with each reading.
        self._ready = memoryview(head)

    def readable(self) -> bool:
        return True

    def more(self, size: int = CHUNK) -> bytes:
        """Read on, whatever was looked at; ``b""`` at the end."""
        return read_some(self._inner, size, self.title)

    def head(self) -> bytes:
        """Return the first bytes, which stay to be read."""
        # A pipe may give a few bytes first: enough for the marks, then what is there at once.
        data = b""
        while len(data) < LONGEST_MARK and (more := self.more()):
            data += more
        if data and len(data) < CHUNK:
            data += self.more()
        self._ready = memoryview(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """Return what was looked at, or else some bytes; ``b""`` at the end."""
        data = bytes(self._ready)
        self._ready = memoryview(b"")
        return data or self.more(size)

    # typeshed's name for what a buffer may be is for stubs alone.
    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._ready:
            self._ready = memoryview(self.more(len(buffer)))
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def buffered(self) -> io.BufferedReader:
        """Return the same with a buffer."""
        return io.BufferedReader(self, CHUNK)


class _Zstd:
    """A frame of zstd, with the methods of the objects of :mod:`lzma` and :mod:`bz2`."""

    needs_input = True

    def __init__(self) -> None:
        import zstandard

        unpacker = zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY)
        self._frame = unpacker.decompressobj(write_size=CHUNK)
        self._error = zstandard.ZstdError

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        try:
            return self._frame.decompress(data)
        except self._error as error:
            raise lzma.LZMAError(str(error)) from None

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data


def _xz() -> _Unpacks:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)


class _Members:
    """Unpacks members of xz, bzip2 or zstd, which may follow each other."""

    def __init__(self, inner: Reads, make: Callable[[], _Unpacks], name: str) -> None:
        self._inner = inner
        self._make = make
        self._name = name
        self._member = make()

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes, more than ``size`` if they came at once."""
        while True:
            data = b""
            if self._member.eof:
                data = self._member.unused_data.lstrip(b"\0")
                while not data and (more := self._more()):
                    data = more.lstrip(b"\0")  # members may be padded
                if not data:
                    return b""
                self._member = self._make()
            elif self._member.needs_input and not (data := self._more()):
                raise EOFError
            try:
                unpacked = self._member.decompress(data, CHUNK)
            except (lzma.LZMAError, OSError) as error:
                raise BrokenFile(f"{self._name} is damaged ({error}). Get it again.") from None
            if unpacked:
                return unpacked

    def _more(self) -> bytes:
        return read_some(self._inner, _PIECE, self._name)


class _Archive:
    """Reads the members of a zip one after another, as one text.

    A table's header is read once; tables with different headers are no one table.
    """

    def __init__(self, members: Iterator[Any], name: str) -> None:
        self._members = members
        self._name = name
        self._member: io.BufferedReader | None = None
        self._header = b""
        self._last = b"\n"

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes, ``b""`` after the last member."""
        while True:
            if self._member is None:
                member = next(self._members, None)
                if member is None:
                    return b""
                self._member = Headed(member, self._name).buffered()
                data = self._begin(self._member.readline(_LONGEST_HEADER))
            else:
                data = self._member.read1(size)
                if not data:
                    self._member = None
            if data:
                self._last = data[-1:]
                return data

    def _begin(self, line: bytes) -> bytes:
        if not self._header:
            self._header = line
            return line
        if self._header.startswith(_NO_LINES):
            return line
        line = line.removeprefix(codecs.BOM_UTF8)
        first = self._header.removeprefix(codecs.BOM_UTF8).strip()
        if first[:1] not in _OTHER_THAN_TABLES and line.strip():
            if line.strip() != first:
                raise BrokenFile(
                    f"{self._name} holds tables with different columns; unpack it and name the "
                    "files that hold postings."
                )
            line = b""
        return line if self._last == b"\n" else b"\n" + line


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was in a packed file, and how it was packed."""

    stream: Reads
    how: str
    table: bool = False


def unpack(raw: Headed, head: bytes, file: BinaryIO | None, opened: ExitStack) -> Unpacked | None:
    """Unpack a file that begins with ``head``; ``None`` if it is not packed.

    Workbooks and Parquet files are given as JSON Lines, a row each. ``file`` is the file itself
    if there is one; zip needs one, and what is no file is copied to the disk. ``opened`` closes
    what has to be closed. Raises BrokenFile for what is damaged or not known.
    """
    if head.startswith(_GZIP):
        # GzipFile takes any object that can be read; typeshed asks for more.
        inner: Any = raw.buffered()
        return Unpacked(gzip.GzipFile(fileobj=inner), "gzip")
    for mark, (how, make) in _PACKERS.items():
        if head.startswith(mark):
            return Unpacked(_Members(raw.buffered(), make, raw.title), how)
    if not head.startswith((*_ZIP, _PARQUET)):
        return None
    if file is None or not file.seekable():
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # ``opened`` closes it
        file = cast(BinaryIO, opened.enter_context(copy))
        shutil.copyfileobj(raw, file, CHUNK)
    file.seek(0)
    # These read workbooks, for which large packages are imported.
    from jobstore.exchange.workbooks import parquet_lines, sheet_lines

    if head.startswith(_PARQUET):
        return Unpacked(Pieces(parquet_lines(file, raw.title)), "parquet", table=True)
    archive = _opened(file, raw.title)
    opened.callback(archive.close)
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return Unpacked(Pieces(sheet_lines(archive, file, raw.title)), "xlsx", table=True)
    for part, what in _OFFICE.items():
        if part in names:
            raise BrokenFile(f"{raw.title} is {what}; save the table as xlsx or CSV.")
    return Unpacked(_Archive(_members(archive, raw.title), raw.title), "zip")


def unpacked_size(path: Path) -> int | None:
    """Return how many bytes a plain file or a gzip file holds, ``None`` if it does not say."""
    with path.open("rb") as file:
        head = file.read(LONGEST_MARK)
        size = file.seek(0, os.SEEK_END)
        if not head.startswith(_GZIP) or size < _GZIP_END:
            packed = head.startswith((*_PACKERS, *_ZIP, _PARQUET))
            return None if packed else size
        # Modulo 2^32, and of the last member (RFC 1952, section 2.3.1).
        file.seek(-_GZIP_END, os.SEEK_END)
        return int.from_bytes(file.read(_GZIP_END), "little")


def _opened(file: BinaryIO, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, struct.error) as error:
        raise BrokenFile(
            f"{name} is a zip that is damaged or cut short ({error}). Get it again."
        ) from None


def _members(archive: zipfile.ZipFile, name: str) -> Iterator[Any]:
    """Open the members that hold data one after another."""
    found = [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
        and not PurePosixPath(member.filename).name.startswith(".")
    ]
    data = [member for member in found if member.filename.lower().endswith(_DATA)] or found
    if not data:
        raise BrokenFile(f"{name} is a zip without a file.")
    for member in data:
        try:
            with archive.open(member) as stream:
                yield stream
        # What zipfile raises for a way of packing that it does not know, and for a password.
        except (NotImplementedError, RuntimeError) as error:
            raise BrokenFile(
                f"{name}: {member.filename} cannot be unpacked ({error}). Unpack it yourself."
            ) from None
        except zipfile.BadZipFile as error:
            raise BrokenFile(f"{name} is damaged ({error}). Get it again.") from None


class Pieces:
    """Reads what an iterator gives."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read1(self, size: int = -1, /) -> bytes:
        """Return some pieces, ``b""`` at the end."""
        found: list[bytes] = []
        length = 0
        for piece in self._pieces:
            found.append(piece)
            length += len(piece)
            if length >= CHUNK:
                break
        return b"".join(found)


_PACKERS: dict[bytes, tuple[str, Callable[[], _Unpacks]]] = {
    b"\xfd7zXZ\0": ("xz", _xz),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"(\xb5/\xfd": ("zstd", _Zstd),
}
_OFFICE = {
    "xl/workbook.bin": "a binary workbook (xlsb)",
    "content.xml": "an OpenDocument file",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
}
