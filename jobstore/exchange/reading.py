"""Bytes of an input: files and standard input, unpacked, as UTF-8, and what is no text.

No format is known here. Every way in which reading can fail ends as BrokenFile.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from jobstore.exchange.charsets import CONTROLS, UNDECODABLE, detect, is_utf_8, marked, mended
from jobstore.exchange.packing import CHUNK, Headed, unpack
from jobstore.exchange.rows import BrokenFile

__all__ = [
    "CHUNK",
    "HEAD",
    "MAX_RECORD",
    "UNDECODABLE",
    "FilePath",
    "Source",
    "decode",
    "exhaust",
    "is_pipe",
    "name_of",
    "open_input",
    "read_head",
    "read_line",
    "with_head",
]

# The longest row that is taken in, in bytes or characters. It bounds the memory of an import;
# the longest description that the store takes is a small part of it.
MAX_RECORD = 16 * 1024 * 1024

# The bytes at the beginning of a file by which its format is recognised.
HEAD = 64 * 1024
# A table's first line may be longer.
_LONGEST_HEAD = 2 * 1024 * 1024

FilePath = str | os.PathLike[str]

# What is looked at to find out an encoding, from the first bytes on that are no UTF-8.
_SAMPLE = 512 * 1024
# Files may be packed in each other, but not without end.
_DEEPEST = 4
_NOT_TEXT = {
    b"SQLite format 3\0": "an SQLite database; give it as --store, or export it first",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook; save it as xlsx or CSV",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"ORC": "an ORC file; convert it to Parquet or CSV",
    b"Obj\x01": "an Avro file; convert it to Parquet or CSV",
    b"ARROW1": "an Arrow file; convert it to Parquet or CSV",
}
_TAR = b"ustar"
_TAR_AT = 257


class Source(io.BufferedReader):
    """The text of an input in UTF-8, and what was found out about it.

    ``compression`` is how it was packed, from outside to inside, such as ``("zip", "gzip")``;
    ``table`` says that it is a workbook or a Parquet file, which is given as JSON Lines.
    """

    def __init__(self, text: _Text, compression: tuple[str, ...], table: bool) -> None:
        super().__init__(text, CHUNK)
        self._text = text
        self.compression = compression
        self.table = table

    @property
    def encoding(self) -> str:
        """The encoding of what was read so far, as Python names it."""
        return self._text.encoding


class _Text(Headed):
    """Gives text as UTF-8. While there was only ASCII, its encoding is open."""

    def __init__(self, raw: Headed, head: bytes, encoding: str | None) -> None:
        self._begin = head
        self._mark = marked(head)
        self._decoder: codecs.IncrementalDecoder | None = None
        self.encoding = "utf-8"
        self._open = encoding is None and self._mark is None
        if encoding is not None:
            self._use(_known(encoding))
        elif self._mark is not None:
            self._use(self._mark)
        super().__init__(raw, raw.title)

    def _use(self, encoding: str) -> None:
        self.encoding = encoding
        if encoding == "utf-8-sig" or (encoding == "utf-8" and self._mark == "utf-8-sig"):
            self.encoding = "utf-8"
            self._skip = len(codecs.BOM_UTF8)
        if self.encoding != "utf-8":
            # What cannot be decoded stays no UTF-8, so that it is its row's fault.
            wide = encoding.startswith(("utf-16", "utf-32"))
            self._errors = "surrogatepass" if wide else "surrogateescape"
            self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)

    _skip = 0

    def more(self, size: int = CHUNK) -> bytes:
        while True:
            data = super().more(size)
            if self._skip:
                data, self._skip = data[self._skip :], 0
            if self._open and not data.isascii():
                data = self._settle(data)
            if self._decoder is None:
                return data
            decoded = self._decoded(self._decoder, data)
            if decoded or not data:
                return decoded

    def _settle(self, data: bytes) -> bytes:
        self._open = False
        if not is_utf_8(data):
            while len(data) < _SAMPLE and (more := super().more()):
                data += more
            if not is_utf_8(data) and (encoding := detect(data, self._begin)) is not None:
                self._use(encoding)
        return data

    def _decoded(self, decoder: codecs.IncrementalDecoder, data: bytes) -> bytes:
        try:
            text = decoder.decode(data, not data)
        except UnicodeDecodeError as error:
            raise BrokenFile(
                f"{self.title} is no good {self.encoding} ({error.reason}), or was cut short; "
                "name its encoding with --encoding."
            ) from None
        return text.removeprefix("\ufeff").encode("utf-8", self._errors)


def _known(encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        info = None
    # Codecs that make bytes of bytes are no encodings of text.
    if info is None or not getattr(info, "_is_text_encoding", True):
        raise ValueError(f"There is no encoding {encoding!r}; utf-8 or cp1252, for example.")
    return info.name


def name_of(path: FilePath) -> str:
    """Return what messages call the input."""
    return "standard input" if path == "-" else os.fspath(path)


def is_pipe(path: FilePath) -> bool:
    """Tell whether the input can be read only once: standard input, a pipe or a socket."""
    return path == "-" or Path(path).is_fifo() or Path(path).is_socket()


@contextmanager
def open_input(path: FilePath, *, encoding: str | None = None) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input for ``-``: unpacked, in UTF-8, without byte order mark.

    Its first bytes, not its name, say whether it is packed (gzip, zstd, xz, bzip2, zip), and
    whether it is a workbook or a Parquet file, of which each row is given as a line of JSON.
    The encoding is ``encoding``, one of Python's codecs, or else what a byte order mark says, or
    else UTF-8; for bytes that are no UTF-8 it is found out. Raises BrokenFile when it is
    missing, a folder, unreadable or no text, and ValueError for an encoding that does not exist.
    The stream is a :class:`Source`, which tells what was found out.
    """
    name = name_of(path)
    if encoding is not None:
        encoding = _known(encoding)
    with ExitStack() as opened:
        file = sys.stdin.buffer if path == "-" else opened.enter_context(_open(path, name))
        yield _source(file, name, encoding, opened)


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


def _source(file: BinaryIO, name: str, encoding: str | None, opened: ExitStack) -> Source:
    # Every binary stream that can be opened here has read1; typing's BinaryIO does not list it.
    raw = Headed(cast(Any, file), name)
    head = raw.head()
    how: list[str] = []
    whole: BinaryIO | None = file
    while (unpacked := unpack(raw, head, whole, opened)) is not None:
        how.append(unpacked.how)
        raw, whole = Headed(unpacked.stream, name), None
        head = raw.head()
        if unpacked.table:
            return Source(_Text(raw, head, "utf-8"), tuple(how), True)
        if len(how) > _DEEPEST:
            raise BrokenFile(f"{name} is packed more than {_DEEPEST} times; unpack it.")
    text = _Text(raw, head, encoding)
    _check_text(head, name, text)
    return Source(text, tuple(how), False)


def _check_text(head: bytes, name: str, text: _Text) -> None:
    for magic, what in _NOT_TEXT.items():
        if head.startswith(magic):
            raise BrokenFile(f"{name} is {what}.")
    if head.startswith(_TAR, _TAR_AT):
        raise BrokenFile(f"{name} is a tar archive; unpack it and name its files.")
    if text.encoding.startswith(("utf-16", "utf-32")):
        # The decoder finds what is no text; half of the bytes of good text may be NUL.
        return
    controls = len(head) - len(head.translate(None, CONTROLS))
    if controls > len(head) // 20 or head.count(0) > len(head) // 5:
        raise BrokenFile(f"{name} is no text file; CSV, JSON or HTML is expected.")


def with_head(stream: BinaryIO, head: bytes, name: str) -> io.BufferedReader:
    """Return a stream of ``head``, which was read already, and the rest of ``stream``."""
    return Headed(cast(Any, stream), name, head).buffered()


def read_head(stream: io.BufferedReader, name: str) -> bytes:
    """Read the first :data:`HEAD` bytes, or all if there are fewer; of a table, the first line."""
    head = stream.read(HEAD)
    if head.lstrip()[:1] not in (b"{", b"[", b"<"):
        while len(head) < _LONGEST_HEAD and b"\n" not in head and (more := stream.read(HEAD)):
            head += more
    return head


def exhaust(stream: io.BufferedReader) -> None:
    """Read to the end, for the checks of gzip that reading makes."""
    while stream.read(CHUNK):
        pass


def decode(data: bytes) -> tuple[str, str | None]:
    """Decode a row, and say what is wrong with it if it is not UTF-8.

    A row that surely is Windows-1252, among others that are UTF-8, is decoded as that.
    """
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        if (text := mended(data)) is not None:
            return text, None
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
