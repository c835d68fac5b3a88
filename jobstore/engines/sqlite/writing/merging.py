"""Merging the full-text index while nobody writes: a few pages at a time.

The index keeps the words of earlier versions of a posting, and that they were removed, until the
segments that have them are merged. FTS5 does so by itself as segments of one size add up, and by
then the index may have several times its size: each search reads past all of it. So what is beside
the largest segment is merged before it is more than a part of that one. What this costs grows with
what was written, and not with the size of the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from jobstore.engines import named_statements

_SQL = named_statements.load("sqlite")

# Pages that one step writes: a few milliseconds of work, which a writer may have to wait for.
_PAGES = 16
# Pages of an index that is searched quickly in however many segments.
_LEAST = 256
# The part of the largest segment that all others may have together.
_BESIDE = 0.5


class Merging:
    """Merges the index of one store; remembers where there was nothing to merge."""

    def __init__(self) -> None:
        self._left: bytes | None = None

    def is_due(self, conn: sqlite3.Connection) -> bool:
        """Tell whether a step is worth it."""
        row = conn.execute(_SQL["segments"]).fetchone()
        return row is not None and row[0] != self._left and is_worth_merging(row[0])

    def step(self, conn: sqlite3.Connection) -> None:
        """Merge some pages, within a transaction."""
        (before,) = conn.execute(_SQL["segments"]).fetchone()
        changes = conn.total_changes
        conn.execute(_SQL["merge_words"], (_PAGES,))
        # Fewer than two mean that nothing was done (https://sqlite.org/fts5.html, section 6.8).
        self._left = before if conn.total_changes - changes < 2 else None


def is_worth_merging(structure: bytes) -> bool:
    """Tell by FTS5's record of its segments whether they are to be merged further."""
    try:
        merging, sizes = _read(structure)
    except StopIteration:
        # No record of a form that is known; only the task optimize merges then.
        return False
    beside = sum(sizes) - max(sizes, default=0)
    if sum(sizes) < _LEAST:
        return False
    return merging or beside > _BESIDE * max(sizes)


def _read(structure: bytes) -> tuple[bool, list[int]]:
    """Return whether a merge has begun, and the pages of each segment.

    Behind a number of four bytes there are varints: levels, segments, and what was written so far;
    for each level how many of its segments are being merged, and how many there are; for each
    segment its number, its first and its last page (fts5_index.c, "STRUCTURE RECORD").
    """
    take = _varints(structure[4:]).__next__
    levels, _, _ = take(), take(), take()
    merging, sizes = False, []
    for _ in range(levels):
        merging |= take() > 0
        for _ in range(take()):
            _, first, last = take(), take(), take()
            sizes.append(last - first + 1)
    return merging, sizes


def _varints(octets: bytes) -> Iterator[int]:
    """Yield SQLite's numbers below 2**56, which are all that a sound record has."""
    number = 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            yield number
            number = 0
