"""Bulk intake: any iterable of postings to checked chunks, in bounded memory.

What is faulty goes to the report; nothing is stored here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from jobstore.errors import InvalidPosting
from jobstore.intake.given import Omission
from jobstore.intake.lenient import accept, utc_now
from jobstore.records import IntakeWarning, JobPosting, Rejection, UpsertReport

# Postings that are checked, and sent to the engine as one unit, at a time.
_CHUNK = 512
# Checking this many takes a millisecond or two; then other coroutines have their turn.
_BREATH = 32

Posting = JobPosting | Mapping[str, Any]
Chunk = list[tuple[int, JobPosting]]


async def checked_chunks(
    postings: Iterable[Posting] | AsyncIterable[Posting],
    report: UpsertReport,
    *,
    strict: bool | None = None,
    seen_at: datetime | None = None,
    clock: Callable[[], datetime] = utc_now,
    refused: Callable[[object], None],
) -> AsyncGenerator[Chunk, None]:
    """Yield chunks of checked postings with their positions.

    Faulty ones go to the report, and so does what of the others was not taken as it came.
    ``refused`` is called with each faulty one.

    Raises InvalidPosting when ``postings`` is no iterable of postings.
    """
    if isinstance(postings, JobPosting | Mapping | str | bytes) or not isinstance(
        postings, Iterable | AsyncIterable
    ):
        raise InvalidPosting("the postings must be an iterable or an async iterable of postings")
    chunk: Chunk = []
    index = 0
    async with aclosing(_each(postings)) as each:
        async for posting in each:
            try:
                checked, omissions = accept(posting, strict=strict, seen_at=seen_at, clock=clock)
                chunk.append((index, checked))
                if omissions:
                    report.warnings += warnings_of(index, checked, omissions)
            except InvalidPosting as error:
                refused(posting)
                report.rejected.append(Rejection(index, _named_id(posting), error.faults))
            index += 1
            if len(chunk) == _CHUNK:
                yield chunk
                chunk = []
            elif index % _BREATH == 0:
                await asyncio.sleep(0)
    if chunk:
        yield chunk


def warnings_of(
    index: int, posting: JobPosting, omissions: list[Omission]
) -> Iterator[IntakeWarning]:
    """Yield the warnings about the posting at position ``index``."""
    return (IntakeWarning(index, posting.source_job_id, *omission) for omission in omissions)


async def _each(
    postings: Iterable[Posting] | AsyncIterable[Posting],
) -> AsyncGenerator[Posting, None]:
    if isinstance(postings, AsyncGenerator):
        # It is closed even when it is not read to its end: its clean-up must not wait.
        async with aclosing(postings):
            async for posting in postings:
                yield posting
    elif isinstance(postings, AsyncIterable):
        async for posting in postings:
            yield posting
    else:
        for posting in postings:
            yield posting


def _named_id(posting: Posting) -> str | None:
    if isinstance(posting, JobPosting):
        named: Any = posting.source_job_id
    else:
        named = posting.get("source_job_id") if isinstance(posting, Mapping) else None
    return named if isinstance(named, str) else None
