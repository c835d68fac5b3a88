"""Stopping Python work on a reader's thread: a read that nobody waits for ends at its next look.

SQLite can interrupt its own statements, but nothing interrupts Python. So whatever goes through
rows there asks between two of them whether it has to stop. :mod:`.readers` decides that; on other
threads nothing is ever stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from jobstore.errors import StoreTimeout

T = TypeVar("T")


class Stop:
    """Whether a read was ``told`` to stop; to be set from any thread."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told = False


class _Here(threading.local):
    stop: Stop | None = None


_here = _Here()


def stoppable(stop: Stop, work: Callable[[], T]) -> T:
    """Run ``work()`` and return its result; :func:`look` asks ``stop`` meanwhile."""
    _here.stop = stop
    try:
        return work()
    finally:
        _here.stop = None


def look() -> None:
    """Raise StoreTimeout when what runs on this thread was told to stop."""
    if (stop := _here.stop) is not None and stop.told:
        raise StoreTimeout


def watched(rows: Iterable[T]) -> Iterator[T]:
    """Yield the rows, and :func:`look` before each."""
    stop = _here.stop
    for row in rows:
        if stop is not None and stop.told:
            raise StoreTimeout
        yield row
