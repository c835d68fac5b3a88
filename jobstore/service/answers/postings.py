"""One posting, and many of them, in and out."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from jobstore.errors import Fault, InvalidPosting, JobNotFound, StoreBusy, VersionConflict
from jobstore.exchange import jsonl
from jobstore.exchange.identity import identity
from jobstore.exchange.rows import BrokenFile
from jobstore.lifecycle.duplicates.features import address_key
from jobstore.records import Job, Rejection, UpsertReport, UpsertResult, job_id
from jobstore.service.parameters import Past
from jobstore.store import JobStore

MOST_LINES = 50_000
"""Postings of one body: what is said of those with faults is kept until all are read."""

# Postings with one address that are looked at.
_NEAR = 50
# How often a change is made anew, since others were faster.
_TRIES = 100
# Lines after which others are answered, also where all of them have faults.
_IN_A_ROW = 200


async def posting(store: JobStore, id: UUID, past: Past | None = None) -> Job:
    """Return a posting by its id, as it is or as it was. Raises JobNotFound, InvalidQuery."""
    if past is None:
        return await store.get(id)
    return await store.get(id, version=past.version, at=past.at)


async def postings(store: JobStore, ids: Sequence[UUID]) -> list[Job | None]:
    """Return many postings in the order of their ids, ``None`` for each that is not there."""
    return await store.get_many(ids)


async def posting_of(store: JobStore, source: str, source_job_id: str) -> Job:
    """Return a posting by its key. Raises JobNotFound."""
    found = await store.find(source, source_job_id)
    if found is None:
        raise JobNotFound("No posting has this source and id.")
    return found


async def posting_at(store: JobStore, url: str) -> Job:
    """Return the posting whose address is ``url``. Raises JobNotFound.

    It is looked for under the board and the id that the address names, by the addresses of the
    postings that were compared with others, which are indexed, and under that id at each of the
    sources with the most postings.
    """
    source, key = identity(url)
    wanted = address_key(url)
    if source is None or key is None or wanted is None:
        raise JobNotFound("This is not the web address of a single posting.")
    if (found := await store.find(source, key)) is not None:
        return found
    rows = await store.engine.rows("near", json.dumps([wanted]), _NEAR)
    ids = [UUID(bytes=id) for _, id, _ in rows]
    names = dict.fromkeys((key, urlsplit(url).path.rstrip("/").rpartition("/")[2]))
    sources = (await store.statistics()).by_source
    ids += [job_id(each, name) for each in sources for name in names if name]
    jobs = [job for job in await store.get_many(ids) if job is not None]
    # Its own page, rather than one that leads to it.
    places = [(job, job.url) for job in jobs] + [(job, job.apply_url) for job in jobs]
    for job, place in places:
        if place and address_key(place) == wanted:
            return job
    raise JobNotFound(
        "No posting that is known by its address has this one; search for words of its title."
    )


async def upsert(store: JobStore, posting: Mapping[str, Any]) -> UpsertResult:
    """Store a posting, or merge it, as one of a batch. Raises InvalidPosting."""
    with _not_too_deep():
        said = jsonl.said_by(posting)
    return await store.upsert(said)


async def upsert_many(store: JobStore, lines: bytes) -> UpsertReport:
    """Store the postings of JSON Lines, or of a JSON array; the report goes by their positions.

    Raises InvalidPosting where it is neither, or has more than :data:`MOST_LINES`.
    """
    places: list[int] = []
    broken: list[Rejection] = []

    async def postings() -> AsyncGenerator[Mapping[str, Any], None]:
        for place, record in enumerate(jsonl.read(io.BufferedReader(io.BytesIO(lines)), "body")):
            if place == MOST_LINES:
                raise InvalidPosting(
                    f"The body has more than {MOST_LINES:,} postings; those before are stored. "
                    "Send it in pieces."
                )
            if place % _IN_A_ROW == 0:
                await asyncio.sleep(0)
            if record.posting is None:
                broken.append(Rejection(place, None, (Fault("", record.fault or ""),)))
            else:
                places.append(place)
                yield record.posting

    try:
        report = await store.upsert_many(postings())
    except BrokenFile as error:
        # Of a file it says to get it again; whoever is told this has sent it.
        said = str(error).replace("Get it again", "Send it whole")
        raise InvalidPosting(said.replace("get it again", "send it whole")) from None
    moved = [replace(each, index=places[each.index]) for each in report.rejected]
    report.rejected = sorted([*moved, *broken], key=lambda each: each.index)
    report.warnings = [replace(each, index=places[each.index]) for each in report.warnings]
    return report


async def update(
    store: JobStore, id: UUID, changes: Mapping[str, Any], versions: Sequence[str] | None = None
) -> Job:
    """Change a posting, where its version is one of ``versions``: texts, or ``*`` for any.

    Attributes are merged with those that are stored (RFC 7396). Raises InvalidPosting,
    JobNotFound, VersionConflict.
    """
    if isinstance(attributes := changes.get("attributes"), dict):
        with _not_too_deep():
            # Numbers have all their digits here, and in attributes those of JSON.
            patch = jsonl.floats(attributes)
        for _ in range(_TRIES):
            job = await store.get(id)
            _matched(job, versions)
            told = {**changes, "attributes": _merged(job.attributes, patch)}
            # Whoever was faster is not written over.
            with suppress(VersionConflict):
                return await store.update(id, told, expected_version=job.version)
        raise StoreBusy("Others change this posting all the time.")
    return await store.update(id, changes, expected_version=await _expected(store, id, versions))


async def delete(store: JobStore, id: UUID, versions: Sequence[str] | None = None) -> None:
    """Delete a posting, where its version is one of ``versions``. Raises as :func:`update`."""
    async with store.transaction() as unit:
        job = await unit.get(id)
        if versions is not None:
            _matched(job, versions)
        # What was read is locked: nobody changes it before it is deleted.
        await unit.delete(id)


def _merged(stored: Any, patch: Any) -> Any:
    """Return what a merge patch makes of a stored value (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(stored) if isinstance(stored, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = _merged(found.get(name), value)
    return found


@contextmanager
def _not_too_deep() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise InvalidPosting([Fault("attributes", "is nested too deeply")]) from None


async def _expected(store: JobStore, id: UUID, versions: Sequence[str] | None) -> int | None:
    """Return the version that an update may meet; ``None`` for any."""
    if versions is None or "*" in versions:
        return None
    if len(versions) == 1 and versions[0].isdecimal() and len(versions[0]) < 19:
        return int(versions[0])
    job = await store.get(id)
    _matched(job, versions)
    return job.version


def _matched(job: Job, versions: Sequence[str] | None) -> None:
    if versions is not None and "*" not in versions and str(job.version) not in versions:
        raise VersionConflict(f"The posting has version {job.version} now; read it again.")
