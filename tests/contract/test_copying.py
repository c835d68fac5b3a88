"""A copied store is the same store: for every pair of engines whose postings can be carried."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import jobstore
from jobstore import CopyError, EngineOptions, SearchQuery, StoreBusy
from jobstore.engines import reconciling
from jobstore.operations.copying import copy
from tests.engines.copies import PAIRS, assert_same, copied, everything, named, opened
from tests.engines.harness import Harness
from tests.fixtures.data import real_postings
from tests.fixtures.postings import full, posting

_NEW = datetime(2026, 2, 3, tzinfo=UTC)


@pytest.fixture(params=PAIRS, ids=named)
def pair(request: pytest.FixtureRequest) -> tuple[Harness, Harness]:
    found: tuple[Harness, Harness] = request.param
    return found


@pytest.fixture
def urls(pair: tuple[Harness, Harness], tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of two empty stores."""
    made = []
    for name, engine in zip(("source", "target"), pair, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        made.append(engine.new_url(folder))
    yield made[0], made[1]
    for engine, url in zip(pair, made, strict=True):
        engine.check(url)
        engine.forget(url)


async def filled(url: str, number: int = 40) -> list[jobstore.JobPosting]:
    """Fill a store with postings whose times meet, with versions, closed ones and gaps."""
    async with opened(url) as store:
        days = (f"2026-01-{day:02}" for day in itertools.cycle((3, 1, 2, 3)))
        rows = [posting(n) | {"posted_at": next(days)} for n in range(number)]
        await store.upsert_many([*rows, full("full"), posting("dateless")])
        changes = [
            {"title": f"Engineer {n}", "salary_min": n, "salary_currency": "EUR"} for n in (3, 7)
        ]
        for n, change in zip((3, 7), changes, strict=True):
            await store.update(jobstore.job_id(rows[n]["source"], rows[n]["source_job_id"]), change)
            await store.upsert(rows[n] | {"applicant_count": n, "posted_at": "2026-01-02"})
        await store.delete(jobstore.job_id(rows[5]["source"], rows[5]["source_job_id"]))
        await store.update(
            jobstore.job_id(rows[9]["source"], rows[9]["source_job_id"]), {"status": "closed"}
        )
    return rows


async def test_everything_that_is_kept_is_carried(urls: tuple[str, str]) -> None:
    await filled(urls[0])
    done = await copied(*urls)
    assert (done.postings, done.carried, done.removed) == (41, 41, 0)
    assert done.tables["posting"].rows == 41
    assert done.writers_waited is None
    await assert_same(*urls)


async def test_there_and_back_again_gives_the_same_digests(
    urls: tuple[str, str], pair: tuple[Harness, Harness], tmp_path: Path
) -> None:
    await filled(urls[0])
    there = await copied(*urls)
    folder = tmp_path / "third"
    folder.mkdir()
    third = pair[0].new_url(folder)
    back = await copied(urls[1], third)
    assert back.tables == there.tables
    await assert_same(urls[0], third)
    pair[0].check(third)
    pair[0].forget(third)


async def test_real_postings_have_the_same_digests_on_both_sides(
    urls: tuple[str, str], pair: tuple[Harness, Harness], tmp_path: Path, real_data: Path
) -> None:
    found = [*itertools.islice(real_postings(real_data), 300)]
    async with opened(urls[0]) as store:
        await store.upsert_many(found)
        await store.upsert_many(replace(each, title=f"{each.title} 2") for each in found[::9])
    there = await copied(*urls)
    assert there.tables["posting"].rows > 200
    assert there.tables["revision"].rows > 20
    third = pair[0].new_url(tmp_path)
    assert (await copied(urls[1], third)).tables == there.tables
    await assert_same(urls[0], urls[1])
    pair[0].check(third)
    pair[0].forget(third)


async def test_a_later_copy_takes_only_what_changed(urls: tuple[str, str]) -> None:
    rows = await filled(urls[0])
    await copied(*urls)
    assert (await copied(*urls)).carried == 0
    async with opened(urls[0]) as store:
        # Content alone, the time of listing, seen again alone, a new one, and one that goes.
        await store.upsert(rows[11] | {"title": "Baker"})
        await store.upsert(rows[12] | {"posted_at": "2026-01-03"})
        await store.upsert(rows[13])
        await store.upsert(posting("new") | {"posted_at": "2026-01-01"})
        await store.delete(jobstore.job_id(rows[14]["source"], rows[14]["source_job_id"]))
    done = await copied(*urls)
    assert done.carried == 4
    assert 1 <= done.removed <= 2
    await assert_same(*urls)
    assert (await copied(*urls, final=True)).carried == 0


async def test_the_copied_store_goes_on(urls: tuple[str, str]) -> None:
    rows = await filled(urls[0])
    await copied(*urls)
    for url in urls:
        async with opened(url, clock=lambda: _NEW) as store:
            await store.upsert_many([*rows, posting("more") | {"posted_at": "2026-01-03"}])
            await store.delete(jobstore.job_id(rows[2]["source"], rows[2]["source_job_id"]))
    await assert_same(*urls)


async def test_a_target_with_postings_of_its_own_is_left_alone(urls: tuple[str, str]) -> None:
    await filled(urls[0])
    async with opened(urls[1]) as store:
        await store.upsert(posting("mine"))
        before = await everything(store)
    with pytest.raises(CopyError, match=r"has 1 postings .* nothing was changed.*--replace"):
        await copied(*urls)
    async with opened(urls[1]) as store:
        assert await everything(store) == before
    done = await copied(*urls, replace=True)
    assert done.removed == 1
    await assert_same(*urls)


async def test_what_was_written_to_a_copy_is_not_lost_unnoticed(urls: tuple[str, str]) -> None:
    rows = await filled(urls[0])
    await copied(*urls)
    async with opened(urls[1]) as store:
        await store.upsert(rows[1] | {"title": "Only there"})
    with pytest.raises(CopyError, match="changed there since"):
        await copied(*urls)
    async with opened(urls[1]) as store:
        assert (await store.search(SearchQuery(text='"only there"'))).total == 1
    await copied(*urls, replace=True)
    await assert_same(*urls)


async def test_a_copy_is_not_copied_back_over_its_source(urls: tuple[str, str]) -> None:
    await filled(urls[0])
    await copied(*urls)
    async with opened(urls[0]) as store:
        await store.upsert(posting("after"))
    with pytest.raises(CopyError, match="--replace"):
        await copied(*urls[::-1])
    async with opened(urls[0]) as store:
        assert await store.find("board", "after") is not None


async def test_who_writes_to_the_target_meanwhile_is_noticed(urls: tuple[str, str]) -> None:
    await filled(urls[0])
    loop = asyncio.get_running_loop()
    async with opened(urls[1]) as store:

        def meddle(step: str, done: int, total: int) -> None:
            if step == "copy postings":
                asyncio.run_coroutine_threadsafe(store.upsert(posting("mine")), loop).result(60)

        with pytest.raises(CopyError, match="Somebody else wrote to the target meanwhile"):
            await copied(*urls, progress=meddle)
    with pytest.raises(CopyError, match="--replace"):
        await copied(*urls)
    await copied(*urls, replace=True)
    await assert_same(*urls)


async def test_two_copies_at_once_do_not_mix(
    urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "_BATCH", 16)
    monkeypatch.setattr(reconciling, "_NEWS", 1)
    await filled(urls[0])
    overtaken: list[object] = []

    def overtake(step: str, done: int, total: int) -> None:
        if step == "copy postings" and not overtaken:
            overtaken.append(copy(*urls))

    with pytest.raises(StoreBusy, match="Another copy into this store is being made"):
        await copied(*urls, progress=overtake)
    assert (await copied(*urls)).carried == 0
    await assert_same(*urls)


async def test_the_source_is_written_to_all_along(urls: tuple[str, str]) -> None:
    await filled(urls[0])
    loop = asyncio.get_running_loop()
    numbers = itertools.count()
    async with opened(urls[0]) as store:

        def write(step: str, done: int, total: int) -> None:
            n = next(numbers)
            row = posting(f"during {n}") | {"posted_at": f"2026-01-0{n % 3 + 1}"}
            asyncio.run_coroutine_threadsafe(store.upsert(row), loop).result(60)

        done = await copied(*urls, progress=write)
        written = next(numbers)
        assert written >= 3
        # The copy is as of one moment, before all of them.
        assert done.postings == 41
        assert (await copied(*urls)).carried == written
    await assert_same(*urls)


async def test_nobody_writes_to_the_source_during_the_final_pass(urls: tuple[str, str]) -> None:
    await filled(urls[0])
    loop = asyncio.get_running_loop()
    options = EngineOptions(synchronous="normal", busy_timeout=0.2)
    answers: list[object] = []
    async with jobstore.connect(urls[0], options=options) as store:

        async def attempt() -> object:
            try:
                return (await store.upsert(posting(f"during {len(answers)}"))).outcome
            except StoreBusy as busy:
                return type(busy)

        def write(step: str, done: int, total: int) -> None:
            if step == "copy postings":
                answers.append(asyncio.run_coroutine_threadsafe(attempt(), loop).result(60))

        done = await copied(*urls, final=True, progress=write)
        assert answers == ["inserted", StoreBusy]
        assert done.writers_waited is not None
        assert done.writers_waited > 0.1
        assert done.postings == 42
        await assert_same(*urls)
        # Afterwards they go on.
        assert await attempt() == "inserted"


@pytest.mark.parametrize("sort", ["newest", "salary", "applicants", "relevance"])
async def test_a_cursor_of_the_source_goes_on_or_is_refused(
    urls: tuple[str, str], pair: tuple[Harness, Harness], sort: str
) -> None:
    await filled(urls[0])
    await copied(*urls)
    query = SearchQuery(text="engineer OR acme", sort=sort)
    async with opened(urls[0]) as one, opened(urls[1]) as other:
        page = await one.search(query, limit=7)
        if sort == "relevance" and pair[0] is not pair[1]:
            with pytest.raises(jobstore.InvalidQuery, match="does not belong to this query"):
                await other.search(query, limit=7, cursor=page.next_cursor)
            return
        while page.next_cursor is not None:
            again = await other.search(query, limit=7, cursor=page.next_cursor)
            page = await one.search(query, limit=7, cursor=page.next_cursor)
            assert again.items == page.items


async def test_a_store_is_not_copied_into_itself(urls: tuple[str, str]) -> None:
    with pytest.raises(CopyError, match="same store"):
        await copied(urls[0], urls[0])


async def test_an_empty_store_is_copied(urls: tuple[str, str]) -> None:
    done = await copied(*urls)
    assert (done.postings, done.carried) == (0, 0)
    await assert_same(*urls)
