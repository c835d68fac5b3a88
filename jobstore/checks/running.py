"""Running checks so that none of them can hang: neither its caller, nor the others, nor the exit.

What is looked at is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from jobstore.checks.report import Check, Verdict
from jobstore.errors import JobStoreError, StoreTimeout

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class Seen:
    """What a look found; see :class:`Check` for the fields."""

    verdict: Verdict
    observed: float | int | str | None = None
    unit: str | None = None
    output: str = ""


@dataclass(slots=True, frozen=True)
class Probe:
    """One check: its name, the kind of its component, and how to look.

    ``look`` returns what it sees, or raises what is wrong. It is given up, never waited for:
    what blocks runs by :func:`jobstore.threads.apart`. A probe that is ``alone`` measures
    durations, so no other one runs meanwhile.
    """

    name: str
    look: Callable[[], Awaitable[Seen]]
    kind: str = "datastore"
    alone: bool = False

    @property
    def component(self) -> str:
        """What stands before the colon of the name."""
        return self.name.partition(":")[0]


async def run(
    probes: Iterable[Probe], seconds: float, clock: Callable[[], datetime]
) -> list[Check]:
    """Run every probe, ``seconds`` at most each, and return their checks in the same order.

    Those that are alone run one after the other, the others together.
    """
    probes = list(probes)
    found: dict[int, Check] = {}
    together = [each for each in probes if not each.alone]
    for group in ([each] for each in probes if each.alone):
        found |= await _run_group(group, seconds, clock)
    found |= await _run_group(together, seconds, clock)
    return [found[id(each)] for each in probes]


async def _run_group(
    probes: list[Probe], seconds: float, clock: Callable[[], datetime]
) -> dict[int, Check]:
    checks = await asyncio.gather(*(_run_one(each, seconds, clock) for each in probes))
    return {id(probe): check for probe, check in zip(probes, checks, strict=True)}


async def _run_one(probe: Probe, seconds: float, clock: Callable[[], datetime]) -> Check:
    try:
        seen = await limited(probe.look(), seconds)
    except Exception as error:
        seen = Seen(Verdict.FAIL, output=reason(error))
    return Check(
        name=probe.name,
        kind=probe.kind,
        verdict=seen.verdict,
        time=clock(),
        observed=seen.observed,
        unit=seen.unit,
        output=seen.output,
    )


async def limited(waiting: Awaitable[T], seconds: float) -> T:
    """Wait for something, and raise StoreTimeout after ``seconds``.

    It is cancelled then, but not waited for: what hangs may not see that it was cancelled.
    """
    task = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            # Nobody asks for it any more, and asyncio would complain about that.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
    if task.done():
        return task.result()
    raise StoreTimeout(
        f"There was no answer within {seconds:g} seconds; the disk hangs, or somebody keeps the "
        "store locked."
    )


def reason(error: BaseException) -> str:
    """Say what went wrong, without values, paths of others or statements."""
    if isinstance(error, JobStoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or 'the system refused it'} ({type(error).__name__})"
    return f"unexpected {type(error).__name__}"
