"""Postings that are one opening are found, told with reasons, and decided by people."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import jobstore
from jobstore import InvalidQuery, JobNotFound, JobPosting, JobStore, JobSummary, SearchQuery
from jobstore.derived.micros import to_micros
from jobstore.engines.kept import FEATURE, LINK, MEMBER
from jobstore.lifecycle import candidates, finding
from jobstore.lifecycle.following import LOOK_BACK
from tests.engines.copies import PAIRS, copied, opened
from tests.fixtures.clock import Clock
from tests.fixtures.openings import OTHER_TASKS, TASKS


def opening(source: str, number: str = "1", **given: Any) -> JobPosting:
    fields: dict[str, Any] = {
        "title": "Pump Engineer",
        "company": "Northern Waterworks",
        "location": "Lowell, MA",
        "description": TASKS,
    }
    return JobPosting(source=source, source_job_id=number, **{**fields, **given})


async def put(store: JobStore, *given: JobPosting) -> list[UUID]:
    return [(await store.upsert(each)).id for each in given]


async def told(store: JobStore, id: UUID) -> dict[UUID, tuple[str, bool]]:
    return {each.id: (each.verdict, each.together) for each in await store.duplicates(id)}


async def test_what_is_the_same_on_two_boards_is_found_with_its_reasons(store: JobStore) -> None:
    indeed, linkedin, baker = await put(
        store,
        opening("indeed"),
        opening("linkedin", company="Northern Waterworks Inc."),
        opening("indeed", "2", title="Baker", description=OTHER_TASKS, company="Crumb"),
    )
    assert await store.duplicates(indeed) == []

    done = await store.find_duplicates()
    assert (done.compared, done.same, done.maybe) == (3, 1, 0)
    (found,) = await store.duplicates(indeed)
    assert (found.id, found.verdict, found.actor) == (linkedin, "same", None)
    assert found.together
    assert {each["kind"] for each in found.reasons} >= {"text", "title", "company", "place"}
    assert {each["sentence"] for each in found.reasons} >= {"The company is the same."}
    assert await told(store, linkedin) == {indeed: ("same", True)}
    assert await store.duplicates(baker) == []
    # Nothing is merged away.
    assert (await store.get(linkedin)).company == "Northern Waterworks Inc."
    assert await store.count() == 3


async def test_only_what_is_new_or_changed_is_compared(store: JobStore, clock: Clock) -> None:
    await put(store, opening("indeed"))
    assert (await store.find_duplicates()).compared == 1
    clock.advance(hours=1)
    assert (await store.find_duplicates()).compared == 0
    await put(store, opening("indeed"))
    assert (await store.find_duplicates()).compared == 0

    (linkedin,) = await put(store, opening("linkedin", title="Baker", description=OTHER_TASKS))
    seen: list[jobstore.Compared] = []
    assert (await store.find_duplicates(progress=seen.append)).compared == 1
    assert seen[-1].looked_at == seen[-1].total
    assert await store.duplicates(linkedin) == []
    clock.advance(hours=1)
    await store.update(linkedin, {"title": "Pump Engineer", "description": TASKS})
    assert (await store.find_duplicates()).same == 1
    clock.advance(hours=1)
    await store.update(linkedin, {"title": "Baker", "description": OTHER_TASKS})
    await store.find_duplicates()
    assert await store.duplicates(linkedin) == []


async def test_openings_in_other_cities_stay_apart(store: JobStore) -> None:
    lowell, dayton = await put(store, opening("indeed"), opening("linkedin", location="Dayton, OH"))
    assert (await store.find_duplicates()).same == 0
    assert await store.duplicates(lowell) == await store.duplicates(dayton) == []


async def test_of_many_with_one_text_those_of_the_same_company_are_compared(
    store: JobStore,
) -> None:
    others = [
        opening("indeed", str(each), company=f"Branch {each}", title=f"{name} Fitter")
        for each, name in enumerate(("Valve", "Pipe", "Hose", "Duct", "Tap", "Drain") * 3)
    ]
    await put(store, *others)
    ours = [opening(board, "x") for board in ("greenhouse", "linkedin", "monster")]
    ids = await put(store, *ours)
    await store.find_duplicates()
    for id in ids:
        found = await told(store, id)
        assert {other: found.get(other) for other in ids if other != id} == {
            other: ("same", True) for other in ids if other != id
        }


async def test_a_chain_joins_no_siblings(store: JobStore) -> None:
    # One source that numbers its openings itself has two of them; a board shows one.
    first, second, board = await put(
        store,
        opening("greenhouse", "1"),
        opening("greenhouse", "2"),
        opening("linkedin"),
    )
    await store.find_duplicates()
    assert (await told(store, first))[second] == ("maybe", False)
    together = {id for id in (first, second) if (await told(store, board))[id] == ("same", True)}
    assert len(together) == 1


async def test_what_is_stored_late_with_an_earlier_time_is_compared(
    store: JobStore, clock: Clock
) -> None:
    await put(store, opening("indeed"))
    assert (await store.find_duplicates()).compared == 1
    clock.now -= LOOK_BACK - timedelta(seconds=1)
    await put(store, opening("linkedin"))
    clock.advance(hours=1)
    assert (await store.find_duplicates()).same == 1


async def test_a_person_decides_and_can_take_it_back(migrated_url: str, clock: Clock) -> None:
    async with jobstore.connect(migrated_url, clock=clock, actor="anna") as store:
        one, two, other = await put(
            store,
            opening("indeed"),
            opening("linkedin"),
            opening("glassdoor", title="Baker", description=OTHER_TASKS),
        )
        await store.find_duplicates()
        clock.advance(hours=1)
        await store.reject_duplicate(one, two)
        await store.confirm_duplicate(str(other), two)
        # What the rules find later does not change what a person said.
        for id in (one, two, other):
            await store.update(id, {"industry": "Water"})
        await store.find_duplicates()

        (rejected,) = await store.duplicates(one)
        assert (rejected.verdict, rejected.rules, rejected.actor) == ("different", "same", "anna")
        assert not rejected.together
        assert await told(store, two) == {other: ("same", True), one: ("different", False)}
        event = next(e for e in await store.history(one) if e.kind == "duplicate")
        assert (event.actor, event.detail) == ("anna", {"other": str(two), "verdict": "different"})

        clock.advance(hours=1)
        await store.undo_duplicate(two, one)
        await store.undo_duplicate(two, other)
        assert await told(store, one) == {two: ("same", True)}
        assert await told(store, other) == {}
        # Nothing is left to take back.
        clock.advance(hours=1)
        await store.undo_duplicate(two, one)
        kinds = [each.kind for each in await store.history(one)]
        assert kinds.count("duplicate") == 2


async def test_who_is_joined_by_a_person_comes_with_the_group(store: JobStore) -> None:
    one, two, other = await put(
        store,
        opening("indeed"),
        opening("linkedin"),
        opening("glassdoor", title="Baker", description=OTHER_TASKS),
    )
    await store.confirm_duplicate(one, other)
    await store.find_duplicates()
    assert await told(store, two) == {one: ("same", True), other: ("same", True)}


async def test_pairs_wait_for_a_person(store: JobStore) -> None:
    first, second = await put(store, opening("greenhouse", "1"), opening("greenhouse", "2"))
    await store.find_duplicates()
    (pair,) = [each async for each in store.duplicate_pairs()]
    assert {*pair.ids} == {first, second}
    assert (pair.verdict, bool(pair.reasons)) == ("maybe", True)
    assert [each async for each in store.duplicate_pairs("same")] == []
    await store.reject_duplicate(*pair.ids)
    assert [each async for each in store.duplicate_pairs()] == []
    with pytest.raises(InvalidQuery):
        _ = [each async for each in store.duplicate_pairs("other")]


async def test_a_posting_that_is_gone_is_nobodys_duplicate(store: JobStore, clock: Clock) -> None:
    one, two, three = await put(store, opening("indeed"), opening("linkedin"), opening("dice"))
    await store.find_duplicates()
    await store.delete(two)
    assert await told(store, one) == {three: ("same", True)}
    with pytest.raises(JobNotFound):
        await store.duplicates(two)
    with pytest.raises(JobNotFound):
        await store.confirm_duplicate(one, two)
    with pytest.raises(InvalidQuery):
        await store.confirm_duplicate(one, one)

    # Under another key it is compared again, and keeps what was said, which both know at once.
    clock.advance(hours=1)
    await store.reject_duplicate(one, three)
    moved = await store.join(one, "monster", "7")
    assert await told(store, three) == {moved.id: ("different", False)}
    await store.find_duplicates()
    assert await told(store, moved.id) == {three: ("different", False)}
    assert await told(store, three) == {moved.id: ("different", False)}


async def test_what_was_decided_of_two_that_become_one_is_kept_once(store: JobStore) -> None:
    one, two, other, last = await put(
        store,
        opening("indeed"),
        opening("linkedin"),
        opening("glassdoor", title="Baker", description=OTHER_TASKS),
        opening("dice", title="Miller", description=OTHER_TASKS),
    )
    await store.confirm_duplicate(one, two)
    await store.reject_duplicate(one, other)
    await store.confirm_duplicate(two, other)
    await store.confirm_duplicate(other, last)
    assert (await store.join(one, "linkedin", "1")).id == two
    found = await told(store, two)
    assert [*found] == [other]
    assert {id: each[0] for id, each in (await told(store, other)).items()} == {
        two: found[other][0],
        last: "same",
    }
    await store.find_duplicates()
    assert (await told(store, two))[other] == (await told(store, other))[two]
    assert await store.check_duplicates() == []


async def lose(store: JobStore, ids: list[UUID], *what: str) -> None:
    """Let rows of these postings be gone, as after damage."""
    async with store._engine.transaction(10) as unit:
        if "links" in what:
            pairs = [(one.bytes, other.bytes) for one in ids for other in ids]
            await unit.change("unlink", pairs)
        if "half" in what:
            await unit.change("take_back", [(ids[0].bytes, ids[1].bytes)])
        if "members" in what:
            await unit.change("leave_group", [(id.bytes,) for id in ids])
        if "one" in what:
            await unit.change("leave_group", [(ids[0].bytes,)])
        if "strangers" in what:
            row = (ids[-1].bytes, ids[0].bytes, 7)
            await unit.put(MEMBER, [row])
        if "nobody" in what:
            nobody = bytes(range(16))
            await unit.put(MEMBER, [(nobody, ids[0].bytes, 7)])
            await unit.put(LINK, [(nobody, ids[0].bytes, "same", "[]", 0)])
        if "features" in what:
            at = to_micros((await store.get(ids[0])).first_seen_at)
            await unit.put(FEATURE, [(id.bytes, 0, 0, at, "[]", "[]") for id in ids])


@pytest.mark.parametrize(
    "lost",
    [
        "links",
        "members",
        "one",
        "strangers",
        "features",
        "half",
        "nobody",
        "links members features",
    ],
)
async def test_what_is_lost_is_noticed_and_made_anew(
    store: JobStore, clock: Clock, lost: str
) -> None:
    ids = await put(
        store,
        opening("indeed"),
        opening("linkedin"),
        opening("glassdoor", title="Baker", description=OTHER_TASKS),
        opening("dice", title="Miller", company="Crumb", description=OTHER_TASKS),
    )
    clock.advance(hours=1)
    if lost == "half":
        await store.confirm_duplicate(*ids[:2])
    else:
        await store.confirm_duplicate(ids[1], ids[2])
    await store.find_duplicates()
    before = [await told(store, id) for id in ids]
    assert await store.check_duplicates() == []
    unseen = ("features", "half", "nobody")

    await lose(store, ids, *lost.split())
    assert [await told(store, id) for id in ids] != before or lost in unseen
    assert (await store.find_duplicates()).compared == 0
    found = await store.check_duplicates()
    done = await store.find_duplicates(ids=found)
    assert done.compared == done.looked_at == len(found) > 0
    assert [await told(store, id) for id in ids] == before
    assert await store.check_duplicates() == []
    if lost != "nobody":
        await lose(store, ids, *lost.split())
    assert (await store.find_duplicates(again=True)).compared == 4
    assert [await told(store, id) for id in ids] == before
    assert await store.check_duplicates() == []


async def test_a_search_goes_on_where_one_ended(store: JobStore) -> None:
    many = [
        opening("board", str(number), title=f"Keeper {number}", description=None)
        for number in range(600)
    ]
    await store.upsert_many(many)
    for wrong in (0, True, "1"):
        with pytest.raises(InvalidQuery, match="limit"):
            await store.find_duplicates(limit=wrong)
    done = await store.find_duplicates(limit=1)
    assert done.compared < done.total == 600
    assert done.compared + (await store.find_duplicates()).compared == 600


async def test_a_copy_has_what_people_said_and_finds_the_rest_anew(tmp_path: Path) -> None:
    for number, (source, target) in enumerate(PAIRS):
        folders = [tmp_path / f"{number}-{name}" for name in ("from", "to")]
        for folder in folders:
            folder.mkdir()
        urls = [
            engine.new_url(folder) for engine, folder in zip((source, target), folders, strict=True)
        ]
        try:
            async with opened(urls[1]) as store:
                await put(store, opening("monster"))
                await store.find_duplicates()
            async with opened(urls[0]) as store:
                one, two, other = await put(
                    store, opening("indeed"), opening("linkedin"), opening("dice")
                )
                await store.find_duplicates()
                await store.reject_duplicate(one, two)
                known = [await told(store, id) for id in (one, two, other)]
            await copied(*urls, replace=True)
            async with jobstore.connect(urls[1]) as store:
                assert await told(store, one) == {two: ("different", False)}
                assert (await store.find_duplicates()).compared == 3
                assert [await told(store, id) for id in (one, two, other)] == known
        finally:
            for engine, url in zip((source, target), urls, strict=True):
                engine.check(url)
                engine.forget(url)


async def test_what_comes_back_after_it_was_closed_is_a_repost(
    store: JobStore, clock: Clock
) -> None:
    (old,) = await put(store, opening("greenhouse", "1"))
    await store.find_duplicates()
    clock.advance(days=10)
    await store.update(old, {"status": "closed"})
    (sibling,) = await put(store, opening("greenhouse", "2", location="Dayton, OH"))
    clock.advance(days=5)
    (new,) = await put(store, opening("greenhouse", "3"))
    for _ in range(2):
        await store.find_duplicates()
        (event,) = [each for each in await store.history(new) if each.kind == "repost"]
        assert event.detail["repost_of"] == str(old)
        assert event.detail["days_away"] == 5
        assert {each["kind"] for each in event.detail["reasons"]} >= {"text", "title", "place"}
        (event,) = [each for each in await store.history(old) if each.kind == "repost"]
        assert event.detail["reposted_as"] == str(new)
        assert not [each for each in await store.history(sibling) if each.kind == "repost"]
        clock.advance(hours=1)
        await store.update(new, {"description": f"{TASKS} Come soon."})


async def test_what_is_open_at_one_time_is_no_repost(store: JobStore, clock: Clock) -> None:
    old, _ = await put(store, opening("greenhouse", "1"), opening("greenhouse", "2"))
    clock.advance(days=1)
    await store.update(old, {"status": "closed"})
    await store.find_duplicates()
    assert not [each for each in await store.history(old) if each.kind == "repost"]


async def test_an_open_posting_stands_for_its_group(store: JobStore, clock: Clock) -> None:
    (old,) = await put(store, opening("indeed"))
    clock.advance(days=1)
    (new,) = await put(store, opening("linkedin", url="https://jobs.example/1"))
    await store.find_duplicates()
    page = await store.search()
    assert [item.id for item in page.items] == [old]
    (also,) = page.items[0].also_on
    assert (also.id, also.source, also.url) == (new, "linkedin", "https://jobs.example/1")
    await store.update(old, {"status": "closed"})
    await store.find_duplicates()
    page = await store.search()
    assert ([item.id for item in page.items], page.total) == ([new], 2)
    query = jobstore.SearchQuery(status="closed")
    assert [item.id for item in (await store.search(query)).items] == [old]
    query = jobstore.SearchQuery(collapse_duplicates=False)
    assert len((await store.search(query)).items) == 2
    with pytest.raises(InvalidQuery):
        await store.search(jobstore.SearchQuery(collapse_duplicates=None))


async def test_what_runs_closed_after_it_had_come_back_is_a_repost(
    store: JobStore, clock: Clock
) -> None:
    (old,) = await put(store, opening("greenhouse", "1"))
    clock.advance(days=2)
    (new,) = await put(store, opening("greenhouse", "2"))
    for _ in range(2):
        clock.advance(days=1)
        async with store.scrape_run("greenhouse") as scraping:
            await scraping.upsert(opening("greenhouse", "2"))
            scraping.complete()
    await store.find_duplicates()
    assert (await store.history(old))[0].reason == "missed by its runs"
    assert await reposts(store, new) == [(old, 2)]


async def test_what_was_told_to_be_closed_was_open_until_then(
    store: JobStore, clock: Clock
) -> None:
    (gone,) = await put(store, opening("greenhouse", "1"))
    clock.advance(days=1)
    (new,) = await put(store, opening("greenhouse", "2"))
    clock.advance(days=1)
    await store.gone(gone)
    await store.find_duplicates()
    assert await reposts(store, new) == await reposts(store, gone) == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_came_back_twice_came_back_as_the_one_before(
    store: JobStore, clock: Clock, at_once: bool
) -> None:
    ids = []
    for number in range(3):
        ids += await put(store, opening("greenhouse", str(number)))
        if not at_once:
            await store.find_duplicates()
        clock.advance(days=2)
        await store.gone(ids[-1])
        clock.advance(days=2)
    await store.find_duplicates()
    # Also where only the first is compared.
    await store.find_duplicates(ids=ids[:1])
    assert [await reposts(store, id) for id in ids] == [[], [(ids[0], 2)], [(ids[1], 2)]]


async def reposts(store: JobStore, id: UUID) -> list[tuple[UUID, float]]:
    """Return of what a posting is told to be a repost, and how many days it was away."""
    told = [each.detail for each in await store.history(id) if each.kind == "repost"]
    return [(UUID(each["repost_of"]), each["days_away"]) for each in told if "repost_of" in each]


async def test_what_was_applied_for_is_shown_though_another_of_its_group_is_first(
    store: JobStore,
) -> None:
    ids = await put(store, opening("indeed"), opening("linkedin"))
    await store.find_duplicates()
    await store.apply(ids[1], force=True)
    page = await store.search(SearchQuery(application="applied"))
    assert [each.id for each in page.items] == [ids[1]]


async def test_who_is_stored_anew_as_another_opening_leaves_its_group(store: JobStore) -> None:
    ids = await put(store, opening("indeed"), opening("linkedin"), opening("glassdoor"))
    await store.find_duplicates()
    await store.delete(ids[1])
    baker = opening("linkedin", title="Baker", description=OTHER_TASKS, company="Crumb")
    assert await put(store, baker) == [ids[1]]
    await store.find_duplicates()
    shown = {each.title: [other.source for other in each.also_on] for each in await found(store)}
    assert shown["Baker"] == []
    assert "linkedin" not in shown["Pump Engineer"]
    assert len(shown["Pump Engineer"]) == 1


async def found(store: JobStore) -> list[JobSummary]:
    return (await store.search()).items


@pytest.mark.parametrize("changed", ["indeed", "linkedin"])
async def test_what_changes_while_it_is_compared_is_judged_by_its_new_text_alone(
    store: JobStore, migrated_url: str, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    (one,) = await put(store, opening("indeed"))
    await store.find_duplicates()
    (two,) = await put(store, opening("linkedin"))
    judged = finding._judged

    async def overtaken(*given: Any) -> Any:
        found = await judged(*given)
        with monkeypatch.context() as patch:
            patch.setattr(finding, "_judged", judged)
            # Another program changes one of them, and a third one compares it, before this writes.
            async with jobstore.connect(migrated_url, clock=store._clock) as other:
                await put(other, opening(changed, title="Baker", description=OTHER_TASKS))
                assert (await other.find_duplicates()).compared > 0
        return found

    with monkeypatch.context() as patch:
        patch.setattr(finding, "_judged", overtaken)
        await store.find_duplicates(limit=1)
    assert await told(store, one) == await told(store, two) == {}
    # With its old text again it is found.
    await put(store, opening(changed))
    await store.find_duplicates()
    assert await told(store, one) == {two: ("same", True)}


async def test_however_many_are_alike_each_costs_the_same(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MOST", 6)
    monkeypatch.setattr(candidates, "READ", 2)
    monkeypatch.setattr(finding, "_PIECE", 8)
    engine, seen = store._engine, Counter[str]()

    def counting(found: Any) -> Any:
        seen["statements"] += 1
        seen["rows"] += len(found)
        return found

    class Counted:
        def __init__(self, unit: Any) -> None:
            self._unit = unit

        def __getattr__(self, name: str) -> Any:
            return getattr(self._unit, name)

        async def rows(self, *given: Any) -> Any:
            return counting(await self._unit.rows(*given))

        async def get_many(self, *given: Any) -> Any:
            return counting(await self._unit.get_many(*given))

        @asynccontextmanager
        async def transaction(self, timeout: float) -> AsyncIterator[Any]:
            async with self._unit.transaction(timeout) as unit:
                yield Counted(unit)

    monkeypatch.setattr(store, "_engine", Counted(engine))
    costs = []
    for part in range(3):
        alike = [opening("indeed", f"{part}-{n}") for n in range(40)]
        assert (await store.upsert_many(alike)).inserted == 40
        clock.advance(hours=1)
        seen.clear()
        assert (await store.find_duplicates()).compared == 40
        costs.append(Counter(seen))
    # Between the second and the third part nothing grows but the number of postings there are.
    assert costs[2]["statements"] <= costs[1]["statements"] + 2
    assert costs[2]["rows"] <= 1.1 * costs[1]["rows"]
    assert costs[2]["rows"] <= 40 * 30
    shown = [1 + len(each.also_on) for each in (await store.search(limit=100)).items]
    assert max(shown) == 3
    assert await store.check_duplicates() == []
