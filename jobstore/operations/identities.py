"""Postings that are stored under other keys than their addresses say, and giving them their own.

Earlier rules took the host for the source, so that one posting came to be stored several times.
What an address says is in :mod:`jobstore.exchange.identity`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from jobstore.errors import JobNotFound
from jobstore.exchange.identity import board_of, identity
from jobstore.records import Job, job_id
from jobstore.store import JobStore

# Postings whose keys are looked up, or changed, at a time.
_SLICE = 256


@dataclass(slots=True)
class Misplaced:
    """How many postings were looked at, and how many are not under the keys they should have.

    ``elsewhere`` counts those under another key, ``superfluous`` those among them that are there
    beside another one of the same posting; ``boards`` says how many of each board's. After a
    repair the numbers are those of what was mended.
    """

    looked: int = 0
    elsewhere: int = 0
    superfluous: int = 0
    boards: dict[str, int] = field(default_factory=dict)


def proper_key(job: Job) -> tuple[str, str] | None:
    """Return the key that a posting should have by its address; ``None`` if it has it already.

    Only where a board that is known is the posting's source, under any host of the board:
    what another source says about a posting of a board stays that source's.
    """
    if job.url is None:
        return None
    source, key = identity(job.url)
    if source is None or key is None or (source, key) == (job.source, job.source_job_id):
        return None
    if source == job.source and job.source_job_id.startswith(f"{key}#"):
        return None  # kept apart by an import: another posting under the same address
    if board_of(job.url) is None or source not in (job.source, board_of(f"https://{job.source}")):
        return None
    return source, key


async def examine(
    store: JobStore, *, repair: bool = False, progress: Callable[[int], object] | None = None
) -> Misplaced:
    """Look at every posting; with ``repair`` give each its proper key, joining those that share it.

    Each posting is joined in a transaction of its own, so that an interrupted repair leaves whole
    postings, and another one goes on from there. Memory: some 100 bytes for each posting
    that is found. ``progress`` gets the number that was looked at since it was last called.
    """
    found, seen = Misplaced(), set[UUID]()
    waiting: list[tuple[Job, tuple[str, str]]] = []
    async for job in store.stream():
        found.looked += 1
        if progress is not None:
            progress(1)
        if (key := proper_key(job)) is not None:
            waiting.append((job, key))
        if len(waiting) == _SLICE:
            await _settle(store, waiting, found, seen, repair=repair)
            waiting.clear()
    await _settle(store, waiting, found, seen, repair=repair)
    return found


async def _settle(
    store: JobStore,
    waiting: list[tuple[Job, tuple[str, str]]],
    found: Misplaced,
    seen: set[UUID],
    *,
    repair: bool,
) -> None:
    targets = [job_id(*key) for _, key in waiting]
    taken = await store.get_many(targets)
    for (_, (source, _)), target, there in zip(waiting, targets, taken, strict=True):
        found.elsewhere += 1
        found.superfluous += there is not None or target in seen
        found.boards[source] = found.boards.get(source, 0) + 1
        seen.add(target)
    if repair:
        joins = (store.join(job.id, *key) for job, key in waiting)
        for outcome in await asyncio.gather(*joins, return_exceptions=True):
            # Another process may have deleted it meanwhile.
            if isinstance(outcome, BaseException) and not isinstance(outcome, JobNotFound):
                raise outcome
