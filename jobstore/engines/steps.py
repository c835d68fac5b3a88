"""A transaction as steps, each of which an engine takes when the one before is answered.

They are a generator, so that rules stay Python over an engine's statements and need not know how
it is reached: where an engine writes on a thread, all of them are taken there without a way back to
the event loop in between, and nobody else waits for that. A step has no side effect but its
statement, and the steps take no longer than what they have to write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from jobstore.engines.kept import Kept, Row

A = TypeVar("A")
S = TypeVar("S")
T = TypeVar("T")


class Read(NamedTuple):
    """The rows of a named statement are wanted."""

    statement: str
    parameters: tuple[Any, ...]


class Change(NamedTuple):
    """A named statement that writes is to be run for each of ``rows``."""

    statement: str
    rows: Sequence[Row]


class Put(NamedTuple):
    """Rows of a table are to be stored, as :meth:`.protocol.Transacted.put` does."""

    kept: Kept
    rows: Sequence[Row]


Step = Read | Change | Put
Steps = Generator[Step, list[Row], T]


def read(statement: str, *parameters: Any) -> Steps[list[Row]]:
    """Return the rows of a named statement."""
    return (yield Read(statement, parameters))


def change(statement: str, rows: Sequence[Row]) -> Steps[None]:
    """Run a named statement that writes for each of ``rows``, if there are any."""
    if rows:
        yield Change(statement, rows)


def put(kept: Kept, rows: Sequence[Row]) -> Steps[None]:
    """Store rows of a table, if there are any."""
    if rows:
        yield Put(kept, rows)


def reading(step: Step) -> Read:
    """Return a step that is taken where nothing can be written."""
    assert isinstance(step, Read)
    return step


def taken(steps: Generator[S, A, T], take: Callable[[S], A]) -> T:
    """Have ``take`` take one step after another, whatever a step is; return what they return."""
    # The first is asked for as a generator is begun: with nothing.
    answer = cast(A, None)
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return cast(T, end.value)
        answer = take(step)


async def awaited(steps: Generator[S, A, T], take: Callable[[S], Awaitable[A]]) -> T:
    """Do the same where each step is awaited."""
    answer = cast(A, None)
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return cast(T, end.value)
        answer = await take(step)
