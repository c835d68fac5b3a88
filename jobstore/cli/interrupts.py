"""Ctrl-C, or SIGTERM, during work in steps: a step is finished, and then the work ends.

asyncio's own handler would cancel a write, whose outcome is then unknown, and would wait for a read
that blocks.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Inside of this context, Ctrl-C or SIGTERM raises KeyboardInterrupt only where that is safe.

    That is inside :meth:`allowed`, at :meth:`check`, and everywhere for a second Ctrl-C. In
    another thread than the main one, where signals do not arrive, it does nothing.
    """

    def __init__(self) -> None:
        self._allowed = False
        self._asked = False
        self._previous: list[Any] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = [signal.signal(number, self._handle) for number in _SIGNALS]
        return self

    def __exit__(self, *error: object) -> None:
        # In another thread no handler was replaced.
        for number, handler in zip(_SIGNALS, self._previous, strict=False):
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._allowed or self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._asked:
            raise KeyboardInterrupt

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let Ctrl-C end the block at once."""
        # In this order: a signal between the two lines ends the block as well.
        self._allowed = True
        try:
            self.check()
            yield
        finally:
            self._allowed = False
