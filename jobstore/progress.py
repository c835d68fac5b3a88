"""Telling how far a long work is. Who shows it, and how, is not known here."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], object]
"""Told the name of the step, what is done of it, and of how much; 0 where that is not known."""


def silent(step: str, done: int, total: int) -> None:
    """Tell nobody how far the work is."""
