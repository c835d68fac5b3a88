"""Saved searches: each match at least once, whatever is written meanwhile, and not again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from jobstore import InvalidQuery, JobStore, SearchQuery, job_id
from jobstore.lifecycle import searches
from jobstore.lifecycle.following import LOOK_BACK
from tests.fixtures.clock import Clock
from tests.fixtures.openings import TASKS
from tests.fixtures.postings import posting

BAKERS = SearchQuery(text="baker", status="open")


async def taken(store: JobStore, name: str = "bakers", limit: int = 100) -> list[str]:
    """Acknowledge what is new, and return it."""
    found = await store.new_matches(name, limit=limit)
    await store.acknowledge(name, found)
    return [job.source_job_id for job in found]


async def test_each_match_comes_once_it_is_acknowledged(store: JobStore, clock: Clock) -> None:
    await store.upsert(posting("1", title="Baker"))
    clock.advance(minutes=1)
    await store.upsert(posting("2", title="Cook"))
    await store.upsert(posting("3", title="Head baker"))
    await store.save_search("bakers", BAKERS)
    first = await store.new_matches("bakers")
    assert [job.title for job in first] == ["Baker", "Head baker"]
    assert (await store.new_matches("bakers")).items == first.items
    await store.acknowledge("bakers", first)
    await store.acknowledge("bakers", first)
    assert await taken(store) == []
    # One that changes is not new again, one that comes to match is.
    clock.advance(days=1)
    await store.update(first.items[0].id, {"title": "Baker, again"})
    cook = await store.find("board", "2")
    assert cook is not None
    await store.update(cook.id, {"title": "Cook and baker"})
    assert await taken(store) == ["2"]
    assert await taken(store) == []


async def test_what_changes_while_it_is_looked_at_comes_once(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (await store.upsert(posting("1", title="Baker"))).id
    await store.save_search("bakers", BAKERS)
    assert await taken(store) == ["1"]
    new = (await store.upsert(posting("2", title="Baker"))).id
    scan, titles = store.engine.scan, iter(("Head baker", "First baker"))

    async def and_then_changed(*given: Any, **more: Any) -> Any:
        read = await scan(*given, **more)
        if title := next(titles, None):
            clock.advance(minutes=1)
            for id in (old, new):
                await store.update(id, {"title": title})
        return read

    monkeypatch.setattr(store.engine, "scan", and_then_changed)
    assert await taken(store) == ["2"]
    assert await taken(store) == []


async def test_what_a_removal_has_left_is_forgotten_with_the_next_search_of_the_name(
    store: JobStore,
) -> None:
    await store.upsert(posting("1", title="Baker"))
    await store.save_search("bakers", BAKERS)
    assert await taken(store) == ["1"]
    # As far as a removal comes that is killed.
    async with store.engine.transaction(60) as unit:
        await unit.change("forget_search", [("bakers",)])
    await store.save_search("bakers", BAKERS)
    assert await taken(store) == ["1"]
    await store.save_search("bakers", SearchQuery(text="baker"))
    assert await taken(store) == []


async def test_matches_come_in_parts_and_in_the_order_of_changes(
    store: JobStore, clock: Clock
) -> None:
    for number in range(10):
        await store.upsert(posting(number, title="Baker" if number % 3 else "Cook"))
        if number % 4 == 0:
            clock.advance(seconds=1)
    await store.save_search("bakers", BAKERS)
    clock.advance(days=1)
    found: list[str] = []
    while some := await taken(store, limit=2):
        assert len(some) <= 2
        found += some
    assert len(found) == len({*found})
    assert {*found} == {"1", "2", "4", "5", "7", "8"}


async def test_what_is_stored_late_with_an_earlier_time_is_found(
    store: JobStore, clock: Clock
) -> None:
    await store.save_search("bakers", BAKERS)
    clock.advance(days=1)
    await store.upsert(posting("1", title="Baker"))
    assert await taken(store) == ["1"]
    clock.now -= LOOK_BACK - timedelta(seconds=1)
    await store.upsert(posting("2", title="Baker"))
    clock.advance(hours=1)
    assert await taken(store) == ["2"]


async def test_a_time_that_a_clock_ahead_has_written_hides_nothing(
    store: JobStore, clock: Clock
) -> None:
    with pytest.raises(InvalidQuery, match="future"):
        await store.save_search("bakers", since=clock() + timedelta(hours=1))
    # There is no such year in UTC.
    never = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(InvalidQuery):
        await store.save_search("bakers", since=never)
    await store.save_search("bakers", BAKERS)
    clock.advance(days=3)
    await store.upsert(posting("1", title="Baker"))
    clock.advance(hours=1)
    assert await taken(store) == ["1"]
    clock.advance(days=-3)
    await store.upsert(posting("2", title="Baker"))
    clock.advance(hours=1)
    assert await taken(store) == ["2"]
    # The time that is kept is a right one again.
    assert (await store.saved_searches())[0].looked_until <= clock()
    assert await taken(store) == []


async def test_what_was_looked_through_is_not_looked_through_again(
    store: JobStore, clock: Clock
) -> None:
    await store.upsert(posting("1", title="Cook"))
    began = clock()
    await store.save_search("bakers", BAKERS)
    clock.advance(days=1)
    await store.upsert(posting("2", title="Cook"))
    clock.advance(days=1)
    assert await taken(store) == []
    (saved,) = await store.saved_searches()
    assert (saved.name, saved.query) == ("bakers", BAKERS)
    assert saved.looked_until == began + timedelta(days=1)


async def test_a_search_is_saved_anew_and_removed(store: JobStore, clock: Clock) -> None:
    for number, title in enumerate(("Baker", "Cook", "Smith")):
        await store.upsert(posting(number, title=title))
    await store.save_search("mine", BAKERS)
    assert await taken(store, "mine") == ["0"]
    saved = await store.save_search("mine", BAKERS)
    assert saved == (await store.saved_searches())[0]
    other = await store.new_matches("mine")
    await store.save_search("mine", SearchQuery(text="baker OR cook"))
    clock.advance(days=1)
    # What was read of the query before does not end the look for the new one.
    await store.acknowledge("mine", other)
    assert await taken(store, "mine") == ["1"]
    await store.save_search("late", since=clock())
    assert await taken(store, "late") == []
    assert [each.name for each in await store.saved_searches()] == ["late", "mine"]
    found = await store.new_matches("mine")
    assert await store.remove_search("mine")
    assert not await store.remove_search("mine")
    for gone in (store.new_matches("mine"), store.acknowledge("mine", found)):
        with pytest.raises(InvalidQuery, match="no saved search"):
            await gone
    await store.save_search("mine", BAKERS)
    assert await taken(store, "mine") == ["0"]


async def test_what_is_deleted_or_joined_meanwhile_does_no_harm(
    store: JobStore, clock: Clock
) -> None:
    await store.save_search("bakers", BAKERS)
    ids = [
        (await store.upsert(posting(n, source=source, title="Baker"))).id
        for n in (1, 2)
        for source in ("board", "de.board")
    ]
    found = await store.new_matches("bakers")
    await store.delete(ids[3])
    await store.acknowledge("bakers", found)
    await store.join(ids[1], "board", "1")
    assert await taken(store) == []
    await store.delete(ids[2])
    await store.upsert(posting(2, title="Baker"))
    assert await taken(store) == ["2"]


async def test_of_duplicates_one_comes_and_none_after_it(store: JobStore, clock: Clock) -> None:
    await store.save_search("bakers", BAKERS)
    await store.save_search("each", replace(BAKERS, collapse_duplicates=False))
    ids = []
    for number in range(4):
        ids.append((await store.upsert(posting(number, title="Baker"))).id)
        clock.advance(seconds=1)
    await store.confirm_duplicate(ids[0], ids[1])
    await store.confirm_duplicate(ids[2], ids[1])
    clock.advance(days=1)
    first = await store.new_matches("bakers")
    assert [job.id for job in first] == [ids[0], ids[3]]
    # The one that came is gone before it was acknowledged: another one comes in its place.
    await store.delete(ids[0])
    await store.acknowledge("bakers", first)
    assert await taken(store) == ["1"]
    # Nor later, whichever of them changes, comes to match or joins the group.
    await store.update(ids[2], {"title": "Baker, again"})
    late = (await store.upsert(posting("late", title="Cook"))).id
    await store.confirm_duplicate(late, ids[1])
    await store.update(late, {"title": "Cook and baker"})
    assert await taken(store) == []
    # One that is told apart is new once it changes.
    await store.reject_duplicate(late, ids[1])
    clock.advance(days=1)
    assert await taken(store) == ["late"]
    assert len(await taken(store, "each", limit=2)) == 2
    assert len(await taken(store, "each")) == 2


async def test_an_opening_that_was_seen_is_not_new_as_its_repost_while_a_duplicate_stays(
    store: JobStore, clock: Clock
) -> None:
    async def put(source: str, number: int) -> UUID:
        clock.advance(hours=2)
        given = {"description": TASKS, "location": "Lowell, MA", "title": "Pump Engineer"}
        id = (await store.upsert(posting(number, source=source, company="Waters", **given))).id
        await store.find_duplicates()
        return id

    await store.save_search("pumps", SearchQuery(text="pump", status="open"))
    first = await put("greenhouse", 1)
    assert await taken(store, "pumps") == ["1"]
    elsewhere = await put("indeed", 2)
    assert await taken(store, "pumps") == []
    clock.advance(days=1)
    await store.gone(first)
    await put("greenhouse", 3)
    await store.update(elsewhere, {"applicant_count": 5})
    # The new one has the first one's place in the group.
    assert len((await store.search(SearchQuery(text="pump", status="open"))).items) == 1
    assert await taken(store, "pumps") == []
    # One that is back, and was nowhere meanwhile, is new once.
    for id in (elsewhere, job_id("greenhouse", "3")):
        await store.gone(id)
    clock.advance(days=1)
    await store.delete(elsewhere)
    await put("greenhouse", 4)
    assert await taken(store, "pumps") == ["4"]
    assert await taken(store, "pumps") == []


async def test_a_group_comes_once_however_small_the_parts_are(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "_AT_ONCE", 2)
    monkeypatch.setattr(searches, "_PIECE", 2)
    await store.save_search("bakers", BAKERS)
    ids = []
    for number in range(9):
        ids.append((await store.upsert(posting(number, title="Baker"))).id)
        clock.advance(seconds=1)
    for one, two in ((0, 4), (4, 8), (1, 2)):
        await store.confirm_duplicate(ids[one], ids[two])
    clock.advance(days=1)
    assert await taken(store, limit=5) == ["0", "1", "3", "5", "6"]
    assert await taken(store, limit=5) == ["7"]
    assert await taken(store) == []
    assert await store.remove_search("bakers")
    await store.save_search("bakers", BAKERS)
    assert await taken(store) == ["0", "1", "3", "5", "6", "7"]


async def test_a_token_acknowledges_what_came_with_it(store: JobStore) -> None:
    await store.upsert_many([posting(number) for number in range(3)])
    await store.save_search("all")
    matches = await store.new_matches("all", limit=2)
    await store.acknowledge("all", matches.token)
    (left,) = await store.new_matches("all")
    assert left.id not in {job.id for job in matches}
    for other in ("", "x", "ä", matches.token[:-9], "eJyLjgUAARUAuQ=="):
        with pytest.raises(InvalidQuery, match="token"):
            await store.acknowledge("all", other)
