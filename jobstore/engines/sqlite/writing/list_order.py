"""The list order: where each posting stands in it.

``posting.place`` is a label: sorting by it is sorting by ``(listed_at, listed_tie)``. The rowids
of the full-text index mirror it, and its size grows with the distance between neighbouring
rowids, so labels are near each other and not the times themselves. A posting that is listed between
two others gets a label between theirs; where none is free, a few neighbours move aside. That
is the list-labelling problem (Dietz 1982; Bender et al., "Two simplified algorithms for
maintaining order in a list", 2002).

This module chooses labels. Moving rows is the caller's.
"""

from __future__ import annotations

import sqlite3
from datetime import date
from typing import NamedTuple

from jobstore.engines import named_statements
from jobstore.engines.rows import sound

_SQL = named_statements.load("sqlite")

_DAY = 86_400_000_000
_SECOND = 1_000_000
_FIRST_DAY = (date(1990, 1, 1) - date(1970, 1, 1)).days
# A day has 2^19 places: the first half for midnight, since most boards give no more than a
# date, the second half for the time of day, 4 places a second.
_DAY_BITS = 19
_MIDNIGHT_PLACES = 1 << (_DAY_BITS - 1)
_PLACES_PER_SECOND = 4
# Places that stay free beside a time that is close to another one, for postings in between.
_GAP = 16
# The most places from one moved posting to the next; further apart, the index would grow.
_SPREAD = 1 << 16
# Above every tie.
_LAST = 2**62


class Slot(NamedTuple):
    """A free position: the label and the rank among the postings of the same time."""

    place: int
    tie: int


class Move(NamedTuple):
    """A posting that has to move from ``old`` to ``new``, which is free by then."""

    old: int
    new: int


@sound
def find_slot(
    conn: sqlite3.Connection, listed_at: int, tie: int | None = None
) -> Slot | list[Move]:
    """Find the position of a posting listed at ``listed_at`` (microseconds since 1970).

    It comes after all that are listed at the same time; with ``tie``, which is free, only after
    those of lower ties. Returns the moves that make room where there is none; carry them out in
    order and ask again.
    """
    bound = _LAST if tie is None else tie
    before = conn.execute(_SQL["last_listed_before"], (listed_at, bound)).fetchone()
    if before is None:
        low, following, wanted = 0, 0, _natural(listed_at)
    else:
        low = before[0]
        if before[1] == listed_at:
            # Nothing is ever listed between equal times: no gap, and a small index.
            following, wanted = before[2] + 1, low + 1
        else:
            # As much room as the run of equal times before it takes, so that many can be
            # listed between two large groups before anything has to move.
            following, wanted = 0, max(_natural(listed_at), low + max(_GAP, 2 * before[2] + 2))
    (after,) = conn.execute(_SQL["next_place"], (low,)).fetchone()
    if after is not None and wanted >= after:
        # The middle leaves room on both sides; at the end of the list, near is better.
        wanted = low + (after - low) // 2 if after - low < _SPREAD else after - _GAP
        if wanted == low:
            return _make_room(conn, low, after)
    return Slot(wanted, following if tie is None else tie)


def _natural(listed_at: int) -> int:
    """Return the label that a time has when nothing stands in its way; it grows with time."""
    day, rest = divmod(listed_at, _DAY)
    within = _MIDNIGHT_PLACES + rest * _PLACES_PER_SECOND // _SECOND if rest else 0
    # Label 0 stays free, so that there is one below every posting.
    return max(1, ((day - _FIRST_DAY) << _DAY_BITS) + within)


def _make_room(conn: sqlite3.Connection, low: int, high: int) -> list[Move]:
    """Spread the shorter of the two dense runs that meet between ``low`` and ``high``."""
    above, below = _Run(low, 1), _Run(high, -1)
    upward = (row[0] for row in conn.execute(_SQL["places_above"], (low,)))
    downward = (row[0] for row in conn.execute(_SQL["places_below"], (high,)))
    while True:
        # Both in turn, so that the cost is that of the shorter run.
        for run, labels in ((above, upward), (below, downward)):
            if (moves := run.extend(next(labels, None))) is not None:
                return moves


class _Run:
    """Consecutive postings on one side of the missing place, until they can be spread.

    A run of n postings can be spread when at most half of the places from the missing one
    to the next posting beyond the run are taken; so n further postings find room before the
    next spreading, and the moves are paid for by the insertions before them.
    """

    def __init__(self, origin: int, direction: int) -> None:
        self._origin = origin
        self._direction = direction
        self._members: list[int] = []

    def extend(self, label: int | None) -> list[Move] | None:
        """Take in the next label (``None`` after the last); return the moves that spread them."""
        n = len(self._members)
        if label is None:
            # Downwards the labels end at 1, upwards they do not end.
            span = (n + 1) * _SPREAD if self._direction > 0 else self._origin - 1
        else:
            span = abs(label - self._origin) - 1
        if n and span >= 2 * n + 1:
            # No further apart than a gap: far labels would make the index large.
            return self._spread(min(span, (n + 1) * _SPREAD))
        if label is not None:
            self._members.append(label)
        return None

    def _spread(self, span: int) -> list[Move]:
        n = len(self._members)
        # Half of the free places stay where the missing place is, since the next postings come
        # there; the other half goes between the members.
        half = (span - n) // 2
        moves = []
        for rank, old in enumerate(self._members, start=1):
            distance = max(abs(old - self._origin), rank + half + half * rank // (n + 1))
            new = self._origin + self._direction * distance
            if new != old:
                moves.append(Move(old, new))
        # The outermost first: it moves into free places, and the next ones follow.
        return moves[::-1]
