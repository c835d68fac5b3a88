"""What happened to a posting is told, and it can be read as it was then."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

import jobstore
from jobstore import InvalidQuery, JobNotFound, JobStore, Status
from jobstore.engines.kept import EVENT
from jobstore.lifecycle import history
from jobstore.records import Origin
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

# A time that is in no year of UTC.
NEVER = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))


def told(entries: list[jobstore.HistoryEntry]) -> list[tuple[str, int | None]]:
    return [(each.kind, each.version) for each in entries]


async def test_history_says_what_changed_when_and_by_whom(migrated_url: str, clock: Clock) -> None:
    began = clock()
    async with jobstore.connect(migrated_url, clock=clock, actor="scraper@a") as store:
        id = (await store.upsert(posting("1", title="Baker", location="Rome"))).id
    clock.advance(hours=1)
    async with jobstore.connect(migrated_url, clock=clock, actor="anna") as store:
        await store.update(id, {"title": "Head baker", "location": None})
        clock.advance(hours=1)
        await store.update(id, {"status": "closed"})
        clock.advance(hours=1)
        await store.upsert(posting("1", title="Head baker"))

        newest, closed, changed, opened = await store.history(id)

    assert told([newest, closed, changed, opened]) == [
        ("reopened", 4),
        ("closed", 3),
        ("changed", 2),
        ("opened", 1),
    ]
    assert [opened.at, changed.at] == [began, began + timedelta(hours=1)]
    assert [opened.actor, changed.actor, newest.actor] == ["scraper@a", "anna", "anna"]
    assert changed.changes == {"title": ("Baker", "Head baker"), "location": ("Rome", None)}
    assert closed.changes == {"status": (Status.OPEN, Status.CLOSED)}


async def test_a_posting_is_read_as_it_was(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting("1", title="Baker", description="<p>Bread</p>"))).id
    began = clock()
    clock.advance(days=1)
    await store.update(id, {"title": "Head baker", "description": "Cakes", "status": "closed"})
    closed_at = (await store.get(id)).closed_at
    clock.advance(days=1)
    await store.upsert(posting("1", title="Head baker"))

    first = await store.get(id, version=1)
    assert (first.title, first.description_text, first.version) == ("Baker", "Bread", 1)
    assert (first.status, first.closed_at, first.updated_at) == (Status.OPEN, None, began)
    second = await store.get(id, at=clock() - timedelta(hours=1))
    assert (second.version, second.status, second.closed_at) == (2, Status.CLOSED, closed_at)
    assert await store.get(id, version=3) == await store.get(id)
    assert await store.get(id, at=clock()) == await store.get(id)
    for wrong in (clock().replace(tzinfo=None), NEVER):
        with pytest.raises(InvalidQuery):
            await store.get(id, at=wrong)
    with pytest.raises(JobNotFound, match="no version 4"):
        await store.get(id, version=4)
    with pytest.raises(JobNotFound, match="was not stored at"):
        await store.get(id, at=began - timedelta(microseconds=1))


async def test_a_deletion_stays_when_its_posting_is_gone(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting("1"))).id
    clock.advance(hours=1)
    await store.delete(id)
    (gone,) = await store.history(id)
    assert (gone.kind, gone.version, gone.at, gone.changes) == ("deleted", None, clock(), {})
    assert gone.actor
    clock.advance(hours=1)
    await store.upsert(posting("1"))
    clock.advance(hours=1)
    await store.delete(id)
    assert told(await store.history(id)) == [("deleted", None), ("deleted", None)]
    assert await store.history(uuid4()) == []


async def test_a_deletion_that_is_taken_back_is_not_told(store: JobStore) -> None:
    id = (await store.upsert(posting("1"))).id

    async def change_its_mind() -> None:
        async with store.transaction() as tx:
            await tx.delete(id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_its_mind()
    assert told(await store.history(id)) == [("opened", 1)]


async def test_two_that_become_one_keep_what_each_was(store: JobStore, clock: Clock) -> None:
    old = (await store.upsert(posting("1", source="de.board", title="Baker"))).id
    clock.advance(hours=1)
    id = (await store.upsert(posting("1", source="board", title="Cook"))).id
    between = clock()
    clock.advance(hours=1)
    await store.update(old, {"title": "Head baker"})
    clock.advance(hours=1)
    await store.join(old, "board", "1")

    assert told(await store.history(id)) == [
        ("joined", 3),
        ("changed", 2),
        ("opened", None),
        ("opened", 1),
    ]
    assert (await store.get(id, version=2)).title == "Head baker"
    first = await store.get(id, version=1)
    assert (first.title, first.source, first.id) == ("Baker", "de.board", old)
    # Under this id there was the cook then; before, there was only the other one.
    assert (await store.get(id, at=between)).title == "Cook"
    assert (await store.get(id, at=between - timedelta(minutes=1))).title == "Baker"


async def test_closing_has_a_reason_and_spares_what_was_seen_meanwhile(
    store: JobStore, clock: Clock
) -> None:
    ids = [(await store.upsert(posting(str(n)))).id for n in range(3)]
    since = clock()
    clock.advance(hours=1)
    await store.upsert(posting("1"))
    origin = Origin("scraper", "run-7", "missed by two runs")
    closed = await store.engine.set_statuses(
        [*ids, uuid4()], Status.CLOSED, unless_seen_after=since, origin=origin
    )
    assert closed == [True, False, True, False]
    entry = (await store.history(ids[0]))[0]
    assert (entry.kind, entry.run, entry.reason) == ("closed", "run-7", "missed by two runs")
    assert (await store.get(ids[0])).closed_at == clock()
    assert await store.engine.set_status(ids[0], Status.OPEN, None)
    assert not await store.engine.set_status(ids[0], Status.OPEN, None)
    assert (await store.statistics()).by_status == {"open": 2, "closed": 1}


async def test_events_belong_to_their_posting(store: JobStore, clock: Clock) -> None:
    old = (await store.upsert(posting("1", source="de.board"))).id
    other = (await store.upsert(posting("2"))).id
    at = int(clock().timestamp() * 1_000_000)
    async with store.engine.transaction(30) as unit:
        for id in (old, other):
            await unit.put(EVENT, [(id.bytes, at, "noticed", '{"by":"eye"}', "anna", "r1")] * 2)
        assert len(await unit.rows("history_of", *[old.bytes] * 4)) == 2
    (noticed,) = [each for each in await store.history(old) if each.kind == "noticed"]
    assert (noticed.at, noticed.actor, noticed.run) == (clock(), "anna", "r1")
    assert noticed.detail == {"by": "eye"}

    joined = await store.join(old, "board", "1")
    assert [each.kind for each in await store.history(joined.id)].count("noticed") == 1
    await store.delete(joined.id)
    await store.delete(other)
    for id in (joined.id, other):
        assert [each.kind for each in await store.history(id)] == ["deleted"]


async def test_history_is_pruned_by_age(store: JobStore, clock: Clock) -> None:
    ids = [(await store.upsert(posting(str(n), title="0"))).id for n in range(3)]
    for number in range(1, 4):
        clock.advance(days=10)
        for id in ids:
            await store.update(id, {"title": str(number)})
    await store.delete(ids[2])
    age = timedelta(days=15)
    expected = jobstore.Pruned(versions=2, events=0, deletions=0)
    assert await store.prune(age, dry_run=True) == expected
    assert len(await store.history(ids[0])) == 4
    assert await store.prune(age) == expected
    assert not await store.prune(age)

    assert told(await store.history(ids[0])) == [("changed", 4), ("changed", 3)]
    assert (await store.get(ids[0], version=3)).title == "2"
    assert (await store.get(ids[0], version=2)).title == "1"
    for missing in ({"version": 1}, {"at": clock() - timedelta(days=20)}):
        with pytest.raises(JobNotFound, match="pruned"):
            await store.get(ids[0], **missing)
    assert (await store.get(ids[0])).title == "3"
    clock.advance(days=30)
    assert await store.prune(age) == jobstore.Pruned(versions=4, events=0, deletions=1)
    assert await store.history(ids[2]) == []
    # Nothing is that old.
    assert not await store.prune(timedelta.max)


async def test_what_is_pruned_in_part_and_beside_writers_is_pruned_whole_the_next_time(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_AT_ONCE", 3)
    ids = [(await store.upsert(posting(str(n), title="Baker"))).id for n in range(5)]
    for title in ("Cook", "Chef"):
        for id in ids:
            clock.advance(seconds=1)
            await store.update(id, {"title": title})
    await store.delete(ids.pop())
    clock.advance(days=50)
    inner, left = store.engine.transaction, 2

    def broken(timeout: float) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return inner(timeout)

    age = timedelta(days=30)
    with monkeypatch.context() as patch:
        patch.setattr(store.engine, "transaction", broken)
        with pytest.raises(KeyboardInterrupt):
            await store.prune(age)
    assert (await store.prune(age, dry_run=True)).versions == 2
    written = [store.update(id, {"title": "Head baker"}) for id in ids]
    pruned, *_ = await asyncio.gather(store.prune(age), *written)
    assert pruned == jobstore.Pruned(versions=2, deletions=1)
    assert await store.prune(age) == jobstore.Pruned()
    for id in ids:
        assert told(await store.history(id)) == [("changed", 4)]
        assert (await store.get(id, version=3)).title == "Chef"
        with pytest.raises(JobNotFound):
            await store.get(id, version=2)
