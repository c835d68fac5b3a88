"""How far down the list of postings the matches of a search are counted.

Counting reads the lists of all parts of a search side by side, so its work is the number of
entries that they have down to where it ends. That place is chosen here so that the work stays
within :data:`~jobstore.search.counting.BUDGET`: it follows from what is stored alone, never from a
clock, so that the same search of the same store always counts the same. How many entries a list
has down to a place is estimated from its share in the newest postings.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import date, timedelta
from functools import cached_property

from jobstore.engines import named_statements
from jobstore.engines.sqlite.search.match import Match, Part
from jobstore.engines.sqlite.search.statements import mirrored
from jobstore.search import counting

_SQL = named_statements.load("sqlite")

# The newest postings in which the parts of a search are counted, to tell how common they are.
_SAMPLED = 512
# What is sought in a list, past all that lies between, takes as long as reading so many entries.
_SOUGHT = 16
# In the time of reading an entry, one of so many alternatives is looked at.
_COMPARED = 4
# A list with fewer of the newest postings may be a short one. It is looked whether it is.
_RARELY = 4

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_END = 1 << 62


class Sample:
    """How common the parts of searches are among the newest postings of a store."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    @cached_property
    def _last(self) -> int | None:
        """The rowid of the last entry that is looked at; ``None`` in a store with fewer."""
        found = _nth_listed(self._conn, _END, _SAMPLED - 1)
        return None if found is None else mirrored(found[0])

    @property
    def is_whole(self) -> bool:
        """Whether all postings are in the sample."""
        return self._last is None

    def amounts(self, parts: Iterable[Part]) -> dict[Part, int]:
        """Return how many postings of the sample have each part, as far as it is of use: where one
        is rare, the others matter little."""
        found: dict[Part, int] = {}
        last = _END if self._last is None else self._last
        for part in parts:
            if part.sample:
                bound = {"match": part.sample, "last": last}
                found[part] = self._conn.execute(_SQL["matches_down_to"], bound).fetchone()[0]
                if found[part] < _RARELY:
                    break
        return found

    def floor(
        self, match: Match, amounts: Mapping[Part, int], since: int | None, until: int | None
    ) -> int | None:
        """Return the place down to which matches may be counted, ``None`` for all of them.

        ``since`` and ``until`` are the times of listing that the search asks for, in microseconds
        since 1970.
        """
        if not amounts:
            return None
        rarest = min(amounts, key=amounts.__getitem__)
        if amounts[rarest] < _RARELY and self._is_short(rarest):
            return None
        # FTS5 leads with the rarest list, and seeks in each other one what it has found.
        sought = min(1.0, _SOUGHT * max(amounts[rarest], 1) / _SAMPLED)
        work = sought if match.excluded else 0.0
        for part in match.required:
            share = max(amounts.get(part, _SAMPLED), 1) / _SAMPLED
            # Of alternatives, all are looked at for each entry of any.
            work += min(share, sought) * (1 + (part.lists - 1) / _COMPARED)
        found = _nth_newest(self._conn, int(counting.BUDGET / work), until)
        return None if found is None or (since is not None and found[1] < since) else found[0]

    def _is_short(self, part: Part) -> bool:
        """Tell whether a list has no more entries than are counted."""
        bound = {"match": part.sample, "before": counting.MAX_COUNTED}
        return self._conn.execute(_SQL["nth_match"], bound).fetchone() is None


def _nth_newest(conn: sqlite3.Connection, number: int, until: int | None) -> tuple[int, int] | None:
    """Return place and time of listing of the posting that comes so many after the newest;
    ``None`` after the last one. Postings of the days after ``until`` are passed over."""
    last = "9" if until is None else (_EPOCH + timedelta(until // _DAY)).isoformat()
    with closing(conn.execute(_SQL["days_until"], (last,))) as days:
        for day, amount in days:
            if number < amount:
                end = ((date.fromisoformat(day) - _EPOCH).days + 1) * _DAY
                return _nth_listed(conn, end, number)
            number -= amount
    return None


def _nth_listed(conn: sqlite3.Connection, before: int, number: int) -> tuple[int, int] | None:
    found: tuple[int, int] | None = conn.execute(_SQL["nth_listed"], (before, number)).fetchone()
    return found
