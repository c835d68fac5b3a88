"""Where in a write-ahead log something stands, and what was committed after that.

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


class Scan(NamedTuple):
    """What a WAL holds after a position.

    ``end`` is where its last commit ends, the position itself where there is none; ``commits``
    come before it, and ``stamp`` is that of the last. ``back``: a later commit has a stamp that
    went down.
    """

    end: Position
    commits: int
    stamp: int
    back: bool


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
    wal: BinaryIO, head: Header, start: Position, stamp: int, seen: Position | None
) -> Scan | None:
    """Look for what was committed after ``start``; ``None`` where the WAL does not reach there.

    ``stamp`` is the last one known, 0 for none. Frames are read from ``seen`` on, the end of a
    commit that was found earlier, where that still holds, otherwise from the first one: what nobody
    looked at since the machine was started may lie behind frames that the disk has lost. Frames
    behind the last commit are read each time: when their transaction ends without one, others are
    written over the first of them, and the rest looks as if it still followed.
    """
    if not holds(wal, head, start):
        return None
    if seen is None or not holds(wal, head, seen):
        seen = Position(head.salts, 0, head.sums)
    _, at, sums = seen
    end, commits, pending = start, 0, 0
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
                return Scan(end, commits, stamp, True)
            end, commits = Position(head.salts, at, sums), commits + 1
            stamp, pending = pending or stamp, 0
    if at < start.frame:
        return None
    return Scan(end, commits, stamp, False)
