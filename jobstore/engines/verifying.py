"""Comparing what is kept twice, whatever the engine: each row with what follows from it.

One class for each kind of check, and one finding of each. Nothing is opened here; an engine gives
the rows, and adds what only it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from jobstore.derived.counters import SPELLED, Counter, Tally
from jobstore.derived.digests import revision_digest
from jobstore.derived.micros import to_micros
from jobstore.derived.record import Derived
from jobstore.engines.kept import Kept, is_sound
from jobstore.engines.revisions import revision_from_row
from jobstore.engines.rows import LISTED_AT, job_from_row, row_digests, stored_digests
from jobstore.search.words import fold
from jobstore.verdicts import Check, Verdict, finding

_Words = TypeVar("_Words")

# The most faults of one kind that are named one by one.
_TOLD = 5


class Faults:
    """What one check finds: all faults are counted, the first ones are named."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        self.number = 0
        self._told: list[str] = []
        for fault in told:
            self.add(fault)

    def add(self, fault: str) -> None:
        """Count a fault."""
        self.number += 1
        if len(self._told) < _TOLD:
            self._told.append(fault)

    def finding(self, name: str, good: str) -> Check:
        """Return the finding; ``good`` is what to say when there is no fault."""
        if not self.number:
            return finding(name, Verdict.PASS, good)
        more = f" and {self.number - _TOLD:,} more" if self.number > _TOLD else ""
        return finding(name, Verdict.FAIL, "; ".join(self._told) + more)


class Content(NamedTuple, Generic[_Words]):
    """A posting that can be read, and what follows from it."""

    listed_at: int
    words: _Words
    counters: list[tuple[Counter, int]]


class RowCheck(Protocol):
    """One kind of check: sees every posting, in the order of the rows, then says what it found."""

    def see(self, name: str, row: Sequence[Any], content: Content[Any] | None) -> None:
        """Look at a posting, called ``name``; no content means that it cannot be read."""

    def finding(self) -> Check:
        """Say what was found in all of them."""


class Postings(Generic[_Words]):
    """Every row can be read, and has the id of its key.

    ``words`` gives what the engine's index of words should have of a posting.
    """

    def __init__(self, words: Callable[[Derived], _Words]) -> None:
        self._words = words
        self._number = 0
        self._faults = Faults()

    def read(self, name: str, row: Sequence[Any]) -> Content[_Words] | None:
        """Return what the row holds, ``None`` if it cannot be read."""
        self._number += 1
        try:
            derived = Derived(job_from_row(row))
            listed = to_micros(derived.listed_at)
            content = Content(listed, self._words(derived), list(derived.counters))
            wrong_id = derived.job.id != derived.id
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self._faults.add(f"{name} cannot be read ({type(error).__name__})")
            return None
        if wrong_id:
            self._faults.add(f"{name} has the id of another key")
        return content

    def finding(self) -> Check:
        """Say what was found in all of them."""
        good = f"all {self._number:,} are readable and have the id of their key"
        return self._faults.finding("postings", good)


class Digests:
    """Every posting is what was written, to the bit, and was seen when it says."""

    _FAULTS = (
        "is not what was written",
        "was seen or listed at another time than it says",
        "was stored at another time, or by somebody else, than it says",
    )

    def __init__(self) -> None:
        self._faults = Faults()

    def see(self, name: str, row: Sequence[Any], content: Content[Any] | None) -> None:
        """Look at a posting."""
        if content is None:
            return
        for stored, right, fault in zip(
            stored_digests(row), row_digests(row), self._FAULTS, strict=True
        ):
            if stored != right:
                self._faults.add(f"{name} {fault}")

    def finding(self) -> Check:
        """Say what was found in all of them."""
        return self._faults.finding("digests", "every posting is what was written")


class Order:
    """Postings come in the order of listing, of which ``key`` gives the place of a row."""

    def __init__(self, key: Callable[[Sequence[Any]], Any]) -> None:
        self._faults = Faults()
        self._key = key
        self._last: Any = None

    def see(self, name: str, row: Sequence[Any], content: Content[Any] | None) -> None:
        """Look at a posting; the newest comes first."""
        listed = self._key(row)
        if self._last is not None and listed >= self._last:
            self._faults.add(name)
        self._last = listed
        if content is not None and content.listed_at != row[LISTED_AT]:
            self._faults.add(f"{name} is listed at another time than it says")

    def finding(self) -> Check:
        """Say what was found in all of them."""
        return self._faults.finding("order", "newest first is exact")


class Counters:
    """The counts are what the postings add up to.

    ``kept`` are the kind, value, label and amount of each count but quartiles; ``misplaced`` names
    the quartiles that do not follow from the counts.
    """

    def __init__(
        self,
        kept: Callable[[], Iterable[tuple[str, str, str, int]]],
        misplaced: Callable[[], Iterator[str]],
    ) -> None:
        self._kept = kept
        self._misplaced = misplaced
        self._tally = Tally()

    def see(self, name: str, row: Sequence[Any], content: Content[Any] | None) -> None:
        """Look at a posting."""
        if content is not None:
            self._tally.add(content.counters)

    def finding(self) -> Check:
        """Say what was found in all of them."""
        counted, kept, labels = self._tally.amounts, {}, {}
        for kind, value, label, amount in self._kept():
            kept[kind, value], labels[kind, value] = amount, label
        faults = Faults(
            f"{_counter(kind, value)} is kept as {kept.get((kind, value), 0):,}, "
            f"counted {counted.get((kind, value), 0):,}"
            for kind, value in sorted(kept.keys() | counted.keys())
            if kept.get((kind, value), 0) != counted.get((kind, value), 0)
        )
        for (kind, value), label in labels.items():
            # The posting whose spelling is shown may be gone.
            spelled = kind in SPELLED and fold(label) == value
            if not spelled and label != self._tally.labels.get((kind, value), label):
                faults.add(f"{_counter(kind, value)} is shown as another value")
        if not faults.number:
            # They follow from the counts, so they make sense only where those do.
            faults = Faults(self._misplaced())
        return faults.finding("counters", "equal to what the postings add up to")


def _counter(kind: str, value: str) -> str:
    # Either may be damaged, and no text that can be printed.
    return f"{kind.encode('ascii', 'backslashreplace').decode()} {value!r}"


def history(rows: Iterable[Sequence[Any]]) -> Check:
    """Check earlier versions: rows of id, version, changed_at, previous and digest."""
    faults, number = Faults(), 0
    for id, *columns, written in rows:
        number += 1
        name = f"version {columns[0]} of posting {hexadecimal(id)}"
        try:
            revision_from_row(columns)
        except ValueError as error:
            faults.add(f"{name} cannot be read ({error})")
        else:
            if revision_digest(id, *columns) != written:
                faults.add(f"{name} is not what was written")
    return faults.finding("history", f"all {number:,} earlier versions are what was written")


def life(tables: Iterable[tuple[Kept, Iterable[Sequence[Any]]]]) -> Check:
    """Check the tables of the life cycle: each with its rows."""
    faults, number = Faults(), 0
    for kept, rows in tables:
        for row in rows:
            number += 1
            if not is_sound(row):
                faults.add(f"{called(kept, row)} is not what was written")
    return faults.finding("life cycle", f"all {number:,} rows beside postings are what was written")


def called(kept: Kept, row: Sequence[Any]) -> str:
    """Return what a finding calls a row of the life cycle."""
    return " ".join((kept.name, *map(hexadecimal, kept.key_of(row))))


def hexadecimal(id: Any) -> str:
    """Return an id as a finding names it, whatever damage has made of it."""
    return id.hex() if isinstance(id, bytes) else str(id)
