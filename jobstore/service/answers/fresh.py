"""Something that many ask for and that is looked up now and then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """Asks for something at most once in so many seconds, for all who want it meanwhile."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._asked_at = float("-inf")
        self._asked: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """Return what was answered shortly before, or is now."""
        now = self._clock()
        asked = self._asked
        if asked is None or (asked.done() and now - self._asked_at >= self._seconds):
            self._asked_at = now
            asked = self._asked = asyncio.ensure_future(self._ask())
        # Whoever goes takes the answer from nobody else.
        return await asyncio.shield(asked)
