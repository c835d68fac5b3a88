"""What waits for an engine's writer, and what is under way together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import Any

from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.engines.writing.turns import Work


class Place(Enum):
    """Where a call is: before the queue, in it, or taken out of it."""

    OUTSIDE = 0
    QUEUE = 1
    GONE = 2


class Call:
    """What waits for the writer: operations for a group, or else something that runs alone."""

    __slots__ = ("alone", "deadline", "exclusive", "future", "place", "size", "touched", "works")

    def __init__(
        self,
        future: asyncio.Future[Any],
        works: Sequence[Work] = (),
        alone: Callable[..., Any] | None = None,
        exclusive: ExclusiveTransaction | None = None,
        touched: Collection[Any] = (),
    ) -> None:
        self.future = future
        self.works = works
        self.touched = touched
        self.alone = alone
        self.exclusive = exclusive
        self.size = len(works) or 1
        self.deadline = 0.0
        self.place = Place.OUTSIDE


class Group:
    """Calls that are under way together; none where a line only has to answer still."""

    __slots__ = ("calls", "size", "touched")

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.size = 0
        self.touched: set[Any] = set()

    @property
    def is_alone(self) -> bool:
        """Whether it is no group of operations, but one thing that runs alone."""
        return bool(self.calls) and not self.calls[0].works
