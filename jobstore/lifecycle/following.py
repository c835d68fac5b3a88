"""Up to where those who follow what changes have seen everything: one rule for all of them.

A follower goes through postings in the order in which they changed last, and keeps a mark. What is
stored later may be stamped earlier: by another clock, or by a transaction that took long. So a mark
never passes the time that :func:`settled` gives.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from jobstore.derived.micros import to_micros
from jobstore.engines.protocol import Engine

LOOK_BACK = timedelta(minutes=5)
"""So much may clocks of writers differ, beside the time that open transactions take."""

_SECONDS = 60.0


async def settled(engine: Engine, clock: Callable[[], datetime]) -> int:
    """Return the time, in microseconds, before which nothing is stored any more.

    Ask before reading. It holds for reads that see all that is stored at the time of the call
    (:mod:`jobstore.engines.freshness`).
    """
    until = to_micros(clock())
    ((oldest,),) = await engine.rows("oldest_writer")
    if oldest == 0:
        # A standby has answered, which does not know. A transaction is always at the primary.
        async with engine.transaction(_SECONDS) as unit:
            ((oldest,),) = await unit.rows("oldest_writer")
    if oldest is not None:
        until = min(until, oldest)
    return until - LOOK_BACK // timedelta(microseconds=1)
