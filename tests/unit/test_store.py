"""The gateway between callers and an engine: what it checks, hands on and gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

import jobstore
from jobstore import (
    InvalidQuery,
    Job,
    JobPosting,
    JobStore,
    JobStoreError,
    OutcomeUnknown,
    SchemaMismatch,
    SearchQuery,
    StorageFull,
    UpsertReport,
    UpsertResult,
    job_id,
)
from jobstore.derived.merge import merge
from jobstore.engines.protocol import Asked, Found
from jobstore.records import Origin
from tests.fixtures.postings import full, posting

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ID = job_id("board", "1")


class FakeEngine:
    """Keeps what it is handed, and answers what it was told to."""

    cursor_key = b"k" * 32

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.found = Found(items=[], position=None, total=0, total_capped=False)
        self.scans: list[tuple[list[Any], Any]] = []
        self.failures: dict[int, JobStoreError] = {}

    async def upsert(self, posting: JobPosting, _: Origin) -> UpsertResult:
        self.calls.append(("upsert", posting))
        return UpsertResult(
            job_id(posting.source, posting.source_job_id), jobstore.Outcome.INSERTED, 1
        )

    async def upsert_many(
        self, postings: Sequence[JobPosting], origin: Origin
    ) -> list[UpsertResult | JobStoreError]:
        self.calls.append(("upsert_many", len(postings)))
        numbers = [int(each.source_job_id) for each in postings]
        return [
            self.failures.get(n) or await self.upsert(each, origin)
            for n, each in zip(numbers, postings, strict=True)
        ]

    async def update(
        self, id: UUID, changes: Mapping[str, Any], expected_version: int | None, _: Origin
    ) -> Job:
        self.calls.append(("update", id, changes, expected_version))
        return merge(None, jobstore.JobPosting(**posting()), NOW).job

    async def delete(self, id: UUID, _: Origin) -> bool:
        self.calls.append(("delete", id))
        return True

    async def get_many(self, ids: Sequence[UUID]) -> list[Job | None]:
        self.calls.append(("get_many", ids))
        return [None for _ in ids]

    async def search(self, criteria: Any, asked: Asked) -> Found:
        self.calls.append(("search", criteria, asked._asdict()))
        return self.found

    async def scan(self, criteria: Any, **options: Any) -> tuple[list[Any], Any]:
        self.calls.append(("scan", options["after"]))
        return self.scans.pop(0)

    async def count(self, criteria: Any) -> int:
        self.calls.append(("count", criteria))
        return 0

    @asynccontextmanager
    async def transaction(self, timeout: float) -> AsyncIterator[FakeEngine]:
        self.calls.append(("transaction", timeout))
        yield self

    async def close(self) -> None:
        self.calls.append(("close",))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def faked(engine: FakeEngine) -> AsyncIterator[JobStore]:
    async with JobStore(engine, (), lambda: NOW) as store:
        yield store


async def test_postings_reach_the_engine_checked_and_as_its_own(
    faked: JobStore, engine: FakeEngine
) -> None:
    given = full()

    await faked.upsert(given)

    ((_, handed),) = engine.calls
    assert type(handed) is JobPosting
    assert handed.workplace is jobstore.Workplace.HYBRID
    assert handed.skills == given["skills"]
    assert handed.skills is not given["skills"]
    assert handed.attributes["nested"] is not given["attributes"]["nested"]


async def test_ids_may_be_texts(faked: JobStore, engine: FakeEngine) -> None:
    await faked.update(str(ID), {"title": " New "}, expected_version=3)
    await faked.delete(str(ID).upper())
    await faked.get_many([ID, str(ID)])
    await faked.find(" board ", "1")

    assert engine.calls == [
        ("update", ID, {"title": "New"}, 3),
        ("delete", ID),
        ("get_many", [ID, ID]),
        ("get_many", [ID]),
    ]


async def test_faults_never_reach_the_engine(faked: JobStore, engine: FakeEngine) -> None:
    wrong: Any
    for wrong in (
        faked.upsert({}),
        faked.upsert(None),
        faked.update(ID, {}),
        faked.update(ID, None),
        faked.update(ID, {"id": ID}),
        faked.update(ID, {"source": "x"}),
        faked.update(ID, {"status": None}),
        faked.update(ID, {"title": None}),
        faked.update("x", {"title": "x"}),
        faked.get("x"),
        faked.search("engineer"),
        faked.search(limit=0),
        faked.search(cursor="x"),
        faked.search(facets=("title",)),
        faked.count({"text": "x"}),
        faked.recent(0),
        anext(faked.stream(SearchQuery(sort="salary"))),
    ):
        with pytest.raises(JobStoreError) as caught:
            await wrong
        assert type(caught.value) in (InvalidQuery, jobstore.InvalidPosting)
    assert engine.calls == []


async def test_a_cursor_holds_the_position_and_the_total(
    faked: JobStore, engine: FakeEngine
) -> None:
    position = (1_700_000_000_000_000, 7, 0.1, "x", None)
    engine.found = Found(items=[], position=position, total=1001, total_capped=True)
    first = await faked.search(SearchQuery(text="data"), limit=5, facets=("company",))
    await faked.search(SearchQuery(text="data"), limit=7, cursor=first.next_cursor, snippets=False)

    (_, _, one), (_, _, two) = engine.calls
    assert (one["after"], one["total"], one["limit"], one["facets"], one["snippets"]) == (
        None,
        None,
        5,
        ("company",),
        True,
    )
    assert (two["after"], two["total"], two["limit"], two["facets"], two["snippets"]) == (
        position,
        (1001, True),
        7,
        (),
        False,
    )


async def test_a_stream_reads_on_until_there_is_no_more(
    faked: JobStore, engine: FakeEngine
) -> None:
    engine.scans = [(["a", "b"], (1,)), ([], (2,)), (["c"], None)]

    assert [job async for job in faked.stream()] == ["a", "b", "c"]
    assert engine.calls == [("scan", None), ("scan", (1,)), ("scan", (2,))]


async def test_a_stream_that_is_left_reads_no_further(faked: JobStore, engine: FakeEngine) -> None:
    engine.scans = [(["a", "b"], (1,))]

    async for _ in faked.stream():
        break

    assert engine.calls == [("scan", None)]


async def test_bulk_goes_on_behind_postings_that_the_engine_refuses(
    faked: JobStore, engine: FakeEngine
) -> None:
    engine.failures = {
        3: jobstore.InvalidPosting("is too large"),
        700: jobstore.InvalidPosting("x"),
    }

    report = await faked.upsert_many([posting(n) for n in range(800)] + [posting(1, title="")])

    assert (report.inserted, len(report.rejected)) == (798, 3)
    assert [(each.index, each.source_job_id) for each in report.rejected] == [
        (3, "3"),
        (700, "700"),
        (800, "1"),
    ]
    assert str(report.rejected[0].reasons[0]) == "is too large"


@pytest.mark.parametrize("error", [StorageFull(), OutcomeUnknown()], ids=["full", "unknown"])
async def test_bulk_ends_where_the_store_fails_and_tells_what_was_stored(
    faked: JobStore, engine: FakeEngine, error: JobStoreError
) -> None:
    engine.failures = dict.fromkeys(range(600, 1024), error)
    told: list[int] = []

    def progress(report: UpsertReport) -> None:
        told.append(report.inserted)

    with pytest.raises(type(error)):
        await faked.upsert_many((posting(n) for n in range(5000)), progress=progress)

    assert told == [512, 600]
    chunks = [call for call in engine.calls if call[0] == "upsert_many"]
    assert len(chunks) <= 3


@pytest.mark.parametrize("wrong", [posting(), "text", b"text", None, 7, JobPosting(**posting())])
async def test_what_is_no_collection_of_postings_is_refused(
    faked: JobStore, engine: FakeEngine, wrong: Any
) -> None:
    with pytest.raises(jobstore.InvalidPosting, match="iterable"):
        await faked.upsert_many(wrong)
    assert engine.calls == []


@pytest.mark.parametrize("timeout", [0, -1, True, None, "1", float("nan"), 100_000])
async def test_a_transaction_has_a_time_limit(
    faked: JobStore, engine: FakeEngine, timeout: Any
) -> None:
    with pytest.raises(InvalidQuery, match="timeout"):
        async with faked.transaction(timeout):
            pytest.fail("the transaction began")
    async with faked.transaction():
        pass
    assert engine.calls == [("transaction", 30.0)]


async def test_connect_is_awaited_or_entered(migrated_url: str) -> None:
    store = await jobstore.connect(migrated_url)
    async with store as same:
        assert same is store
        await store.upsert(posting())
    async with jobstore.connect(migrated_url) as again:
        assert await again.count() == 1


async def test_connect_asks_the_environment_for_what_it_is_not_told(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    async with jobstore.connect() as store:
        assert await store.count() == 0
    monkeypatch.setenv("JOBSTORE_READERS", "0")
    with pytest.raises(jobstore.StoreUnavailable, match="JOBSTORE_READERS"):
        await jobstore.connect()


async def test_connect_does_nothing_before_it_is_awaited(store_url: str, tmp_path: Any) -> None:
    jobstore.connect(store_url, migrate=True)

    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SchemaMismatch):
        await jobstore.connect(store_url)


async def test_an_error_of_the_block_closes_the_store_and_goes_on(migrated_url: str) -> None:
    kept: list[JobStore] = []

    async def work() -> None:
        async with jobstore.connect(migrated_url) as store:
            kept.append(store)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    with pytest.raises(jobstore.StoreClosed):
        await kept[0].count()


async def test_a_clock_of_any_time_zone_gives_times_in_utc(migrated_url: str) -> None:
    east = timezone(timedelta(hours=14))
    local = datetime(2026, 3, 1, 1, tzinfo=east)
    async with jobstore.connect(migrated_url, clock=lambda: local) as store:
        id = (await store.upsert(posting())).id
        job = await store.update(id, {"title": "x", "status": "closed"})
        statistics = await store.statistics()

    for moment in (job.first_seen_at, job.last_seen_at, job.updated_at, job.closed_at):
        assert moment == local
        assert moment is not None
        assert moment.tzinfo is UTC
    assert [str(day) for day, count in statistics.per_day.items() if count] == ["2026-02-28"]
    assert str(list(statistics.per_day)[-1]) == "2026-02-28"


async def test_a_store_that_is_forgotten_says_so(migrated_url: str) -> None:
    async def forget() -> None:
        store = await jobstore.connect(migrated_url)
        await store.upsert(posting())

    with pytest.warns(ResourceWarning, match="a JobStore was not closed"):
        await forget()


async def test_a_store_belongs_to_the_loop_that_opened_it(migrated_url: str) -> None:
    async with jobstore.connect(migrated_url) as store:

        def elsewhere() -> None:
            asyncio.run(store.count())

        with pytest.raises(jobstore.StoreClosed, match="another event loop"):
            await asyncio.to_thread(elsewhere)
        assert await store.count() == 0
