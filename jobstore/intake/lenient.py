"""Taking in what others wrote: every value is read or left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Translated(dict[str, Any]):
    """The fields that a mapping made of a row."""

    origin: Callable[[str], tuple[str, Any] | None]
    broken: Sequence[Any] = ()
