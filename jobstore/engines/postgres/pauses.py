"""The pause between two tries, of whatever fails for a while."""

from __future__ import annotations

import asyncio
import random


async def pause(tried: int, first: float, longest: float) -> None:
    """Wait after ``tried`` tries; see :func:`length`."""
    await asyncio.sleep(length(tried, first, longest))


def length(tried: int, first: float, longest: float) -> float:
    """Return the seconds to wait after ``tried`` (from 1) tries: about ``first``, then ever twice
    as long, ``longest`` at most.
    """
    # Chance keeps those who met from meeting again.
    share = random.uniform(0.5, 1)  # nosec B311 - it is no secret
    doubled: float = first * 2 ** (tried - 1)
    return min(doubled, longest) * share
