"""One posting, and many of them, in and out."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from jobstore.errors import Fault, InvalidPosting, JobNotFound, StoreBusy, VersionConflict
from jobstore.exchange import jsonl
from jobstore.exchange.documents import json_objects
from jobstore.exchange.identity import identity
from jobstore.exchange.rows import BrokenFile, Row
from jobstore.intake.plain_values import number_of_values
from jobstore.lifecycle.duplicates.features import address_key
from jobstore.records import Job, Rejection, UpsertReport, UpsertResult, job_id
from jobstore.service.parameters import Past
from jobstore.store import JobStore

MOST_LINES = 50_000
"""Postings of one body: what is said of those with faults is kept until all are read."""

MOST_VALUES = 100_000
"""One posting has fewer values than these: nobody else is answered while it is looked at."""

# Postings with one address that are looked at.
_NEAR = 50
# How often a change is made anew, since others were faster.
_TRIES = 100
# Values after which others are answered, and as how many a posting counts beside its own.
_IN_A_ROW, _EACH = 2_000, 10


class Taken(NamedTuple):
    """What became of the postings of a body."""

    report: UpsertReport
    read: int
    """Postings that were read: what the report says is about them."""
    unread: str | None = None
    """Why what follows them was not read."""
    is_too_long: bool = False


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


async def upsert_lines(store: JobStore, lines: bytes) -> Taken:
    """Store the postings of JSON Lines, or of a JSON array.

    What cannot be read, or comes after :data:`MOST_LINES`, ends it; those before are stored.
    """
    rows = json_objects(io.BufferedReader(io.BytesIO(lines)), "body", jsonl.DECODER)
    return await _upsert_rows(store, rows)


async def upsert_many(store: JobStore, postings: Iterable[Mapping[str, Any]]) -> UpsertReport:
    """Store postings as :func:`upsert_lines` does, of which there are not too many."""
    rows = (Row(number, posting) for number, posting in enumerate(postings, 1))
    return (await _upsert_rows(store, rows)).report


async def _upsert_rows(store: JobStore, rows: Iterator[Row]) -> Taken:
    """Store the postings of rows; the report goes by the positions of rows."""
    places: list[int] = []
    broken: list[Rejection] = []
    read, unread, is_too_long = 0, None, False

    async def postings() -> AsyncGenerator[Mapping[str, Any], None]:
        nonlocal read, unread, is_too_long
        in_a_row = _IN_A_ROW
        try:
            for row in rows:
                if read == MOST_LINES:
                    unread, is_too_long = f"The body has more than {MOST_LINES:,} postings.", True
                    return
                values = number_of_values(row.value, MOST_VALUES)
                if (in_a_row := in_a_row + _EACH + values) >= _IN_A_ROW:
                    in_a_row = 0
                    await asyncio.sleep(0)
                if values >= MOST_VALUES:
                    row.fault = f"must have fewer than {MOST_VALUES:,} values"
                record, place, read = jsonl.recorded(row), read, read + 1
                if record.posting is None:
                    broken.append(Rejection(place, None, (Fault("", record.fault or ""),)))
                else:
                    places.append(place)
                    yield record.posting
        except BrokenFile as error:
            # What was read before is stored, and told.
            unread = str(error)

    report = await store.upsert_many(postings())
    moved = [replace(each, index=places[each.index]) for each in report.rejected]
    report.rejected = sorted([*moved, *broken], key=lambda each: each.index)
    report.warnings = [replace(each, index=places[each.index]) for each in report.warnings]
    return Taken(report, read, unread, is_too_long)


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
