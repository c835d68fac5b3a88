"""Which numbers there are, as runs without a gap; nothing of a log is known here."""

from __future__ import annotations

from bisect import bisect_right


class Runs:
    """Whole numbers, kept as runs that neither overlap nor touch."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, first: int, last: int) -> None:
        """Add the numbers from ``first`` to ``last``."""
        # The runs that these overlap or touch become one with them.
        begin = bisect_right(self._lasts, first - 2)
        end = bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end] = [first]
        self._lasts[begin:end] = [last]

    def cover(self, first: int, last: int) -> bool:
        """Tell whether all numbers from ``first`` to ``last`` are there."""
        place = bisect_right(self._firsts, first) - 1
        return first > last or (place >= 0 and self._lasts[place] >= last)
