"""A primary that is gone or hangs, a standby that takes over, and one that is read from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

import jobstore
from jobstore import EngineOptions, InvalidQuery, Outcome, SearchQuery, StoreUnavailable, migrating
from jobstore.connecting import Connecting
from tests.fixtures.clock import Clock
from tests.fixtures.cluster import Cluster, Server, cluster, eventually
from tests.fixtures.endless_writers import Writers
from tests.fixtures.postings import posting

PATIENT = EngineOptions(busy_timeout=120, read_timeout=120)


@contextmanager
def migrated() -> Iterator[Cluster]:
    """A primary and its standby, with an empty store in the database ``jobs``."""
    with cluster("jobs") as both:
        migrating.up(both.url("jobs"))
        yield both


@pytest.fixture
def doomed() -> Iterator[Cluster]:
    """A primary and its standby, of which one test may kill what it likes."""
    with migrated() as both:
        yield both


@pytest.fixture(scope="module")
def pair() -> Iterator[Cluster]:
    """A primary and its standby, which each test leaves as it finds them."""
    with migrated() as both:
        yield both


def reading_from_standbys(pair: Cluster) -> Connecting:
    options = EngineOptions(read_timeout=120, read_from="replica")
    return jobstore.connect(pair.url("jobs"), options=options)


def sessions(server: Server, what: str = "true") -> int:
    """Count the sessions of stores on a server."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jobstore' AND "
    ((number,),) = server.execute(counted + what)
    return int(number)


async def test_after_a_kill_writers_and_readers_go_on_with_the_standby(doomed: Cluster) -> None:
    url = doomed.url("jobs")
    async with (
        jobstore.connect(url, options=PATIENT) as store,
        Writers(url, 20, options=PATIENT) as writers,
    ):
        first = (await store.upsert(posting("first"))).id
        await writers.more(100)
        await asyncio.to_thread(doomed.fail_over)
        assert (await store.get(first)).version == 1
        await writers.more(100)
        await store.delete(first)
    assert not writers.errors
    await writers.check()


async def test_a_frozen_primary_is_left_and_acknowledges_nothing_more(doomed: Cluster) -> None:
    url = doomed.url("jobs")
    async with (
        jobstore.connect(url, options=PATIENT) as store,
        Writers(url, 20, options=PATIENT) as writers,
    ):
        await writers.more(100)
        await asyncio.gather(*(store.count() for _ in range(PATIENT.readers)))
        await asyncio.to_thread(doomed.primary.freeze)
        await asyncio.to_thread(doomed.standby.promote)
        assert await store.count() >= 100
        await writers.more(100)
        # It wakes up and takes itself for the primary still; nobody listens to it.
        await asyncio.to_thread(doomed.primary.thaw)
        await writers.more(100)
        await asyncio.to_thread(doomed.primary.kill)
        await writers.more(100)
    assert not writers.errors
    await writers.check()


async def test_the_primary_is_found_wherever_it_stands_in_the_url(pair: Cluster) -> None:
    hosts = ",".join(f"127.0.0.1:{each.port}" for each in (pair.standby, pair.primary))
    async with jobstore.connect(f"postgresql://postgres@{hosts}/jobs") as store:
        assert (await store.upsert(posting("found"))).outcome is Outcome.INSERTED


async def test_a_standby_alone_is_read_and_where_no_host_is_the_primary_that_is_said(
    pair: Cluster,
) -> None:
    async with jobstore.connect(pair.url("jobs")) as store:
        id = (await store.upsert(posting("seen"))).id
        position = await store.position()
    url = pair.standby.url("jobs")
    hasty = EngineOptions(busy_timeout=0.3, read_from="replica")
    async with jobstore.connect(url, options=hasty) as store:
        with store.at_least(position):
            assert (await store.get(id)).version == 1
        with pytest.raises(StoreUnavailable, match="primary"):
            await store.position()
        with pytest.raises(StoreUnavailable, match="primary"):
            await store.upsert(posting("not here"))
        with pytest.raises(StoreUnavailable, match="primary"):
            async with store.transaction() as tx:
                await tx.delete(id)
    with pytest.raises(StoreUnavailable, match="primary"):
        await jobstore.connect(f"{url}?target_session_attrs=read-write")


async def test_a_write_whose_wait_for_the_standby_is_cut_short_is_not_acknowledged(
    pair: Cluster,
) -> None:
    waiting = "wait_event = 'SyncRep'"
    async with jobstore.connect(pair.url("jobs"), options=PATIENT) as store:
        pair.standby.freeze()
        try:
            writing = asyncio.create_task(store.upsert(posting("cut short")))
            await asyncio.to_thread(eventually, lambda: sessions(pair.primary, waiting), "a wait")
            ((before,),) = pair.primary.execute("SELECT clock_timestamp()::text")
            cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
            pair.primary.execute(cancel + waiting)

            # The row is there to be seen, but the standby has not got it: so the writer asks on.
            waiting += f" AND query_start > '{before}'"
            await asyncio.to_thread(eventually, lambda: sessions(pair.primary, waiting), "again")
            assert not writing.done()
        finally:
            pair.standby.thaw()
        assert (await writing).outcome is Outcome.INSERTED


async def test_reads_come_from_the_standby_and_see_what_they_are_told_to(pair: Cluster) -> None:
    async with jobstore.connect(pair.url("jobs")) as store, reading_from_standbys(pair) as reader:
        old = (await store.upsert(posting("old"))).id
        with reader.at_least(await store.position()):
            assert await reader.get_many([old]) != [None]
        assert sessions(pair.standby)

        pair.standby.execute("SELECT pg_wal_replay_pause()")
        before = await reader.count()
        new = (await store.upsert(posting("new"))).id
        position = await reader.position()
        assert await reader.get_many([new]) == [None]
        with reader.at_least(position):
            assert await reader.get_many([new]) != [None]
            assert (await reader.statistics()).total == await reader.count() == before + 1
            assert (await reader.search(SearchQuery(text="new"))).items[0].id == new
        assert await reader.count() == before

        pair.standby.execute("SELECT pg_wal_replay_resume()")
        with reader.at_least(position):
            assert None not in await reader.get_many([old, new])
            assert (await reader.search(SearchQuery(text="old"))).items[0].id == old
            assert {old, new} <= {job.id async for job in reader.stream()}
        with reader.at_least("1; DROP TABLE posting"), pytest.raises(InvalidQuery):
            await reader.get(old)


async def test_saved_searches_see_what_was_acknowledged_whatever_a_standby_lacks(
    pair: Cluster,
) -> None:
    async with reading_from_standbys(pair) as store:
        pair.standby.execute("SELECT pg_wal_replay_pause()")
        try:
            await store.save_search("bakers", SearchQuery(text="baker"))
            await store.upsert(posting("baker", title="Baker"))
            found = await store.new_matches("bakers")
            assert [job.source_job_id for job in found] == ["baker"]
            await store.acknowledge("bakers", found)
            assert len(await store.new_matches("bakers")) == 0
            # Nor are they kept by a name that is removed and saved again.
            assert await store.remove_search("bakers")
            await store.save_search("bakers", SearchQuery(text="baker"))
            assert len(await store.new_matches("bakers")) == 1
        finally:
            pair.standby.execute("SELECT pg_wal_replay_resume()")
        # Answers of a standby move on what was looked through, since the primary says how far.
        later = datetime.now(UTC) + timedelta(hours=1)
        clock = Clock(later)
        options = EngineOptions(read_timeout=120, read_from="replica")
        async with jobstore.connect(pair.url("jobs"), options=options, clock=clock) as late:
            for _ in range(2):
                await late.acknowledge("bakers", await late.new_matches("bakers"))
            (saved,) = await store.saved_searches()
            assert saved.looked_until > later - timedelta(hours=1, minutes=10)
        assert await store.remove_search("bakers")
    options = EngineOptions(busy_timeout=60, read_from="replica")
    async with jobstore.connect(pair.standby.url("jobs"), options=options) as alone:
        with pytest.raises(InvalidQuery, match="no saved search"):
            await alone.new_matches("bakers")


async def test_a_standby_that_hangs_keeps_no_read_waiting_for_good(pair: Cluster) -> None:
    async with jobstore.connect(pair.url("jobs")) as store, reading_from_standbys(pair) as reader:
        id = (await store.upsert(posting("read"))).id
        with reader.at_least(await store.position()):
            await reader.get(id)
        pair.standby.freeze()
        try:
            assert (await reader.get(id)).version == 1
        finally:
            pair.standby.thaw()


async def test_without_a_standby_reads_come_from_the_primary(doomed: Cluster) -> None:
    async with (
        jobstore.connect(doomed.url("jobs")) as store,
        reading_from_standbys(doomed) as reader,
    ):
        id = (await store.upsert(posting())).id
        with reader.at_least(await store.position()):
            await reader.get(id)
        doomed.synchronous(False)
        doomed.standby.kill()
        assert (await reader.get(id)).version == 1
        await store.update(id, {"title": "Nurse"})
        assert (await reader.get(id)).title == "Nurse"
