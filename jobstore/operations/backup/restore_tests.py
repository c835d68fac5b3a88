"""Restore tests: whether a backup really gives the store back, and how long that takes.

The restored store lives and dies in a scratch folder; the live one is not touched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from jobstore.checks import self_test
from jobstore.connecting import connect
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.catalog import choose
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.state import RestoreTest, record_restore_test
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.backup.verification import open_chosen
from jobstore.progress import Progress, silent
from jobstore.records import JobSummary, SearchQuery, Sort
from jobstore.scratch import disk_errors, make_folder, scratch_folder
from jobstore.settings import StoreURL
from jobstore.settings.sections import Settings

_log = logs.get("backup")

# Postings of a page; those of two are looked at one by one.
_SEEN = 5
# Seconds for the transaction of the self-test.
_PATIENCE = 60.0


def run_restore_test(
    settings: Settings,
    progress: Progress = silent,
    *,
    name: str | None = None,
    accept: Collection[Doubt] = (),
) -> RestoreTest:
    """Restore the newest backup, or the one of that name, into a scratch folder; blocks.

    It is the one that :func:`.restoring.restore` would restore, and ``accept`` means the same.
    Checks integrity, counts and digest, brings the schema up to date, and asks the restored
    store the main questions. Returns how it went, good or bad, and keeps that where
    :func:`last_restore_test` finds it.

    Raises only what prevents that from being kept.
    """
    at, started = datetime.now(UTC), time.monotonic()
    manifest: Manifest | None = None
    place = error = None
    faults: tuple[str, ...] = ()
    try:
        choice = choose(settings, name, accept=accept)
        manifest = choice.backups[0].manifest
        folder = settings.backups_folder
        make_folder(folder)
        with disk_errors(folder), scratch_folder(folder) as scratch:
            opened = open_chosen(choice, scratch, progress)
            manifest, place, faults = opened.backup.manifest, opened.place, opened.faults
            progress("ask the restored store", 0, 0)
            ask(settings, choice.archive.url(opened.database), manifest.name, manifest.postings)
    except JobStoreError as failure:
        error = str(failure)
    result = RestoreTest(
        at=at,
        backup=None if manifest is None else manifest.name,
        place=place,
        ok=error is None,
        error=error,
        seconds=round(time.monotonic() - started, 3),
        age_seconds=None if manifest is None else _age(manifest, at),
        postings=None if manifest is None else manifest.postings,
        faults=faults,
    )
    record_restore_test(settings, result)
    if error is None:
        _log.info("a restore test went well", backup=result.backup, seconds=result.seconds)
    else:
        _log.error("a restore test failed", backup=result.backup, error=error)
    return result


def _age(manifest: Manifest, at: datetime) -> float:
    return round((at - manifest.created_at).total_seconds(), 3)


def ask(settings: Settings, restored: StoreURL, name: str, postings: int) -> None:
    """Raise unless a store that was restored from ``name`` answers as one of so many would."""
    asyncio.run(_ask(settings, restored, name, postings))


async def _ask(settings: Settings, restored: StoreURL, name: str, postings: int) -> None:
    wrong: set[str] = set()
    options = settings.store.options
    async with connect(str(restored), options=options, migrate=True) as store:
        if await store.count() != postings:
            wrong.add("count")
        if (await store.statistics()).total != postings:
            wrong.add("statistics")
        page = await store.search(SearchQuery(), limit=_SEEN)
        if page.total != postings and not page.total_capped:
            wrong.add("search")
        seen = (await store.search(SearchQuery(), limit=2 * _SEEN)).items
        if page.next_cursor is not None:
            following = await store.search(SearchQuery(), limit=_SEEN, cursor=page.next_cursor)
            page.items += following.items
        if _ids(page.items) != _ids(seen):
            wrong.add("pages")
        for summary in seen:
            job = await store.get(summary.id)
            if await store.find(job.source, job.source_job_id) != job:
                wrong.add("find")
            # The full-text index is asked from here on, which no digest covers.
            if not await store.count(SearchQuery(source=job.source, company=job.company)):
                wrong.add("search by company")
            # What is newer and has the same words was seen before it, so it is on the page.
            text = SearchQuery(text=self_test.title_phrases(job.title))
            if job.id not in _ids((await store.search(text, limit=2 * _SEEN)).items):
                wrong.add("search by words")
            await store.revisions(job.id)
        most = (await store.search(SearchQuery(sort=Sort.APPLICANTS), limit=_SEEN)).items
        numbers = [-1 if each.applicant_count is None else each.applicant_count for each in most]
        if len(numbers) != min(postings, _SEEN) or numbers != sorted(numbers, reverse=True):
            wrong.add("search by applicants")
        await store.recent(days=30, limit=_SEEN)
        if not wrong:
            # It is to be worked with as well.
            await self_test.operate(store.engine, _PATIENCE)
            if (await self_test.agree(store.engine)).output:
                wrong.add("counters")
    if wrong:
        raise BackupError(
            f"The store restored from {name} gives wrong answers: {', '.join(sorted(wrong))}."
        )


def _ids(found: list[JobSummary]) -> list[UUID]:
    return [each.id for each in found]
