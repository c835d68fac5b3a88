"""Running checks so that none of them can hang: neither its caller, nor the others, nor the exit.

What is looked at is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from jobstore.errors import JobStoreError, StoreTimeout
from jobstore.verdicts import Check, Verdict

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class Probe:
    """A check that is to be run: its name, how to look, and the kind of its component.

    ``look`` returns what it found, or raises what is wrong. It is given up, never waited for:
    what blocks runs by :func:`jobstore.threads.apart`. A probe that is ``alone`` measures
    durations, so no other one runs meanwhile.
    """

    name: str
    look: Callable[[], Awaitable[Check]]
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

    async def looked(probe: Probe) -> Check:
        try:
            found = await limited(probe.look(), seconds)
        except Exception as error:
            found = failed(error)
        return replace(found, name=probe.name, kind=probe.kind, time=clock())

    probes = list(probes)
    alone = {id(each): await looked(each) for each in probes if each.alone}
    together = [each for each in probes if not each.alone]
    others = await asyncio.gather(*map(looked, together))
    found = alone | {id(probe): check for probe, check in zip(together, others, strict=True)}
    return [found[id(each)] for each in probes]


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
        f"There was no answer within {seconds:g} seconds; the disk or the server hangs, or "
        "somebody keeps the store locked."
    )


def failed(error: BaseException, advice: str = "") -> Check:
    """Return the check of a look that raised something."""
    return Check(Verdict.FAIL, output=reason(error), advice=advice)


def reason(error: BaseException) -> str:
    """Say what went wrong, without values, paths of others or statements."""
    if isinstance(error, JobStoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or 'the system refused it'} ({type(error).__name__})"
    return f"unexpected {type(error).__name__}"
