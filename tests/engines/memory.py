"""An engine that keeps postings in dictionaries: slow, simple, and whole.

It is the proof that the protocol of engines says all that one needs, and the example of
docs/engines.md. What postings become, what texts mean and what is counted, it takes from the
shared rooms; the rest is looked up by going through everything.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from jobstore.derived.counters import (
    CURRENCY,
    MOST_SOURCES,
    TOP,
    Tally,
    applicant_statistics,
    last_days,
    quartiles,
)
from jobstore.derived.funnel import applications_counted
from jobstore.derived.joining import ABOUT, interleaved
from jobstore.derived.matching import said, satisfies, values
from jobstore.derived.micros import to_micros
from jobstore.derived.plan import Plan
from jobstore.derived.record import Derived, Opening
from jobstore.derived.salaries import yearly_range
from jobstore.engines.backend import Capability
from jobstore.engines.kept import (
    APPLICATION,
    DELETION,
    EVENT,
    FOLLOWING,
    MADE,
    SAVED_SEARCH,
    SCOPE_MEMBER,
    SCRAPE_RUN,
    SEEN_MATCH,
    VERDICT,
    Kept,
    Row,
    sealed,
)
from jobstore.engines.kept import joined as joined_rows
from jobstore.engines.protocol import Asked, Found, Position, Queue
from jobstore.engines.revisions import previous_to_json
from jobstore.engines.rows import opening_parameters
from jobstore.engines.steps import Steps
from jobstore.engines.writing.operations import walked
from jobstore.errors import (
    JobStoreError,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    StoreUnavailable,
)
from jobstore.records import (
    NOBODY,
    FacetCount,
    Job,
    JobPosting,
    JobSummary,
    Origin,
    Revision,
    SalaryQuartiles,
    Sort,
    Statistics,
    Status,
    UpsertResult,
)
from jobstore.search import counting, ranking
from jobstore.search.criteria import UNTRACKED, Criteria
from jobstore.search.excerpts import Excerpts
from jobstore.search.grammar import Expression
from jobstore.search.words import fold
from jobstore.settings import EngineOptions, StoreURL
from tests.engines import memory_duplicates as duplicates

T = TypeVar("T")

_SUMMARY = tuple(
    each.name for each in fields(JobSummary) if each.name not in ("snippet", "also_on")
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATE = "The transaction took longer than allowed and was rolled back."


class Record(NamedTuple):
    """A posting, where it stands in the order of listing, and its history, newest first.

    ``listed`` is the time in microseconds, and a number that is higher for what came to that
    time later. A record is never changed; another one takes its place.
    """

    job: Job
    listed: tuple[int, int]
    history: tuple[Revision, ...] = ()
    """With what is said of each change among the previous values."""
    opening: Opening | None = None


Tables = Mapping[str, Mapping[Row, Row]]
"""The rows of the life cycle's tables, by table and key. Never changed either."""


@dataclass
class Database:
    """What is stored under one URL, and the turn of whoever writes."""

    records: dict[UUID, Record] = field(default_factory=dict)
    kept: Tables = field(default_factory=dict)
    arrivals: int = 0
    cursor_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemoryBackend:
    """Stores named ``memory:NAME``, which last until they are forgotten or the process ends."""

    scheme = "memory"
    capabilities: frozenset[Capability] = frozenset()
    instead: Mapping[Capability, str] = {}

    def __init__(self) -> None:
        self.databases: dict[str, Database] = {}

    def parse(self, url: str) -> StoreURL:
        """Return the store that ``url`` names."""
        name = url[len("memory:") :]
        if not name:
            raise StoreUnavailable("A store in memory has a name; write memory:jobs.")
        return StoreURL("memory", Path(name), url)

    def files(self, url: StoreURL) -> tuple[Path, ...]:
        """Return nothing: there are none."""
        return ()

    async def open(
        self, url: StoreURL, options: EngineOptions, clock: Callable[[], datetime], fits: object
    ) -> MemoryEngine:
        """Open what is stored under the URL; an empty store if nothing is."""
        return MemoryEngine(url, self.databases.setdefault(str(url), Database()), options, clock)


class Work:
    """Writes at one time, of which others see nothing until :meth:`commit`."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._plan = Plan(self._stored, now)
        self._arrivals = database.arrivals
        self.records = dict(database.records)
        self.kept: Tables = database.kept

    def commit(self) -> None:
        self._database.records, self._database.arrivals = self.records, self._arrivals
        self._database.kept = self.kept

    def upsert(self, posting: JobPosting, origin: Origin) -> UpsertResult:
        result = self._plan.upsert(posting, origin)
        self._apply()
        return result

    def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None, origin: Origin
    ) -> Job:
        job = self._plan.update(id, changes, expected_version, origin)
        self._apply()
        return _copied(job)

    def set_status(
        self,
        id: UUID,
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin,
        closed_at: datetime | None,
        expired_at: datetime | None,
    ) -> bool:
        given = (unless_seen_after, origin, closed_at, expired_at)
        changed = self._plan.set_status(id, status, *given)
        self._apply()
        return changed

    def delete(self, id: UUID, origin: Origin) -> bool:
        deleted = self._plan.delete(id, origin)
        self._apply()
        for deletion in self._plan.deletions:
            by = deletion.origin
            row = (deletion.id.bytes, to_micros(deletion.at), by.actor, by.run)
            self.put(DELETION, [sealed(row)])
        self._plan.deletions.clear()
        return deleted

    def put(self, kept: Kept, rows: Iterable[Row]) -> None:
        """Store rows with their digests."""
        table = {**self.kept.get(kept.name, {})}
        table.update((kept.key_of(row), row) for row in rows)
        self.kept = {**self.kept, kept.name: table}

    def take(self, kept: Kept, wanted: Callable[[Row], bool]) -> list[Row]:
        """Remove rows, and return them."""
        table = self.kept.get(kept.name, {})
        self.kept = {
            **self.kept,
            kept.name: {key: row for key, row in table.items() if not wanted(row)},
        }
        return [row for row in table.values() if wanted(row)]

    def change(self, statement: str, row: Row) -> None:
        """Do what a named statement does."""
        if statement == "hold_run":
            return
        if statement in _MARKED:
            if UUID(bytes=row[-1]) in self.records:
                kept, at = _MARKED[statement]
                self.put(kept, [(*row[:at], row[-1], *row[at:-1])])
        elif statement == "forget_revisions":
            id, version = UUID(bytes=row[0]), row[1]
            old = self.records[id]
            left = tuple(each for each in old.history if each.version != version)
            self.records[id] = old._replace(history=left)
        elif statement in duplicates.CHANGES:
            duplicates.CHANGES[statement](self, *row)
        else:
            kept = _FORGOTTEN[statement]
            self.take(kept, lambda each: kept.key_of(each) == row)

    def join(self, id: UUID, source: str, source_job_id: str, origin: Origin) -> Job:
        job = self._plan.join(id, source, source_job_id, origin)
        self._apply()
        return _copied(job)

    def _stored(self, id: UUID) -> Derived | None:
        stored = self.records.get(id)
        return None if stored is None else Derived(stored.job, stored.opening)

    def _apply(self) -> None:
        for before, after, previous, joined in self._plan.changes:
            if joined:
                assert after is not None
                gone = [self.records.pop(old.job.id) for old in joined]
                histories = [
                    [(each.changed_at, each.previous) for each in reversed(record.history)]
                    for record in gone
                ]
                history, previous = interleaved(previous, histories)
                self._put(after, previous, history)
                belonging = [each for old in joined for each in self._taken(old.job.id)]
                gone = {old.job.id.bytes for old in joined}
                following, mirrors = joined_rows(belonging, gone, after.job.id.bytes)
                for kept, row in following:
                    self.put(kept, [row])
                for *row, other, old_id in mirrors:
                    if self.take(VERDICT, lambda each, key=(other, old_id): each[:2] == key):
                        self.put(VERDICT, [(other, *row)])
            elif after is None:
                assert before is not None
                del self.records[before.job.id]
                self._taken(before.job.id)
            else:
                self._put(after, previous)
        self._plan.changes.clear()

    def _taken(self, id: UUID) -> list[tuple[Kept, Row]]:
        """Remove what belongs to a posting, and return what does not follow from the rest."""
        for made in MADE:
            self.take(made, lambda row, made=made: made.follows and row[0] == id.bytes)
        belonging: list[tuple[Kept, Row]] = []
        for kept in FOLLOWING:
            at = kept.columns.index("id")
            taken = self.take(kept, lambda row, at=at: row[at] == id.bytes)
            belonging += [(kept, row) for row in taken]
        return belonging

    def _put(
        self,
        after: Derived,
        previous: dict[str, Any],
        earlier: Sequence[tuple[datetime, dict[str, Any]]] = (),
    ) -> None:
        job, listed = _copied(after.job), _micros(after.listed_at)
        stored = self.records.get(job.id)
        if stored is not None and listed == stored.listed[0]:
            place = stored.listed
        else:
            self._arrivals += 1
            place = listed, self._arrivals
        history = stored.history if stored is not None else ()
        for back, each in enumerate(reversed(earlier), 1):
            history += (Revision(job.version - back, *each),)
        if previous:
            history = (Revision(job.version, job.updated_at, deepcopy(previous)), *history)
        self.records[job.id] = Record(job, place, history, after.opening)


# Where statements put rows of postings that are there, whose ids come last, and where ids stand.
_MARKED = {"put_member": (SCOPE_MEMBER, 2), "put_match": (SEEN_MATCH, 0)}
_FORGOTTEN = {
    "forget_application": APPLICATION,
    "forget_deletions": DELETION,
    "forget_events": EVENT,
    "forget_matches": SEEN_MATCH,
    "forget_member": SCOPE_MEMBER,
    "forget_runs": SCRAPE_RUN,
    "forget_search": SAVED_SEARCH,
}


class MemoryEngine:
    """One open store. See :class:`jobstore.engines.protocol.Engine`."""

    def __init__(
        self,
        url: StoreURL,
        database: Database,
        options: EngineOptions,
        clock: Callable[[], datetime],
    ) -> None:
        self.url = url
        self.cursor_key = database.cursor_key
        self._database = database
        self._options = options
        self._clock = clock
        self._owner = asyncio.get_running_loop(), os.getpid()
        self._waiting = 0
        self._closing = self._closed = False

    @property
    def queue(self) -> Queue:
        return Queue(self._waiting, self._options.queue_size)

    async def close(self) -> None:
        self.owned()
        self._closing = True
        async with self._database.turn:
            self._closed = True

    async def upsert(self, posting: JobPosting, origin: Origin = NOBODY) -> UpsertResult:
        async with self._work() as work:
            return work.upsert(posting, origin)

    async def upsert_many(
        self, postings: Sequence[JobPosting], origin: Origin = NOBODY
    ) -> list[UpsertResult | JobStoreError]:
        async with self._work() as work:
            return [_outcome(work, posting, origin) for posting in postings]

    async def update(
        self,
        id: UUID,
        changes: Mapping[str, Any],
        expected_version: int | None,
        origin: Origin = NOBODY,
    ) -> Job:
        async with self._work() as work:
            return work.update(id, changes, expected_version, origin)

    async def set_status(
        self,
        id: UUID,
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> bool:
        async with self._work() as work:
            given = (unless_seen_after, origin, closed_at, expired_at)
            return work.set_status(id, status, *given)

    async def set_statuses(
        self,
        ids: Sequence[UUID],
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> list[bool | JobStoreError]:
        async with self._work() as work:
            given = (status, unless_seen_after, origin, closed_at, expired_at)
            return [work.set_status(id, *given) for id in ids]

    async def delete(self, id: UUID, origin: Origin = NOBODY) -> bool:
        async with self._work() as work:
            return work.delete(id, origin)

    async def join(self, id: UUID, source: str, source_job_id: str, origin: Origin = NOBODY) -> Job:
        async with self._work() as work:
            return work.join(id, source, source_job_id, origin)

    async def rows(self, statement: str, *parameters: Any) -> list[Row]:
        return _ANSWERS[statement](self._records(), self._database.kept, *parameters)

    @asynccontextmanager
    async def transaction(self, timeout: float) -> AsyncIterator[MemoryTransaction]:
        await self._take_turn()
        unit = MemoryTransaction(Work(self._database, self._clock()), self._database.turn.release)
        timer = asyncio.get_running_loop().call_later(timeout, unit.expire)
        try:
            yield unit
            unit.check()
            unit.work.commit()
        finally:
            timer.cancel()
            unit.end()

    async def look(self, steps: Callable[[], Steps[T]]) -> T:
        return await walked(self, steps())

    async def walk(self, steps: Steps[T], timeout: float) -> T:
        async with self.transaction(timeout) as unit:
            return await unit.walk(steps)

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        return _get_many(self._records(), ids)

    async def search(self, criteria: Criteria, asked: Asked) -> Found:
        limit, after, total, facets, snippets, groups = asked
        found = list(_matches(self._records(), criteria, self._database.kept))
        ordered = [(at, each) for at, each in _in_order(found, criteria, after)][: limit + 1]
        page = ordered[:limit]
        items = [_summary(each.job) for _, each in page]
        if snippets and criteria.text is not None and criteria.text.required:
            excerpts = Excerpts(criteria.text)
            for item, (_, each) in zip(items, page, strict=True):
                item.snippet = excerpts.snippet(each.job.title, each.job.description_text)
        known, capped = total or counting.total(len(found))
        counted = [each.job for each in found[: counting.MAX_COUNTED + 1]]
        return Found(
            items=items,
            position=page[-1][0] if len(ordered) > limit else None,
            total=known,
            total_capped=capped,
            facets={
                name: counting.most_frequent(name, [(values(job, name), 1) for job in counted])
                for name in facets
            },
            groups=duplicates.groups_of(self._records(), self._database.kept, items)
            if groups
            else [],
        )

    async def scan(
        self, criteria: Criteria, *, limit: int, after: Position | None
    ) -> tuple[list[Job], Position | None]:
        found = _matches(self._records(), criteria, self._database.kept)
        rest = [each for each in found if after is None or each.listed < after]
        jobs = [_copied(each.job) for each in rest[:limit]]
        return jobs, rest[limit - 1].listed if len(rest) > limit else None

    async def scan_columns(
        self, criteria: Criteria, columns: tuple[str, ...], *, limit: int, after: Position | None
    ) -> tuple[list[Row], Position | None]:
        jobs, position = await self.scan(criteria, limit=limit, after=after)
        values = {UUID: lambda each: each.bytes, datetime: to_micros}
        found = [[getattr(job, name) for name in columns] for job in jobs]
        as_stored = [
            tuple(values.get(type(each), lambda it: it)(each) for each in row) for row in found
        ]
        return as_stored, position

    async def count(self, criteria: Criteria) -> int:
        return sum(1 for _ in _matches(self._records(), criteria, self._database.kept))

    async def statistics(self) -> Statistics:
        found = statistics([each.job for each in self._records().values()], self._clock())
        found.applications = applications_counted(_application_counts(self._database.kept))
        return found

    async def revisions(self, id: UUID) -> list[Revision]:
        stored = self._records().get(id)
        if stored is None:
            return []
        history = deepcopy(stored.history)
        for each in history:
            each.previous.pop(ABOUT, None)
        return list(history)

    async def position(self) -> str:
        return "0"

    def _records(self) -> dict[UUID, Record]:
        self.owned()
        if self._closed:
            raise StoreClosed
        return self._database.records

    def owned(self) -> None:
        if self._owner != (asyncio.get_running_loop(), os.getpid()):
            raise StoreClosed("The store was opened on another event loop or in another process.")

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[Work]:
        """Give the turn for one write, which is stored when the block ends."""
        await self._take_turn()
        try:
            work = Work(self._database, self._clock())
            yield work
            work.commit()
        finally:
            self._database.turn.release()

    async def _take_turn(self) -> None:
        self.owned()
        if self._closing:
            raise StoreClosed
        self._waiting += 1
        try:
            async with asyncio.timeout(self._options.busy_timeout):
                await self._database.turn.acquire()
        except TimeoutError:
            raise StoreBusy from None
        finally:
            self._waiting -= 1


class MemoryTransaction:
    """The operations of one transaction; reads see its own writes."""

    def __init__(self, work: Work, release: Callable[[], None]) -> None:
        self.work = work
        self._release = release
        self._over: JobStoreError | None = None

    def check(self) -> None:
        """Raise if the transaction is over."""
        if self._over is not None:
            raise self._over

    def expire(self) -> None:
        """Let the other writers go on, and refuse whatever comes."""
        self.end(StoreTimeout(_LATE))

    def end(self, reason: JobStoreError | None = None) -> None:
        if self._over is None:
            self._over = reason or StoreClosed("The transaction is over.")
            self._release()

    async def upsert(self, posting: JobPosting, origin: Origin = NOBODY) -> UpsertResult:
        self.check()
        return self.work.upsert(posting, origin)

    async def update(
        self,
        id: UUID,
        changes: Mapping[str, Any],
        expected_version: int | None,
        origin: Origin = NOBODY,
    ) -> Job:
        self.check()
        return self.work.update(id, changes, expected_version, origin)

    async def set_status(
        self,
        id: UUID,
        status: Status,
        unless_seen_after: datetime | None,
        origin: Origin = NOBODY,
        closed_at: datetime | None = None,
        expired_at: datetime | None = None,
    ) -> bool:
        self.check()
        given = (unless_seen_after, origin, closed_at, expired_at)
        return self.work.set_status(id, status, *given)

    async def delete(self, id: UUID, origin: Origin = NOBODY) -> bool:
        self.check()
        return self.work.delete(id, origin)

    async def join(self, id: UUID, source: str, source_job_id: str, origin: Origin = NOBODY) -> Job:
        self.check()
        return self.work.join(id, source, source_job_id, origin)

    async def rows(self, statement: str, *parameters: Any) -> list[Row]:
        self.check()
        return _ANSWERS[statement](self.work.records, self.work.kept, *parameters)

    async def change(self, statement: str, rows: Sequence[Row]) -> None:
        self.check()
        for row in rows:
            self.work.change(statement, row)

    async def put(self, kept: Kept, rows: Sequence[Row]) -> None:
        self.check()
        self.work.put(kept, [sealed(row) for row in rows])

    async def walk(self, steps: Steps[T]) -> T:
        return await walked(self, steps)

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        self.check()
        return _get_many(self.work.records, ids)


def _outcome(work: Work, posting: JobPosting, origin: Origin) -> UpsertResult | JobStoreError:
    try:
        return work.upsert(posting, origin)
    except JobStoreError as error:
        return error


def _get_many(records: Mapping[UUID, Record], ids: Sequence[UUID]) -> list[Job | None]:
    found = [records.get(id) for id in ids]
    return [None if each is None else _copied(each.job) for each in found]


def _copied(job: Job) -> Job:
    """Return a posting that its holder may change."""
    return deepcopy(job)


def _summary(job: Job) -> JobSummary:
    return JobSummary(**{name: deepcopy(getattr(job, name)) for name in _SUMMARY})


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


# What named statements answer: see sql/sqlite/.


def _history_of(
    records: Mapping[UUID, Record], kept: Tables, wanted: bytes, newest: int, *_: object
) -> list[Row]:
    rows: list[Row] = []
    if (stored := records.get(UUID(bytes=wanted))) is not None:
        at, *by = opening_parameters(Derived(stored.job, stored.opening)).values()
        rows.append((0, stored.job.version, at, "", None, *by[:2]))
        before = stored.job.version - newest
        rows += [
            (
                1,
                each.version,
                to_micros(each.changed_at),
                "",
                previous_to_json(each.previous),
                None,
                None,
            )
            for each in stored.history
            if each.version > before
        ]
        if others := [each.changed_at for each in stored.history if each.version <= before]:
            rows.append((3, 0, to_micros(max(others)), "", None, None, None))
    rows += [
        (2, 0, at, kind, detail, actor, run)
        for id, at, kind, detail, actor, run, _ in kept.get("event", {}).values()
        if id == wanted
    ]
    rows += [
        (2, 0, at, "deleted", "{}", actor, run)
        for id, at, actor, run, _ in kept.get("deletion", {}).values()
        if id == wanted
    ]
    return rows


def _old_revisions(
    records: Mapping[UUID, Record], kept: Tables, id: bytes, version: int, before: int, limit: int
) -> list[Row]:
    keys = [
        (record.job.id.bytes, each.version)
        for record in records.values()
        for each in record.history
        if to_micros(each.changed_at) < before
    ]
    return sorted(key for key in keys if key > (id, version))[:limit]


def _revisions_of_run(
    records: Mapping[UUID, Record], kept: Tables, id: bytes, version: int, run: str, limit: int
) -> list[Row]:
    rows = [
        (of.bytes, each.version, to_micros(each.changed_at), previous_to_json(each.previous))
        for of, record in records.items()
        for each in record.history
    ]
    return sorted(row for row in rows if row[:2] > (id, version) and run in row[3])[:limit]


def _old_rows(table: Kept, at: str = "at") -> Callable[..., list[Row]]:
    def old(records: Mapping[UUID, Record], kept: Tables, *bound: Any) -> list[Row]:
        *after, before, limit = bound
        rows = kept.get(table.name, {}).items()
        keys = [key for key, row in rows if row[table.columns.index(at)] < before]
        return sorted(key for key in keys if key > tuple(after))[:limit]

    return old


def _with_posting(records: Mapping[UUID, Record], row: Row) -> Row:
    job = records[UUID(bytes=row[0])].job
    closed_at = job.closed_at and to_micros(job.closed_at)
    said = (job.source, job.source_job_id, job.title, job.company, job.url, job.status)
    return (*row[:-1], *said, closed_at, job.version)


def _of_applications(
    records: Mapping[UUID, Record], kept: Tables, wanted: Callable[..., bool]
) -> list[Row]:
    rows = (_with_posting(records, row) for row in kept.get("application", {}).values())
    return [row for row in rows if wanted(dict(zip(_APPLICATION, row, strict=True)))]


_APPLICATION = (
    *APPLICATION.columns,
    *("source", "source_job_id", "title", "company", "url", "status", "closed_at", "version"),
)
_BEGAN, _CHANGED = _APPLICATION.index("began_at"), _APPLICATION.index("changed_at")


def _applications_for(records: Mapping[UUID, Record], kept: Tables, id: bytes) -> list[Row]:
    rows = _of_applications(records, kept, lambda row: row["id"] == id)
    return sorted(rows, key=lambda row: (row[_BEGAN], row[1]), reverse=True)


def _applications(
    records: Mapping[UUID, Record], kept: Tables, at: int, id: bytes, states: str, limit: int
) -> list[Row]:
    rows = _of_applications(
        records,
        kept,
        lambda row: (
            (row["changed_at"], row["application"]) < (at, id)
            and row["state"] in json.loads(states)
        ),
    )
    return sorted(rows, key=lambda row: (row[_CHANGED], row[1]), reverse=True)[:limit]


def _every_application(
    records: Mapping[UUID, Record], kept: Tables, id: bytes, application: bytes, limit: int
) -> list[Row]:
    rows = _of_applications(
        records, kept, lambda row: (row["id"], row["application"]) > (id, application)
    )
    return sorted(rows, key=lambda row: row[:2])[:limit]


def _closed_applications(
    records: Mapping[UUID, Record], kept: Tables, states: str, limit: int
) -> list[Row]:
    def is_told(row: dict[str, Any]) -> bool:
        job, _, history, _ = records[UUID(bytes=row["id"])]
        closings = [each for each in history if "status" in each.previous]
        seen = json.loads(row["detail"]).get("version")
        if seen is not None:
            return bool(seen < max((each.version for each in closings), default=job.version))
        at = max((each.changed_at for each in closings), default=job.updated_at)
        return bool(row["changed_at"] < to_micros(at))

    rows = _of_applications(
        records,
        kept,
        lambda row: (
            row["closed_at"] is not None and row["state"] in json.loads(states) and is_told(row)
        ),
    )
    at = _APPLICATION.index("closed_at")
    return sorted(rows, key=lambda row: (row[at], row[1]), reverse=True)[:limit]


def _closed_applications_count(
    records: Mapping[UUID, Record], kept: Tables, states: str
) -> list[Row]:
    return [(len(_closed_applications(records, kept, states, len(records))),)]


def _earlier_applications(
    records: Mapping[UUID, Record], kept: Tables, id: bytes, *bound: Any
) -> list[Row]:
    *addresses, _, _, _, look, after, before = bound
    members = {row[0]: row[1] for row in kept.get("member", {}).values()}
    group = {each for each, first in members.items() if first == members.get(id)}
    known = {each for each in addresses if each is not None}

    def why(row: dict[str, Any]) -> Iterator[str]:
        if row["id"] == id:
            yield "posting"
        if row["applied_at"] is not None:
            if {row["address"], row["apply_address"]} & known:
                yield "address"
            if row["id"] in group and after < row["applied_at"] < before:
                yield "duplicate"
            if row["look"] == look and after < row["applied_at"] < before:
                yield "look-alike"

    rows = [
        dict(zip(APPLICATION.stored, row, strict=True))
        for row in kept.get("application", {}).values()
    ]
    found = [
        (each, row["id"], row["application"], row["applied_at"])
        for row in rows
        for each in why(row)
    ]
    return sorted(
        found, key=lambda row: ("posting", "address", "duplicate", "look-alike").index(row[0])
    )


def _application_counts(kept: Tables) -> list[Row]:
    counts = Counter((row[2], row[3]) for row in kept.get("application", {}).values())
    return [(*each, number) for each, number in counts.items()]


def _saved_searches(records: Mapping[UUID, Record], kept: Tables) -> list[Row]:
    return sorted(row[:-1] for row in kept.get("saved_search", {}).values())


def _search_to_mark(records: Mapping[UUID, Record], kept: Tables, name: str) -> list[Row]:
    return [row[1:] for row in _saved_searches(records, kept) if row[0] == name]


def _changed_since(
    records: Mapping[UUID, Record], kept: Tables, at: int, id: bytes, limit: int
) -> list[Row]:
    return sorted(each for each in map(_changed, records.values()) if each > (at, id))[:limit]


def _seen_of(records: Mapping[UUID, Record], kept: Tables, ids: bytes, search: str) -> list[Row]:
    members = {row[0]: row[1] for row in kept.get("member", {}).values()}
    seen = {row[0] for row in kept.get("seen_match", {}).values() if row[1] == search}
    dealt_with = {first for id, first in members.items() if id in seen}
    parted = {row[:2] for row in kept.get("verdict", {}).values() if row[2] == "different"}
    closed = {id for id in seen if records[UUID(bytes=id)].job.closed_at is not None}
    for row in kept.get("link", {}).values():
        if row[2] == "same" and row[1] in closed and row[0] in members and row[:2] not in parted:
            dealt_with.add(members[row[0]])
    wanted = [ids[at : at + 16] for at in range(0, len(ids), 16)]
    firsts = [members.get(id) for id in wanted]
    return [
        (id, id in seen, first, first in dealt_with)
        for id, first in zip(wanted, firsts, strict=True)
    ]


def _matches_of(records: Mapping[UUID, Record], kept: Tables, search: str, limit: int) -> list[Row]:
    return [row[:2] for row in kept.get("seen_match", {}).values() if row[1] == search][:limit]


def _runs(kept: Tables, names: tuple[str, ...], given: Row, states: tuple[str, ...]) -> list[Row]:
    at = [SCRAPE_RUN.columns.index(name) for name in names]
    state = SCRAPE_RUN.columns.index("state")
    found = [
        row[:-1]
        for row in kept.get(SCRAPE_RUN.name, {}).values()
        if all(row[place] == value for place, value in zip(at, given, strict=False))
        and (not states or row[state] in states)
    ]
    return sorted(found, key=lambda row: row[2:4], reverse=True)[: given[-1]]


def _newest_runs(*names: str, states: tuple[str, ...] = ()) -> Callable[..., list[Row]]:
    return lambda records, kept, *given: _runs(kept, names, given, states)


def _members_of_scope(
    records: Mapping[UUID, Record], kept: Tables, source: str, scope: str, after: bytes, limit: int
) -> list[Row]:
    found = []
    for row in kept.get(SCOPE_MEMBER.name, {}).values():
        if row[:2] == (source, scope) and row[2] > after:
            job = records[UUID(bytes=row[2])].job
            expires = None if job.expires_at is None else to_micros(job.expires_at)
            seen = to_micros(job.last_seen_at)
            found.append((row[2], row[3], job.source, job.status.value, seen, expires))
    return sorted(found)[:limit]


def _events_since(
    records: Mapping[UUID, Record], kept: Tables, id: bytes, kind: str, since: int
) -> list[Row]:
    rows = kept.get("event", {}).values()
    return sorted(
        (row[1], row[3]) for row in rows if row[0] == id and row[2] == kind and row[1] > since
    )


_ANSWERS: dict[str, Callable[..., list[Row]]] = {
    "every_application": _every_application,
    "applications": _applications,
    "applications_for": _applications_for,
    "closed_applications": _closed_applications,
    "closed_applications_count": _closed_applications_count,
    "earlier_applications": _earlier_applications,
    "changed_since": _changed_since,
    "matches_of": _matches_of,
    "oldest_writer": lambda *_: [(None,)],
    "saved_searches": _saved_searches,
    "search_to_mark": _search_to_mark,
    "search_to_read": _search_to_mark,
    "seen_of": _seen_of,
    "turn_to_apply": lambda *_: [],
    "history_of": _history_of,
    "old_revisions": _old_revisions,
    "revisions_of_run": _revisions_of_run,
    "old_events": _old_rows(EVENT),
    "old_deletions": _old_rows(DELETION),
    **duplicates.ANSWERS,
    # Runs.
    "old_runs": _old_rows(SCRAPE_RUN, "ended_at"),
    "newest_runs": _newest_runs(),
    "newest_runs_of_source": _newest_runs("source"),
    "newest_runs_of_scope": _newest_runs("source", "scope"),
    "runs_that_count": _newest_runs(
        "source", "scope", states=("complete", "guarded", "completing")
    ),
    "complete_runs": _newest_runs("source", "scope", states=("complete",)),
    "members_of_scope": _members_of_scope,
    "events_since": _events_since,
}


# Which postings match.


def _matches(records: Mapping[UUID, Record], criteria: Criteria, kept: Tables) -> Iterator[Record]:
    """Yield the postings that satisfy all criteria, newest first."""
    states: defaultdict[bytes, set[str]] = defaultdict(set)
    for id, _, state, *_ in kept.get("application", {}).values():
        states[id].add(state)
    for record in sorted(records.values(), key=lambda each: each.listed, reverse=True):
        found = states.get(record.job.id.bytes, {*UNTRACKED})
        changed, place = criteria.changed, _changed(record)
        if changed is not None and not changed[:2] < place <= changed[2:]:
            continue
        if satisfies(record.job, criteria) and (
            not criteria.application or found & {*criteria.application}
        ):
            yield record


def _changed(record: Record) -> tuple[int, bytes]:
    return to_micros(record.job.updated_at), record.job.id.bytes


# In which order.


def _in_order(
    found: list[Record], criteria: Criteria, after: Position | None
) -> Iterator[tuple[Position, Record]]:
    """Yield the matches that follow a position, each with its own."""
    if criteria.sort is Sort.RELEVANCE and criteria.text is not None and criteria.text.required:
        yield from _by_relevance(found, criteria.text, after)
        return
    placed = [((*_number(each.job, criteria.sort), *each.listed), each) for each in found]
    placed.sort(key=lambda pair: pair[0], reverse=True)
    yield from (pair for pair in placed if after is None or pair[0] < after)


def _number(job: Job, sort: Sort) -> tuple[float, ...]:
    """Return what stands before the time in the order; nothing is below every number."""
    if sort is Sort.SALARY:
        yearly = yearly_range(job.salary_min, job.salary_max, job.salary_period)
        return (-1 if yearly is None else yearly[1],)
    if sort is Sort.APPLICANTS:
        return (-1 if job.applicant_count is None else job.applicant_count,)
    if sort is Sort.EXPIRES:
        return (-math.inf if job.expires_at is None else -_micros(job.expires_at),)
    return ()


def _by_relevance(
    found: list[Record], text: Expression, after: Position | None
) -> Iterator[tuple[Position, Record]]:
    """Yield the best of the newest matches first, then of the next ones, and so on.

    A position is the first and the last of those that were ranked against each other, then the
    score and the place of one: what is written meanwhile moves nothing else.
    """
    cut: Position = ()
    if after is not None:
        first, last, cut = after[:2], after[2:4], after[4:]
        window = [each for each in found if first >= each.listed >= last]
        found = [each for each in found if each.listed < last]
    else:
        window, found = found[: ranking.WINDOW], found[ranking.WINDOW :]
    while window or found:
        if not cut and window:
            first, last = window[0].listed, window[-1].listed
        ranked = [((_score(each.job, text), *each.listed), each) for each in window]
        for place, each in sorted(ranked, key=lambda pair: pair[0], reverse=True):
            if not cut or place < cut:
                yield (*first, *last, *place), each
        cut = ()
        window, found = found[: ranking.WINDOW], found[ranking.WINDOW :]


def _score(job: Job, text: Expression) -> int:
    return ranking.score(text, list(said(job, ranking.RANKED).values()))


# What is counted.


def statistics(jobs: Sequence[Job], now: datetime) -> Statistics:
    """Return the statistics of ``jobs`` by counting everything anew."""
    tally = Tally()
    for job in jobs:
        tally.add(Derived(job).counters)
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, value, _, amount in sorted(tally.changed()):
        kinds[kind][value] = amount
    days = {day: kinds["day"].get(name, 0) for day, name in last_days(now.date())}
    ordered = sorted(kinds["source"].items(), key=lambda each: (-each[1], each[0]))
    sources = dict(ordered[:MOST_SOURCES])
    return Statistics(
        total=len(jobs),
        by_status=kinds["status"],
        by_source=sources,
        other_sources=len(jobs) - sum(sources.values()),
        by_employment_type=kinds["employment_type"],
        by_experience_level=kinds["experience_level"],
        by_workplace=kinds["workplace"],
        top_companies=_largest(kinds["company"], [job.company for job in jobs]),
        top_locations=_largest(
            kinds["location"], [place.text for job in jobs for place in job.locations]
        ),
        per_day=days,
        salaries=_quartiles(kinds),
        applicants=applicant_statistics(kinds["applicants"], lambda: _bounds(jobs)),
    )


def _largest(counted: Mapping[str, int], spellings: Iterable[str]) -> list[FacetCount]:
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    for each in spellings:
        spelled[fold(each)][each] += 1
    top = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
    return [FacetCount(spelled[value].most_common(1)[0][0], amount) for value, amount in top]


def _quartiles(kinds: Mapping[str, Mapping[str, int]]) -> dict[str, SalaryQuartiles]:
    def beginning(kind: str, start: str) -> list[tuple[str, int]]:
        return [pair for pair in kinds.get(kind, {}).items() if pair[0].startswith(start)]

    found = {}
    for currency in {value[:CURRENCY] for value in kinds.get("salary_bucket", {})}:
        buckets = beginning("salary_bucket", currency)
        three = quartiles(buckets, lambda bucket: beginning("salary", bucket))
        assert three is not None
        found[currency] = SalaryQuartiles(three[1], *map(Decimal, three[0].split()))
    return found


def _bounds(jobs: Iterable[Job]) -> tuple[int, int]:
    counts = [job.applicant_count for job in jobs if job.applicant_count is not None]
    return min(counts), max(counts)
