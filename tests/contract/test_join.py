"""A posting that was stored under several keys becomes one, and nothing known of it is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobstore import InvalidPosting, JobNotFound, JobStore, SearchQuery, Status, job_id
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting


async def test_a_posting_gets_another_key_with_its_history(store: JobStore, clock: Clock) -> None:
    old = await store.upsert(posting("1", source="de.board", title="Baker"))
    clock.advance(hours=1)
    await store.update(old.id, {"title": "Head baker"})
    before = await store.get(old.id)
    clock.advance(hours=1)

    job = await store.join(old.id, "board", "1")

    assert job.id == job_id("board", "1")
    assert (job.source, job.source_job_id, job.title) == ("board", "1", "Head baker")
    assert (job.version, job.updated_at) == (3, clock())
    assert (job.first_seen_at, job.last_seen_at) == (before.first_seen_at, before.last_seen_at)
    assert await store.get(job.id) == job
    assert await store.find("de.board", "1") is None
    revisions = await store.revisions(job.id)
    assert [(each.version, each.previous) for each in revisions] == [
        (3, {"source": "de.board"}),
        (2, {"title": "Baker"}),
    ]
    assert await store.revisions(old.id) == []
    assert (await store.search(SearchQuery(text="baker", source="board"))).total == 1
    assert (await store.search(SearchQuery(source="de.board"))).total == 0
    assert await store.count() == 1
    assert (await store.statistics()).by_source == {"board": 1}


@pytest.mark.parametrize("newest", ["old", "right"])
async def test_of_two_the_one_that_was_seen_last_wins(
    store: JobStore, clock: Clock, newest: str
) -> None:
    keys = {"old": ("de.board", "b-1"), "right": ("board", "1")}
    names = sorted(keys, key=lambda name: name == newest)
    began = clock()
    for name, more in zip(
        names,
        (
            {"title": "Baker", "location": "Rome", "attributes": {"a": 1, "b": 1}},
            {"title": "Head baker", "industry": "Food", "attributes": {"a": 2}},
        ),
        strict=True,
    ):
        source, key = keys[name]
        result = await store.upsert(posting(key, source=source, **more))
        clock.advance(hours=1)
        await store.update(result.id, {"company_size": name})
        clock.advance(hours=1)
    first = await store.find(*keys[names[0]])
    assert first is not None
    await store.update(first.id, {"status": "closed"})
    clock.advance(hours=1)

    job = await store.join(job_id(*keys["old"]), "board", "1")

    assert (job.title, job.location, job.industry) == ("Head baker", "Rome", "Food")
    assert job.company_size == names[1]
    assert job.attributes == {"a": 2, "b": 1}
    assert job.status is Status.OPEN
    assert (job.first_seen_at, job.last_seen_at) == (began, began + timedelta(hours=2))
    assert await store.get(job.id) == job
    revisions = await store.revisions(job.id)
    assert [each.version for each in revisions] == [5, 4, 3, 2]
    assert job.version == 5
    assert revisions[0].previous == {
        "source": "de.board",
        "source_job_id": "b-1",
        "title": "Baker",
        "company_size": names[0],
        "attributes": {"a": 1, "b": 1},
        "status": Status.CLOSED,
    }
    times = [each.changed_at for each in revisions]
    assert times == sorted(times, reverse=True)
    assert await store.count() == 1
    assert (await store.search(SearchQuery(text="head baker rome"))).total == 1
    # The next change goes on from there.
    again = await store.update(job.id, {"title": "Chief baker"}, expected_version=5)
    assert again.version == 6


async def test_places_stay_those_of_one_sighting(store: JobStore, clock: Clock) -> None:
    old = await store.upsert(posting("1", source="de.board", location="Rome", country="IT"))
    clock.advance(hours=1)
    await store.upsert(posting("1", locations=["Berlin", "Bonn"]))

    job = await store.join(old.id, "board", "1")

    assert [place.text for place in job.locations] == ["Berlin", "Bonn"]
    assert job.location == "Berlin; Bonn"
    (revision,) = await store.revisions(job.id)
    assert revision.previous["location"] == "Rome"
    assert await store.get(job.id) == job
    assert (await store.search(SearchQuery(text="rome"))).total == 0


async def test_a_joined_description_is_found_by_its_words(store: JobStore, clock: Clock) -> None:
    html = "<p><b>Data</b> engineer</p>"
    old = await store.upsert(posting("1", source="de.board", description=html))
    clock.advance(hours=1)
    await store.upsert(posting("1"))

    job = await store.join(old.id, "board", "1")

    assert job.description == html
    assert (await store.search(SearchQuery(text='"data engineer"'))).total == 1


async def test_to_its_own_key_nothing_changes(store: JobStore, clock: Clock) -> None:
    stored = await store.get((await store.upsert(posting("1"))).id)
    clock.advance(hours=1)
    assert await store.join(stored.id, stored.source, "1") == stored


async def test_what_is_not_there_or_no_key_is_refused(store: JobStore) -> None:
    with pytest.raises(JobNotFound):
        await store.join(job_id("board", "x"), "board", "1")
    result = await store.upsert(posting("1"))
    with pytest.raises(InvalidPosting) as refused:
        await store.join(result.id, "", "a\nb")
    assert [fault.field for fault in refused.value.faults] == ["source", "source_job_id"]


async def test_several_become_one_in_a_transaction_or_none_does(store: JobStore) -> None:
    ids = [(await store.upsert(posting("1", source=f"{n}.board"))).id for n in range(3)]

    async def half() -> None:
        async with store.transaction() as tx:
            await tx.join(ids[0], "board", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half()
    assert await store.count() == 3
    async with store.transaction() as tx:
        for id in ids:
            await tx.update(id, {"title": f"Baker {id}"})
            await tx.join(id, "board", "1")
    assert await store.count() == 1
    job = await store.find("board", "1")
    assert job is not None
    versions = [each.version for each in await store.revisions(job.id)]
    assert versions == list(range(job.version, job.version - len(versions), -1))
    assert len(versions) == 6
