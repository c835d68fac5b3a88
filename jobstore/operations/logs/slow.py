"""Slow operations, as an observer of the store that writes them to the performance log.

An operation is logged by its name, its time and the shape of its query: which filters, which
order, which kinds of words. No value of a query is ever known here.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobstore.events import Event

# Slow operations that wait to be written; more are counted and dropped.
_WAITING = 1000


class SlowOperations(AbstractContextManager["SlowOperations"]):
    """An observer: logs operations that took longer than ``slow_ms`` milliseconds.

    The disk is left to a thread, which starts with the first slow operation, so that a slow
    disk does not hold up the event loop as well. Close it, or use it with ``with``.
    """

    def __init__(self, slow_ms: float, logger: Any) -> None:
        self._seconds = slow_ms / 1000
        self._logger = logger
        self._waiting: queue.Queue[Callable[[], object] | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def __call__(self, event: Event) -> None:
        """Take note of a finished operation."""
        if event.seconds <= self._seconds:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="jobstore-slow", daemon=True)
            self._thread.start()
        try:
            # The ids of the run and of the request are those of the caller.
            self._waiting.put_nowait(partial(contextvars.copy_context().run, self._log, event))
        except queue.Full:
            self._dropped += 1

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, for at most ``timeout`` seconds. Calling it twice is fine."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._waiting.put(None, timeout=timeout)
        except queue.Full:
            return
        thread.join(timeout)

    def _write(self) -> None:
        while (log := self._waiting.get()) is not None:
            log()
            if self._dropped:
                self._logger.warning("slow operations were not logged", count=self._dropped)
                self._dropped = 0

    def _log(self, event: Event) -> None:
        self._logger.warning(
            "slow operation",
            operation=event.operation,
            ms=round(event.seconds * 1000, 3),
            rows=event.rows,
            shape=event.shape,
            error=event.error,
        )
