"""The write-ahead log as a file: its frames, whose sums tell what is whole, and who has it open.

The format is that of https://sqlite.org/fileformat2.html#the_write_ahead_log.

Files are only read. The WAL itself carries no lock of SQLite's, so it may be opened and closed
beside a connection; the database and its shared memory may not
(https://sqlite.org/howtocorrupt.html, section 2.2).
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple, Protocol

HEADER = Struct(">8I")
_MAGIC, _VERSION = 0x377F0682, 3_007_000
# A page's number, the database's size in a frame that commits, two salts, two sums; the page.
FRAME = Struct(">6I")
PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
# Frames that are read at a time, in bytes.
_CHUNK = 4 * 1024 * 1024
# The lock that every connection holds on the shared memory
# (https://sqlite.org/walformat.html#locks).
_OPEN_LOCK = 128
_LOCKS = Path("/proc/locks")


class Header(NamedTuple):
    """The header of a WAL: the size of its pages, what its frames carry, and their first seeds.

    ``swapped``: the sums are those of a machine of the other byte order.
    """

    page_size: int
    salts: tuple[int, int]
    sums: tuple[int, int]
    swapped: bool


def header(data: bytes) -> Header | None:
    """Return the header that a WAL begins with; ``None`` where there is no sound one."""
    if len(data) < HEADER.size:
        return None
    magic, version, size, _, *salts, first, second = HEADER.unpack_from(data)
    swapped = magic == _MAGIC + 1
    sound = magic in (_MAGIC, _MAGIC + 1) and version == _VERSION and size in PAGE_SIZES
    if not sound or _header_sums(data[:24], swapped) != (first, second):
        return None
    return Header(size, (salts[0], salts[1]), (first, second), swapped)


class Frame(NamedTuple):
    """One page as a transaction left it."""

    page: int
    pages: int
    """In the last frame of a commit: how many pages the database has. Else 0."""
    salts: tuple[int, int]
    sums: tuple[int, int]
    """The running sums that stand in it."""
    off: tuple[int, int]
    """How far they are from what follows from the frame before it."""
    image: memoryview
    """The page; good until the next frame is asked for."""

    @property
    def commits(self) -> bool:
        return self.pages != 0


class Readable(Protocol):
    """What frames can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most so many; fewer only at the end."""


def frames(wal: Readable, head: Header, before: tuple[int, int]) -> Iterator[Frame]:
    """Yield the frames that follow, whatever they carry; ``before`` are the sums to go on from.

    Some MiB are read at a time, and what is no whole frame at the end is left out.
    """
    length = FRAME.size + head.page_size
    while data := wal.read(_CHUNK // length * length):
        whole = len(data) // length
        if not whole:
            return
        heads = [FRAME.unpack_from(data, at * length) for at in range(whole)]
        stored = [(each[4], each[5]) for each in heads]
        seeds = [before, *stored[:-1]]
        view = memoryview(data)
        all_sums = _all_sums(data, length, seeds, head.swapped)
        for at, (each, sums) in enumerate(zip(heads, all_sums, strict=True)):
            page, pages, *salts, first, second = each
            off = (first - sums[0] & 0xFFFFFFFF, second - sums[1] & 0xFFFFFFFF)
            image = view[at * length + FRAME.size : (at + 1) * length]
            yield Frame(page, pages, (salts[0], salts[1]), (first, second), off, image)
        before = stored[-1]


def _all_sums(
    data: bytes, length: int, seeds: list[tuple[int, int]], swapped: bool
) -> list[tuple[int, int]]:
    """Return the sums of all frames in ``data``, each from the sums of the one before it.

    All frames are summed up at once: each has a lane of 64 bits in an integer as long as they
    are many, which is 20 times as fast as one after the other.
    """
    frames = len(seeds)
    words = memoryview(_in_order(data[: frames * length], swapped)).cast("B").cast("Q")
    step = length // 8
    low = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * frames, "little")
    lanes = Struct(f"<{frames}Q")
    first, second = (
        int.from_bytes(lanes.pack(*each), "little") for each in zip(*seeds, strict=True)
    )
    # The first eight bytes of the frame's header, then the page.
    for at in (0, *range(FRAME.size // 8, step)):
        both = int.from_bytes(words[at::step].tobytes(), "little")
        first = first + (both & low) + second & low
        second = second + (both >> 32 & low) + first & low
    unpacked = (lanes.unpack(each.to_bytes(lanes.size, "little")) for each in (first, second))
    return list(zip(*unpacked, strict=True))


def _header_sums(data: bytes, swapped: bool) -> tuple[int, int]:
    first = second = 0
    for one, two in Struct(">2I" if swapped else "<2I").iter_unpack(data):
        first = first + one + second & 0xFFFFFFFF
        second = second + two + first & 0xFFFFFFFF
    return first, second


def _in_order(data: bytes, swapped: bool) -> bytes | array[int]:
    if not swapped:
        return data
    words = array("I", data)
    words.byteswap()
    return words


def is_open(
    path: str | os.PathLike[str], *, by_others: bool = False, unknown: bool = False
) -> bool:
    """Whether a connection holds the lock that each one holds.

    ``by_others``: one of another process. ``unknown`` is the answer where the system does not tell.
    """
    try:
        memory = Path(f"{os.path.realpath(path)}-shm").stat().st_ino
    except OSError:
        return False
    try:
        taken = locks(memory)
    except OSError:
        return unknown
    return any(
        first <= _OPEN_LOCK <= last and not (by_others and process == os.getpid())
        for process, first, last in taken
    )


def locks(inode: int) -> list[tuple[int, int, int]]:
    """Return who holds locks on a file: the process, the first byte and the last one.

    Raises OSError where the system does not tell (it is Linux that does).
    """
    found = []
    for line in _LOCKS.read_text().splitlines():
        # Such as "1: POSIX  ADVISORY  READ 2211 00:2d:12345 128 128"; those who wait have "->".
        _, kind, _, _, process, file, first, last = line.split()[-8:]
        if kind == "POSIX" and "->" not in line and file.rpartition(":")[2] == str(inode):
            found.append((int(process), int(first), sys.maxsize if last == "EOF" else int(last)))
    return found
