"""Postings that end: which have, which end soonest; and dates that lie ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobstore import InvalidQuery, JobPosting, JobStore, SearchQuery, job_id
from tests.fixtures.cases import each_case
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting


@pytest.fixture
async def ending(store: JobStore, clock: Clock) -> JobStore:
    now = clock()
    ends = {
        "never": None,
        "long ago": now - timedelta(days=4000),
        "yesterday": now - timedelta(days=1),
        "just now": now,
        "soon": now + timedelta(microseconds=1),
        "tonight": now + timedelta(hours=3),
        "next year": now + timedelta(days=365),
        "far away": now + timedelta(days=25_000),
    }
    await store.upsert_many(posting(key, expires_at=end) for key, end in ends.items())
    return store


async def keys(store: JobStore, **query: object) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.search(SearchQuery(**query), limit=2, cursor=cursor)
        found += [item.source_job_id for item in page.items]
        if (cursor := page.next_cursor) is None:
            assert page.total == len(found)
            assert await store.count(SearchQuery(**query)) == len(found)
            return found


async def test_the_soonest_end_comes_first_and_none_last(ending: JobStore) -> None:
    past = ["long ago", "yesterday", "just now"]
    ahead = ["soon", "tonight", "next year", "far away"]
    for text in (None, "engineer"):
        assert await keys(ending, text=text, sort="expires") == [*past, *ahead, "never"]
        assert await keys(ending, text=text, sort="expires", expired=True) == past
        assert await keys(ending, text=text, sort="expires", expired=False) == [*ahead, "never"]
        assert sorted(await keys(ending, text=text, expired=True)) == sorted(past)
        assert sorted(await keys(ending, text=text, expired=False)) == sorted([*ahead, "never"])


async def test_a_result_says_when_it_ends(ending: JobStore, clock: Clock) -> None:
    (first, *_) = (await ending.search(SearchQuery(sort="expires", expired=False))).items
    assert first.expires_at == clock() + timedelta(microseconds=1)
    (newest, *_) = (await ending.search(SearchQuery(expired=False))).items
    job = await ending.get(newest.id)
    assert newest.expires_at == job.expires_at


async def test_what_has_expired_follows_changes(ending: JobStore, clock: Clock) -> None:
    await ending.update(job_id("board", "soon"), {"expires_at": clock() - timedelta(days=400)})
    await ending.update(job_id("board", "yesterday"), {"expires_at": None})
    assert await keys(ending, sort="expires", expired=True) == ["long ago", "soon", "just now"]
    assert [
        each.source_job_id async for each in ending.stream(SearchQuery(expired=True))
    ] == await keys(ending, expired=True)


async def test_all_pages_compare_with_the_time_of_the_first(ending: JobStore, clock: Clock) -> None:
    query = SearchQuery(expired=False, sort="expires")
    first = await ending.search(query, limit=1)
    clock.advance(days=1)
    rest = await ending.search(query, limit=9, cursor=first.next_cursor)
    found = [item.source_job_id for item in (*first.items, *rest.items)]
    assert found == ["soon", "tonight", "next year", "far away", "never"]
    assert (await ending.search(query)).total == rest.total - 2


@each_case("value", [0, 1, "yes", (True,)])
async def test_expired_is_true_or_false(store: JobStore, value: object) -> None:
    with pytest.raises(InvalidQuery) as caught:
        await store.search(SearchQuery(expired=value))
    assert [fault.field for fault in caught.value.faults] == ["expired"]


async def test_a_date_that_lies_ahead_makes_no_posting_newer(store: JobStore, clock: Clock) -> None:
    now = clock()
    ahead = {"same day": 0.9, "date line": 1, "next year": 400, "two days": 1.01}
    await store.upsert_many(
        posting(key, posted_at=now + timedelta(days=days)) for key, days in ahead.items()
    )
    clock.advance(hours=1)
    await store.upsert(posting("later"))

    newest = [item.source_job_id for item in (await store.search()).items]
    assert newest == ["date line", "same day", "later", "two days", "next year"]
    # What the source said stays as it is.
    job = await store.get(job_id("board", "next year"))
    assert job.posted_at == now + timedelta(days=400)
    assert (await store.search(SearchQuery(posted_since=now + timedelta(days=2)))).total == 0
    assert (await store.recent(days=1)).total == 5
    per_day = (await store.statistics()).per_day
    assert per_day[now.date()] == 3


async def test_a_posting_moves_when_its_date_turns_out_to_be_good(
    store: JobStore, clock: Clock
) -> None:
    start = clock()
    odd = JobPosting(
        source="board",
        source_job_id="odd",
        title="Cook",
        company="Acme",
        posted_at=start + timedelta(days=9),
    )
    await store.upsert(odd)
    clock.advance(days=1)
    await store.upsert(posting("later"))
    assert [item.source_job_id for item in (await store.search()).items] == ["later", "odd"]
    clock.advance(days=9)
    await store.update(job_id("board", "odd"), {"posted_at": start - timedelta(days=1)})
    found = await store.search(SearchQuery(posted_until=start - timedelta(hours=1)))
    assert [item.source_job_id for item in found.items] == ["odd"]
