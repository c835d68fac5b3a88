"""For whom a program writes: one that serves several writes in the name of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_name: ContextVar[str | None] = ContextVar("jobstore_actor", default=None)


@contextmanager
def acting_as(name: str | None) -> Iterator[None]:
    """Write in the name of ``name`` in this block, and in tasks that are started inside of it.

    With ``None`` stores write in their own, as :func:`jobstore.connect` was told.
    """
    before = _name.set(name)
    try:
        yield
    finally:
        _name.reset(before)


def acting() -> str | None:
    """Return in whose name is written now, if not in the store's own."""
    return _name.get()
