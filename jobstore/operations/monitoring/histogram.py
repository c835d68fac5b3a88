"""Latencies as counts in fixed buckets, and percentiles out of them.

Pure arithmetic: no clock, no file. Buckets are fixed so that histograms of any processes and
times can be added up; percentiles cannot.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import ceil

# Upper bounds in microseconds, six in each power of ten, from 10 us to 10 s. The bounds that
# OpenTelemetry recommends are among them, and so are 50 and 100 ms, where alerts begin: whether
# a percentile lies above one of these is exact.
MICROS: tuple[int, ...] = (
    *(step * 10**power for power in range(6) for step in (10, 15, 20, 30, 50, 70)),
    10_000_000,
)
BOUNDS: tuple[float, ...] = tuple(micros / 1_000_000 for micros in MICROS)
"""Upper bounds in seconds, inclusive; one more bucket takes what is longer."""

CONVENTIONAL = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""The bounds in seconds that OpenTelemetry recommends for ``db.client.operation.duration``.

Source: OpenTelemetry semantic conventions for database client metrics.
"""

EMPTY = (0,) * (len(BOUNDS) + 1)


def bucket_of(seconds: float) -> int:
    """Return the index of the bucket that ``seconds`` falls into."""
    return bisect_left(BOUNDS, seconds)


def merged(histograms: Iterable[Sequence[int]]) -> list[int]:
    """Return the sum of histograms."""
    return [*map(sum, zip(EMPTY, *histograms, strict=True))]


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the duration in seconds that ``share`` (0 to 1) of all do not exceed.

    By nearest rank, evenly spread inside of a bucket; 10 s stands for all that is longer.
    ``None`` when nothing was counted.
    """
    total = sum(counts)
    if not total:
        return None
    rank = max(1, ceil(total * share))
    sums = list(accumulate(counts))
    index = bisect_left(sums, rank)
    if index == len(BOUNDS):
        return BOUNDS[-1]
    low = BOUNDS[index - 1] if index else 0.0
    return low + (BOUNDS[index] - low) * (1 - (sums[index] - rank) / counts[index])


def cumulative(counts: Sequence[int]) -> list[int]:
    """Return how many lasted at most as long as each bound of CONVENTIONAL."""
    sums = list(accumulate(counts))
    return [sums[bucket_of(bound)] for bound in CONVENTIONAL]
