"""What was counted: as flat numbers that can be added up, and as something to read.

The flat form is what the history stores and what processes share; no clock and no file is known
here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from jobstore.operations.monitoring.histogram import EMPTY, MICROS, merged, quantile

T = TypeVar("T")

Key = tuple[str, str, str]
"""Operation, measure and detail. The measures are ``bucket`` (the detail is its upper bound in
microseconds, or ``inf``), ``micros`` (the sum of durations), ``rows``, ``error`` (the detail is
the class name) and ``observed`` (microseconds that a process looked; no operation)."""

OBSERVED: Key = ("", "observed", "")

UNTIMED = frozenset({"stream", "transaction", "upsert_many"})
"""Operations that last as long as their caller wants; no latency is taken from them."""

GAUGES = {
    "queue_depth": ("jobstore_writer_queue_depth", "Writes that wait for their turn."),
    "group_size": ("jobstore_writer_group_size", "Writes in the last transaction."),
    "wal_bytes": ("jobstore_wal_bytes", "Size of the write-ahead log."),
    "disk_free_bytes": ("jobstore_disk_free_bytes", "Free space on the disk of the store."),
    "processes": ("jobstore_processes", "Processes that use the store and record themselves."),
}
"""Levels, which go up and down: what others call them, and a word on each."""

# What the caller asked for cannot be had: an answer, not a failure of the store.
# So is using a store after it was closed.
_ANSWERS = frozenset(
    {"InvalidPosting", "InvalidQuery", "JobNotFound", "StoreClosed", "VersionConflict"}
)
# The caller stopped waiting.
_ENDED = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt"})
# What a store raises when it fails. Operations that run code of the caller's raise its errors too.
_FAILURES = frozenset({
    "JobStoreError", "MigrationError", "OutcomeUnknown", "SchemaMismatch", "StorageFull",
    "StoreBusy", "StoreCorrupt", "StoreTimeout", "StoreUnavailable",
})  # fmt: skip

_LABELS = (*map(str, MICROS), "inf")
_INDEX = {label: index for index, label in enumerate(_LABELS)}


def is_failure(operation: str, error: str) -> bool:
    """Whether the error of that class name says that the store failed.

    A posting that is absent, a query that means nothing and a caller that stopped waiting are
    no failures; neither is what a caller raises in its own transaction or input.
    """
    if operation in UNTIMED:
        return error in _FAILURES
    return error not in _ANSWERS and error not in _ENDED


@dataclass(slots=True)
class Traffic:
    """What one operation did: durations in seconds, rows, errors by class name."""

    buckets: list[int] = field(default_factory=lambda: [*EMPTY])
    seconds: float = 0.0
    rows: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    """Errors that say that the store failed."""

    @property
    def count(self) -> int:
        """Return how many operations there were."""
        return sum(self.buckets)

    def quantile(self, share: float) -> float | None:
        """Return a percentile in seconds, ``None`` without operations."""
        return quantile(self.buckets, share)


def flat(traffic: Mapping[str, Traffic]) -> dict[Key, int]:
    """Return traffic by operation as flat numbers."""
    found: dict[Key, int] = {}
    for operation, each in traffic.items():
        found[operation, "micros", ""] = round(each.seconds * 1_000_000)
        found[operation, "rows", ""] = each.rows
        for label, count in zip(_LABELS, each.buckets, strict=True):
            if count:
                found[operation, "bucket", label] = count
        for error, count in each.errors.items():
            found[operation, "error", error] = count
    return found


def by_operation(counted: Mapping[Key, int]) -> dict[str, Traffic]:
    """Return flat numbers by operation, in order of names."""
    found: dict[str, Traffic] = {}
    for (operation, measure, detail), amount in sorted(counted.items()):
        if not operation:
            continue
        traffic = found.setdefault(operation, Traffic())
        if measure == "bucket":
            # A bound that another version used would count as longer than all.
            traffic.buckets[_INDEX.get(detail, len(MICROS))] += amount
        elif measure == "micros":
            traffic.seconds = amount / 1_000_000
        elif measure == "rows":
            traffic.rows = amount
        elif measure == "error":
            traffic.errors[detail] = amount
            traffic.failures += amount if is_failure(operation, detail) else 0
    return found


def together(traffic: Mapping[str, Traffic]) -> Traffic:
    """Return all operations as one; those that are UNTIMED lend no durations.

    So ``count`` is of the operations with a latency, and :func:`total` is of all.
    """
    timed = [each for name, each in traffic.items() if name not in UNTIMED]
    return Traffic(
        merged(each.buckets for each in timed),
        sum(each.seconds for each in timed),
        sum(each.rows for each in traffic.values()),
        added(each.errors for each in traffic.values()),
        sum(each.failures for each in traffic.values()),
    )


def total(traffic: Mapping[str, Traffic]) -> int:
    """Return how many operations there were, of every kind."""
    return sum(each.count for each in traffic.values())


def added(parts: Iterable[Mapping[T, int]]) -> dict[T, int]:
    """Return the sum of numbers by what they count."""
    result: Counter[T] = Counter()
    for part in parts:
        result.update(part)
    return dict(result)
