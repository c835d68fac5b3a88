"""Slows an operation down on purpose, to see whether the gates notice: ``--plant get=1.25``.

For one call at a time: whoever keeps the thread busy among many callers slows all of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks import Misuse
from benchmarks.operations import Call, Operation
from jobstore.store import JobStore

_clock = time.perf_counter

Plants = Mapping[str, float]


def parse(texts: Sequence[str]) -> dict[str, float]:
    """Read ``OPERATION=FACTOR`` texts; raises Misuse for one that is none."""
    found = {}
    for text in texts:
        name, _, factor = text.partition("=")
        try:
            found[name] = float(factor)
        except ValueError:
            found[name] = 0.0
        if not 1 <= found[name] < 1000:
            raise Misuse(f"{text!r} is not OPERATION=FACTOR, with a factor from 1 on")
    return found


def plant(operations: Sequence[Operation], plants: Plants) -> list[Operation]:
    """Return the operations, those of ``plants`` slowed down by their factors.

    Raises Misuse for a name that is no operation.
    """
    names = [each.name for each in operations]
    for name in plants:
        if name not in names:
            raise Misuse(f"{name!r} is no operation; there are {', '.join(names)}")
    return [
        replace(each, calls=[slowed(call, plants[each.name]) for call in each.calls])
        if each.name in plants
        else each
        for each in operations
    ]


def slowed(call: Call, factor: float) -> Call:
    """Return a call that keeps its thread busy until ``factor`` times its time has passed."""

    async def slower(store: JobStore) -> Any:
        started = _clock()
        answer = await call(store)
        until = started + factor * (_clock() - started)
        while _clock() < until:
            pass
        return answer

    return slower
