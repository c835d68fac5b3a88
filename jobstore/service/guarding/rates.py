"""How often somebody may do something: a bucket for each, refilled at a steady rate.

Buckets that are full again are forgotten, so memory grows with those who ask at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

# Buckets that are looked through for full ones when there are more.
_MANY = 10_000


class Buckets:
    """Buckets of ``size`` drops, which take ``seconds`` to fill from empty to full."""

    def __init__(
        self, size: float, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = size
        self._per_second = size / seconds
        self._clock = clock
        # When each was empty, or would have been: time that has passed since then fills it.
        self._emptied: dict[Hashable, float] = {}
        self._most = _MANY

    def take(self, key: Hashable) -> float:
        """Take a drop, and return 0; or the seconds until there is one."""
        now, level = self._clock(), self._level(key)
        if level < 1:
            return (1 - level) / self._per_second
        self._emptied[key] = now - (level - 1) / self._per_second
        if len(self._emptied) > self._most:
            self._forget()
        return 0.0

    def give_back(self, key: Hashable) -> None:
        """Put back a drop that was taken."""
        if key in self._emptied:
            self._emptied[key] -= 1 / self._per_second

    def left(self, key: Hashable) -> float:
        """Return how many drops there are for ``key``."""
        return self._level(key)

    def full_in(self, key: Hashable) -> float:
        """Return the seconds until the bucket of ``key`` is full."""
        return (self._size - self._level(key)) / self._per_second

    def _level(self, key: Hashable) -> float:
        emptied = self._emptied.get(key)
        if emptied is None:
            return self._size
        return min(self._size, (self._clock() - emptied) * self._per_second)

    def _forget(self) -> None:
        full = self._clock() - self._size / self._per_second
        self._emptied = {key: at for key, at in self._emptied.items() if at > full}
        # Not at each drop where few are full: what is looked through has doubled by then.
        self._most = max(_MANY, 2 * len(self._emptied))
