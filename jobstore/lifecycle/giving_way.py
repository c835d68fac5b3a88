"""Work in pieces gives way to those who write, in this process and in others.

What is read and judged for a piece takes processor time, which those in the same process need too;
what it writes keeps the store from all others. So a piece is followed by a pause where somebody
writes, as long as it takes for each of the two to be a twentieth of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from jobstore.engines.kept import Row
from jobstore.engines.protocol import Engine

_TIMES = 19
"""How many times as long as a piece its pause is."""
_LOOK = 0.02
"""Seconds between two looks whether somebody waits to write."""

pause = asyncio.sleep


class Turns:
    """The pieces of one search, and how long each took."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._newest: Sequence[Row] | None = None
        self._others = False
        self._begun = engine.queue.begun
        self._began = self._wrote = self._ended = time.monotonic()

    def begin(self) -> None:
        """A piece begins: it reads."""
        self._began = time.monotonic()

    def write(self, newest: Sequence[Row]) -> None:
        """It goes on to write; ``newest`` is what was changed last when it looked."""
        self._others = self._newest is not None and newest != self._newest
        self._newest = newest
        self._wrote = time.monotonic()

    def end(self) -> None:
        """It has ended."""
        self._ended = time.monotonic()

    async def give_way(self) -> None:
        """Pause before the next piece, if somebody writes."""
        held, read = self._ended - self._wrote, self._wrote - self._began
        if self._others:
            await pause(max(0.0, _TIMES * held - read))
        until = self._ended + _TIMES * (held + read)
        while self._writes_here() and time.monotonic() < until:
            await pause(_LOOK)

    def _writes_here(self) -> bool:
        """Tell whether somebody in this process has written since the last look, or waits to."""
        queue, before = self._engine.queue, self._begun
        self._begun = queue.begun
        return queue.depth > 0 or queue.begun != before
