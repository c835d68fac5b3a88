"""What stands in a store, and what taking back migrations would lose.

Everything here only reads, and blocks while it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jobstore.engines import backend_of
from jobstore.engines.backend import Condition, Count
from jobstore.migrating import Step
from jobstore.settings import StoreURL

# What follows from postings, and is written anew by the migration that has a place for it.
_DERIVED = {
    *("posting.digest", "posting.seen_digest", "revision.digest", "counter", "store_property"),
    *("posting_words", "posting_vocabulary", "search_index", "search_vocabulary"),
    *("word_index", "word_vocabulary"),
}

PATIENCE = 10.0
"""Seconds to wait for other processes."""


@dataclass(frozen=True, slots=True)
class Values:
    """What taking back migrations would lose, counted by ``table.column``, or rows by table."""

    counts: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return ", ".join(
            f"{number:,} {'values' if '.' in name else 'rows'} of {name}"
            for name, number in self.counts.items()
        )


def read_condition(url: StoreURL) -> Condition:
    """Return what stands at ``url``; raises StoreUnavailable or StoreCorrupt."""
    return backend_of(url).upkeep.condition(url)


def values_of(count: Count, steps: Iterable[Step]) -> Values:
    """Return what stands where only the migrations ``steps`` have a place for it."""
    names = sorted({name for step in steps for name in step.removed} - _DERIVED)
    counts = {name: count(name) for name in names}
    return Values({name: number for name, number in counts.items() if number})
