"""How far a store has got, and which reads have to see at least so much.

A position is text that only the engine that gave it reads. What a block of reads has to see is
kept here by the store's URL; an engine that reads nowhere but where it writes need not look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_wanted: ContextVar[Mapping[str, str]] = ContextVar("jobstore_positions", default=_NOTHING)


@contextmanager
def at_least(url: str, position: str) -> Iterator[None]:
    """Let the reads of this block, of the store at ``url``, see what was there at ``position``.

    Tasks that are started inside of the block know it as well.
    """
    before = _wanted.get()
    _wanted.set({**before, url: position})
    try:
        yield
    finally:
        _wanted.set(before)


def wanted(url: str) -> str | None:
    """Return the position that reads of the store at ``url`` have to see now, if any."""
    return _wanted.get().get(url)
