"""What a store tells observers about each of its operations.

An observer is a callable that takes one :class:`Event`. It runs on the event loop, right
after the operation, so it must be quick; what it raises is logged and goes no further.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

_log = logging.getLogger("jobstore")


class Event(NamedTuple):
    """One finished operation of a store; a tuple, since one is made for every call.

    ``operation`` is the store's method (``"upsert"``, ``"search"`` ...), ``seconds`` its
    duration as the caller saw it, ``rows`` how many postings went in or came out, ``error``
    the class name of what it raised (``None`` on success), ``shape`` what kind of query it was:
    names of filters, of the order and of kinds of words, never a value (``None`` where there is
    no query).
    """

    operation: str
    seconds: float
    rows: int
    error: str | None = None
    shape: str | None = None


Observer = Callable[[Event], None]


class Watch:
    """Times the operation in its ``with`` block and tells the observers how it went.

    The block sets ``rows``, and ``shape`` when the watch is ``observed``.
    """

    __slots__ = ("_observers", "_operation", "_started", "rows", "shape")

    def __init__(self, operation: str, observers: tuple[Observer, ...]) -> None:
        self._operation = operation
        self._observers = observers
        self.rows = 0
        self.shape: str | None = None

    @property
    def observed(self) -> bool:
        """Whether anybody will be told."""
        return bool(self._observers)

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._observers:
            return
        seconds = time.perf_counter() - self._started
        name = None if kind is None else kind.__name__
        # What Event(...) does, in half the time.
        told = (self._operation, seconds, self.rows, name, self.shape)
        event = tuple.__new__(Event, told)
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                _log.exception("an observer of %s failed", self._operation)
