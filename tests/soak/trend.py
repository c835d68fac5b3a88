"""Whether a line keeps growing; pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

# Fewer samples say nothing.
LEAST = 12


def keeps_growing(line: Sequence[float], *, share: float, slack: float) -> bool:
    """Tell whether a line grew from the second quarter to the third, and again to the last.

    The medians of the quarters are compared, so that single peaks do not count, and the first
    quarter is left out, in which caches fill. Each step has to be worth half of ``share`` of the
    second quarter's median plus ``slack``.
    """
    if len(line) < LEAST:
        return False
    size = len(line) / 4
    second, third, last = (median_low(line[int(n * size) : int((n + 1) * size)]) for n in (1, 2, 3))
    step = (second * share + slack) / 2
    return third - second > step and last - third > step
