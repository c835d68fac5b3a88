"""Bytes of an input: files, standard input, gzip, byte order marks and what is no text.

No format is known here. Every way in which reading can fail ends as BrokenFile.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from jobstore.exchange.rows import BrokenFile

# The longest row that is taken in, in bytes or characters. It bounds the memory of an import;
# the longest description that the store takes is a small part of it.
MAX_RECORD = 16 * 1024 * 1024

CHUNK = 128 * 1024

# The bytes at the beginning of a file by which its format is recognised.
HEAD = 64 * 1024

FilePath = str | os.PathLike[str]

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_NOT_TEXT = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"PAR1": "a Parquet file; convert it to CSV or JSON Lines",
    b"SQLite format 3\0": "an SQLite database; give it as --store, or export it first",
    b"%PDF": "a PDF document",
    b"BZh": "packed with bzip2; unpack it or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it or pack it with gzip",
    b"(\xb5/\xfd": "packed with zstd; unpack it or pack it with gzip",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}
# Bytes that are no UTF-8, in text that was decoded with ``surrogateescape``.
UNDECODABLE = re.compile("[\udc80-\udcff]")
# Control characters that text files hardly have; NUL is looked for apart.
_CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1b"))


class _Raw(io.RawIOBase):
    """Reads ``head`` and then ``inner``; failures are raised as BrokenFile."""

    def __init__(self, inner: BinaryIO, head: bytes, name: str) -> None:
        super().__init__()
        self._inner = inner
        self._head = head
        self._name = name

    def readable(self) -> bool:
        return True

    # typeshed's name for what a buffer may be is for stubs alone.
    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        size = len(buffer)
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = read_some(self._inner, size, self._name)
        buffer[: len(data)] = data
        return len(data)


def read_some(stream: BinaryIO, size: int, name: str) -> bytes:
    """Read what is there, at most ``size`` bytes; ``b""`` at the end. Raises BrokenFile."""
    try:
        # read1 does not wait until a pipe has filled the whole buffer. Every binary stream that
        # can be opened here has it; typing's BinaryIO does not list it.
        return stream.read1(size)  # type: ignore[attr-defined, no-any-return]
    except EOFError:
        raise BrokenFile(
            f"{name} is cut short: its gzip data ends too early. Get it again."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BrokenFile(f"{name} is damaged ({error}). Get it again.") from None
    except OSError as error:
        raise BrokenFile(f"{name} cannot be read: {error.strerror or error}.") from None


def _take(stream: BinaryIO, size: int, name: str) -> bytes:
    data = b""
    while len(data) < size and (more := read_some(stream, size - len(data), name)):
        data += more
    return data


def name_of(path: FilePath) -> str:
    """Return what messages call the input."""
    return "standard input" if path == "-" else os.fspath(path)


def is_pipe(path: FilePath) -> bool:
    """Tell whether the input can be read only once: standard input, a pipe or a socket."""
    return path == "-" or Path(path).is_fifo() or Path(path).is_socket()


@contextmanager
def open_input(path: FilePath, *, encoding: str | None = None) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input for ``-``: unpacked, in UTF-8, without byte order mark.

    Its first bytes, not its name, say whether it is packed. Text is UTF-8 unless ``encoding``,
    one of Python's codecs, says otherwise. Raises BrokenFile when it is missing, a folder,
    unreadable or no text, and ValueError for an encoding that does not exist.
    """
    name = name_of(path)
    if path == "-":
        with _unpacked(sys.stdin.buffer, name) as stream:
            yield _in_utf_8(stream, encoding)
        return
    with _open(path, name) as opened, _unpacked(opened, name) as stream:
        yield _in_utf_8(stream, encoding)


def _in_utf_8(stream: io.BufferedReader, encoding: str | None) -> io.BufferedReader:
    if encoding is None:
        return stream
    try:
        given: Any = codecs.EncodedFile(stream, "utf-8", encoding)
    except LookupError:
        raise ValueError(f"There is no encoding {encoding!r}.") from None
    given.read1 = given.read
    return io.BufferedReader(_Raw(given, b"", "the input"), CHUNK)


def _open(path: FilePath, name: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except IsADirectoryError:
        raise BrokenFile(f"{name} is a folder; name the files in it.") from None
    except FileNotFoundError:
        raise BrokenFile(f"There is no file {name}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BrokenFile(f"{name} cannot be read: {reason}.") from None


@contextmanager
def _unpacked(inner: BinaryIO, name: str) -> Iterator[io.BufferedReader]:
    head = _start(inner, name)
    if head.startswith(_GZIP):
        # GzipFile takes any object that can be read; typeshed asks for more.
        packed: Any = with_head(inner, head, name)
        inner = cast(BinaryIO, gzip.GzipFile(fileobj=packed))
        head = _start(inner, name)
    _check_text(head, name)
    yield with_head(inner, head.removeprefix(_BOM), name)


def _start(stream: BinaryIO, name: str) -> bytes:
    # A pipe may give a few bytes first: enough for the marks, then what is there at once.
    head = _take(stream, len(_BOM), name)
    return head + read_some(stream, CHUNK, name) if head else head


def _check_text(head: bytes, name: str) -> None:
    for magic, what in _NOT_TEXT.items():
        if head.startswith(magic):
            raise BrokenFile(f"{name} is {what}.")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > len(head) // 20 or head.count(0) > len(head) // 5:
        raise BrokenFile(f"{name} is no text file; CSV, JSON or HTML in UTF-8 is expected.")


def with_head(stream: BinaryIO, head: bytes, name: str) -> io.BufferedReader:
    """Return a stream of ``head``, which was read already, and the rest of ``stream``."""
    return io.BufferedReader(_Raw(stream, head, name), CHUNK)


def read_head(stream: io.BufferedReader, name: str) -> bytes:
    """Read the first :data:`HEAD` bytes, or all if there are fewer."""
    return _take(stream, HEAD, name)


def exhaust(stream: io.BufferedReader) -> None:
    """Read to the end, for the checks of gzip that reading makes."""
    while stream.read(CHUNK):
        pass


def decode(data: bytes) -> tuple[str, str | None]:
    """Decode a row, and say what is wrong with it if it is not UTF-8."""
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        fault = f"byte {error.start + 1} of the row is not UTF-8 (0x{data[error.start]:02x})"
        return data.decode("utf-8", "surrogateescape"), fault


def read_line(stream: io.BufferedReader) -> tuple[bytes, bool]:
    """Read a line with its end; return it, and whether it was too long and was cut."""
    line = stream.readline(MAX_RECORD)
    if len(line) < MAX_RECORD or line.endswith(b"\n"):
        return line, False
    rest = line
    while rest and not rest.endswith(b"\n"):
        rest = stream.readline(CHUNK)
    return line[:CHUNK], True
