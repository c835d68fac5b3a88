"""Made-up postings for environments that want some, and taking exactly those out again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jobstore import resources
from jobstore.connecting import connect
from jobstore.exchange import open_records
from jobstore.records import job_id
from jobstore.settings.sections import Settings

# Postings that are taken out in one transaction; other writers wait meanwhile.
_SLICE = 100


def _postings() -> Iterator[dict[str, Any]]:
    for record in open_records(str(resources.sample_postings()), "jsonl"):
        if record.posting is not None:
            yield record.posting


async def store_samples(settings: Settings) -> int:
    """Store the sample postings; return how many of them are stored then."""
    async with connect(settings.store.url, options=settings.store.options) as store:
        report = await store.upsert_many(_postings())
    return report.inserted + report.updated + report.unchanged


async def remove_samples(settings: Settings) -> int:
    """Take out the sample postings that nobody changed, and return how many that were."""
    ids = (job_id(each["source"], each["source_job_id"]) for each in _postings())
    removed = 0
    async with connect(settings.store.url, options=settings.store.options) as store:
        while some := list(islice(ids, _SLICE)):
            async with store.transaction() as tx:
                for job in await tx.get_many(some):
                    if job is not None and job.version == 1:
                        removed += await tx.delete(job.id)
    return removed
