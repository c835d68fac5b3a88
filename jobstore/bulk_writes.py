"""Writing many postings at once, the same for a store and for a run of a scraper."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import aclosing, suppress
from datetime import datetime

from jobstore.engines.protocol import Engine
from jobstore.errors import InvalidPosting, JobStoreError
from jobstore.intake.bulk import Chunk, Posting, checked_chunks
from jobstore.postings import Postings
from jobstore.records import Outcome, Rejection, UpsertReport


class BulkWrites(Postings):
    """Postings, single and many."""

    _engine: Engine

    async def upsert_many(
        self,
        postings: Iterable[Posting] | AsyncIterable[Posting],
        *,
        strict: bool | None = None,
        seen_at: datetime | None = None,
        progress: Callable[[UpsertReport], None] | None = None,
    ) -> UpsertReport:
        """Upsert any number of postings, reading them as they are stored.

        Takes an iterable or an async iterable of postings or mappings. Those with faults are
        listed in the report with their position in the input and the reasons, and the others
        are stored, in transactions of at most 512. ``progress`` is called with the report so
        far after each of them, and again at the end. ``strict`` and ``seen_at`` are those of
        :meth:`upsert`, for all of them; the report's ``warnings`` list the values of stored
        postings that were not taken as they came.

        Raises what ``postings`` raises, and StoreBusy, StorageFull, StoreUnavailable or
        OutcomeUnknown when the store fails; what was reported to ``progress`` stays stored.
        """
        report = UpsertReport()
        with self._watch("upsert_many") as watch:
            self._before_write()
            self._check_seen_at(seen_at)
            taken = checked_chunks(
                postings,
                report,
                strict=strict,
                seen_at=seen_at,
                clock=self._clock,
                refused=self._refused,
            )
            async with aclosing(taken) as chunks:
                # While one chunk is being written, the next one is read and checked.
                writing: asyncio.Task[None] | None = None
                try:
                    async for chunk in chunks:
                        if writing is not None:
                            # Cancelled here, the write goes on and is waited for below, so
                            # that the report tells what is stored.
                            await asyncio.shield(writing)
                        writing = asyncio.create_task(self._write_chunk(chunk, report, progress))
                except BaseException:
                    # What ended the input matters more than how the last write went.
                    if writing is not None:
                        with suppress(Exception):
                            await writing
                    raise
                if writing is not None:
                    await writing
            watch.rows = report.inserted + report.updated + report.unchanged
        report.rejected.sort(key=lambda rejection: rejection.index)
        refused = {rejection.index for rejection in report.rejected}
        report.warnings = [each for each in report.warnings if each.index not in refused]
        if progress is not None:
            progress(report)
        return report

    def _refused(self, posting: object) -> None:
        """Take notice of something that is no posting."""

    async def _write_chunk(
        self,
        chunk: Chunk,
        report: UpsertReport,
        progress: Callable[[UpsertReport], None] | None,
    ) -> None:
        outcomes = await self._engine.upsert_many([posting for _, posting in chunk], self._origin)
        failure: JobStoreError | None = None
        for (index, posting), outcome in zip(chunk, outcomes, strict=True):
            if not isinstance(outcome, BaseException):
                self._wrote(posting, outcome)
            if isinstance(outcome, InvalidPosting):
                report.rejected.append(Rejection(index, posting.source_job_id, outcome.faults))
            elif isinstance(outcome, BaseException):
                failure = failure or outcome
            elif outcome.outcome is Outcome.INSERTED:
                report.inserted += 1
            elif outcome.outcome is Outcome.UPDATED:
                report.updated += 1
            else:
                report.unchanged += 1
        if progress is not None:
            progress(report)
        if failure is not None:
            raise failure
