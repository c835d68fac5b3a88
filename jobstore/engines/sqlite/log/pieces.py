"""Pieces: the files that keep what was committed, frame by frame; their format, written and read.

A piece is a header of fixed length, and after it frames of a write-ahead log just as SQLite wrote
them (https://sqlite.org/fileformat2.html#the_write_ahead_log), ending with one that commits. All of
them come from one WAL, so their running sums follow from the seeds in the header. The header has
the digest of the frames and ends with its own; that of the piece before is in it too, so that
pieces make a chain. Pieces put end to end are a stream that is read in the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple

from jobstore.engines.sqlite import wal
from jobstore.engines.sqlite.log.positions import Pair
from jobstore.errors import BackupError
from jobstore.files import open_plain

_MAGIC, _FORMAT = b"jobslog\n", 1
# Magic, format, flags; generation, number, page size, frames; salts, seeds; when it was captured
# (microseconds), last stamp; the digest of the piece before it, and of the frames.
_HEADER = Struct(">8sHH16sQIQ4IQI32s32s")
_DIGEST = hashlib.sha256().digest_size
LENGTH = _HEADER.size + _DIGEST
"""The bytes of a header."""
NO_PIECE = bytes(_DIGEST)
"""What stands for the digest of the piece before the first."""

_SWAPPED = 1


class Piece(NamedTuple):
    """The header of a piece; see the module. ``last`` is 0 where no commit in it has a stamp."""

    generation: str
    number: int
    page_size: int
    frames: int
    salts: Pair
    seeds: Pair
    swapped: bool
    captured_at: float
    last: int
    previous: bytes
    body: bytes

    def pack(self) -> bytes:
        """Return the header as it stands in the file."""
        data = _HEADER.pack(
            *(_MAGIC, _FORMAT, _SWAPPED if self.swapped else 0),
            *(self.generation.encode(), self.number, self.page_size, self.frames),
            *(*self.salts, *self.seeds),
            *(round(self.captured_at * 1e6), self.last, self.previous, self.body),
        )
        return data + hashlib.sha256(data).digest()

    @property
    def digest(self) -> bytes:
        """What tells this piece from all others."""
        return self.pack()[-_DIGEST:]

    @property
    def length(self) -> int:
        """The bytes of its frames."""
        return self.frames * (wal.FRAME.size + self.page_size)

    @property
    def octets(self) -> int:
        """The bytes of the whole piece."""
        return LENGTH + self.length

    @property
    def head(self) -> wal.Header:
        """What reading its frames takes."""
        return wal.Header(self.page_size, self.salts, self.seeds, self.swapped)


def unpack(data: bytes) -> Piece | None:
    """Return the header that ``data`` begins with; ``None`` where there is no sound one."""
    if (
        len(data) < LENGTH
        or hashlib.sha256(data[: _HEADER.size]).digest() != data[_HEADER.size : LENGTH]
    ):
        return None
    magic, form, flags, generation, number, size, count, *rest = _HEADER.unpack_from(data)
    first, second, third, fourth, captured, last, previous, body = rest
    if magic != _MAGIC or form != _FORMAT or size not in wal.PAGE_SIZES or not count:
        return None
    return Piece(
        *(generation.decode("ascii", "replace"), number, size, count),
        *((first, second), (third, fourth), bool(flags & _SWAPPED)),
        *(captured / 1e6, last, previous, body),
    )


class Body:
    """The frames of a piece, to be read once to their end, and no further.

    ``target`` gets a copy of what is read; ``left`` bytes are not read yet.
    """

    def __init__(self, stream: BinaryIO, octets: int, target: BinaryIO | None = None) -> None:
        self._stream, self.left, self._target = stream, octets, target
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; fewer than ``size`` only at the end."""
        data = self._stream.read(min(size, self.left))
        self.left -= len(data)
        self._hash.update(data)
        if self._target is not None:
            self._target.write(data)
        return data

    def digest(self) -> bytes:
        """Return the digest of what was read."""
        return self._hash.digest()


def whole(piece: Piece, body: Body, name: Path) -> Iterator[wal.Frame]:
    """Yield the frames of a piece. Raises BackupError at the end of one that is not whole."""
    count = pages = 0
    for frame in wal.frames(body, piece.head, piece.seeds):
        if frame.off != (0, 0) or frame.salts != piece.salts or not frame.page:
            break
        count, pages = count + 1, frame.pages
        yield frame
    if count != piece.frames or not pages or body.digest() != piece.body:
        raise BackupError(
            f"{name} is damaged: segment {piece.number:,} of the log cannot be read to its end."
        )


def streamed(path: Path) -> Iterator[tuple[Piece, BinaryIO]]:
    """Yield the header of each piece in a file, and the file, which stands at its frames.

    The file may be read, and is set to the next piece afterwards. Raises BackupError.
    """
    with open_plain(path) as stream:
        at = 0
        while data := stream.read(LENGTH):
            piece = unpack(data)
            if piece is None:
                raise BackupError(f"{path} is damaged, or no part of a log.")
            yield piece, stream
            at += piece.octets
            stream.seek(at)
