"""Where in a write-ahead log something stands, and what this process has found sound of one.

A WAL is begun anew, with other salts, once all of it is in the database. Its frames carry running
sums, so that those of one frame tell whether everything before it is what it was. SQLite reads a
WAL up to the last frame that commits and whose sums follow from all before it; so does this.
"""

from __future__ import annotations

import os
from typing import BinaryIO, NamedTuple

from jobstore.engines.sqlite.log.stamps import of_page
from jobstore.engines.sqlite.wal import FRAME, HEADER, Header, frames, header

Pair = tuple[int, int]


class Position(NamedTuple):
    """The end of frame ``frame`` (from 1; 0: of the header) in the WAL with these salts.

    ``sums`` are those that stand there. A database without a WAL is at frame 0 of salts 0, 0.
    """

    salts: Pair
    frame: int
    sums: Pair


NOWHERE = Position((0, 0), 0, (0, 0))


class Seen(NamedTuple):
    """Up to where a WAL was found sound; ``stamp`` is that of a commit that is not ended there."""

    position: Position
    stamp: int


class Scan(NamedTuple):
    """What a WAL holds after a position.

    ``end`` is where its last commit ends, the position itself where there is none; ``commits``
    come before it, and ``stamp`` is that of the last. ``back``: a later commit has a stamp that
    went down. ``seen`` is how far the frames are sound.
    """

    end: Position
    commits: int
    stamp: int
    back: bool
    seen: Seen


def read_header(wal: BinaryIO) -> Header | None:
    """Return the header of a WAL, ``None`` where there is no sound one."""
    return header(os.pread(wal.fileno(), HEADER.size, 0))


def offset(head: Header, frame: int) -> int:
    """Return where the frame after ``frame`` begins, in bytes."""
    return HEADER.size + frame * (FRAME.size + head.page_size)


def holds(wal: BinaryIO, head: Header, position: Position) -> bool:
    """Return whether a WAL has, at a position, what stood there."""
    if position.salts != head.salts:
        return False
    if position.frame == 0:
        return position.sums == head.sums
    data = os.pread(wal.fileno(), FRAME.size, offset(head, position.frame - 1))
    if len(data) < FRAME.size:
        return False
    _, _, *salts, first, second = FRAME.unpack(data)
    return (salts[0], salts[1]) == position.salts and (first, second) == position.sums


def scan(
    wal: BinaryIO, head: Header, start: Position, stamp: int, seen: Seen | None
) -> Scan | None:
    """Look for what was committed after ``start``; ``None`` where the WAL does not reach there.

    ``stamp`` is the last one known, 0 for none. Frames are read from ``seen`` on where that still
    holds, otherwise from the first one: what nobody looked at since the machine was started may
    lie behind frames that the disk has lost.
    """
    if not holds(wal, head, start):
        return None
    if seen is None or not holds(wal, head, seen.position):
        seen = Seen(Position(head.salts, 0, head.sums), 0)
    (_, at, sums), pending = seen
    if at < start.frame:
        pending = 0
    end, commits = start, 0
    wal.seek(offset(head, at))
    for frame in frames(wal, head, sums):
        if frame.salts != head.salts or frame.off != (0, 0) or not frame.page:
            break
        at, sums = at + 1, frame.sums
        if at <= start.frame:
            continue
        if frame.page == 1:
            pending = of_page(frame.image)
        if frame.commits:
            if 0 < pending < stamp:
                # What follows belongs to another generation, which reads it again.
                return Scan(end, commits, stamp, True, Seen(end, 0))
            end, commits = Position(head.salts, at, sums), commits + 1
            stamp, pending = pending or stamp, 0
    if at < start.frame:
        return None
    return Scan(end, commits, stamp, False, Seen(Position(head.salts, at, sums), pending))
