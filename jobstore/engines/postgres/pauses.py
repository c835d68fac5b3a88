"""The pause between two tries, of whatever fails for a while."""

from __future__ import annotations

import asyncio
import random


async def pause(tried: int, first: float, longest: float) -> None:
    """Wait after ``tried`` (from 1) tries: about ``first`` seconds, then ever twice as long.

    ``longest`` is the most, in seconds.
    """
    # Chance keeps those who met from meeting again.
    share = random.uniform(0.5, 1)  # nosec B311 - it is no secret
    await asyncio.sleep(min(first * 2 ** (tried - 1), longest) * share)
