"""Pages neither skip nor repeat, and only the store's own cursors are taken."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import jobstore
from jobstore import InvalidQuery, JobStore, JobSummary, SearchQuery
from jobstore.search import ranking
from tests.engines.harness import Harness
from tests.fixtures.cases import each_case
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

SORTS = ["newest", "salary", "applicants", "relevance"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def drawn(generator: random.Random, number: int | str) -> dict[str, Any]:
    """Return a posting with many equal values, some of them missing."""
    choose = generator.choice
    return posting(
        number,
        title=" ".join(generator.choices(["data", "engineer", "data engineer", "cook"], k=2)),
        company=choose(["Data", "Acme"]),
        description=choose([None, "data", "much data"]),
        salary_max=choose([None, 1, 40_000, 40_000.5, 90_000]),
        applicant_count=choose([None, 0, 3, 3, 700]),
        posted_at=choose([None, START, START + timedelta(seconds=generator.randrange(5))]),
    )


async def pages(
    store: JobStore,
    query: SearchQuery,
    generator: random.Random,
    between: Callable[[list[JobSummary]], Any] | None = None,
) -> list[JobSummary]:
    """Page to the end, with pages of any size; ``between`` them something else happens."""
    found: list[JobSummary] = []
    cursor = None
    while True:
        limit = generator.randint(1, 12)
        page = await store.search(query, limit=limit, cursor=cursor, snippets=False)
        found += page.items
        assert len(page.items) == limit or page.next_cursor is None
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor
        if between is not None:
            await between(found)


@pytest.mark.no_cover
async def test_pages_of_any_size_are_the_whole_in_order(store: JobStore) -> None:
    generator = random.Random(0)
    await store.upsert_many(drawn(generator, number) for number in range(150))
    for sort, text in itertools.product(SORTS, [None, "data", "data OR cook -much"]):
        query = SearchQuery(text=text, sort=sort)
        whole = (await store.search(query, limit=1000, snippets=False)).items
        for _ in range(2):
            assert await pages(store, query, generator) == whole, query
        assert len(whole) == await store.count(query) > 50, query


@pytest.mark.no_cover
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("text", [None, "data"])
@pytest.mark.parametrize("strained", [False, True])
async def test_what_does_not_move_is_seen_exactly_once_while_others_are_written(
    store: JobStore,
    clock: Clock,
    engine: Harness,
    monkeypatch: pytest.MonkeyPatch,
    sort: str,
    text: str | None,
    strained: bool,
) -> None:
    if strained:
        for module, attribute, value in itertools.chain(*engine.strains.values()):
            monkeypatch.setattr(module, attribute, value)
        monkeypatch.setattr(ranking, "WINDOW", 7)
    generator = random.Random(f"{sort} {text} {strained}")
    await store.upsert_many(drawn(generator, number) for number in range(80))
    query = SearchQuery(text=text, sort=sort)
    before = (await store.search(query, limit=1000, snippets=False)).items
    touched: set[str] = set()
    new = itertools.count(1000)

    async def disturb(found: list[JobSummary]) -> None:
        clock.advance(seconds=generator.choice([-1, 0, 1]))
        for _ in range(generator.randint(1, 4)):
            what = generator.choice(["insert", "insert", "change", "delete"])
            if what == "insert":
                await store.upsert(drawn(generator, next(new)))
                continue
            number = str(generator.randrange(80))
            touched.add(number)
            if what == "change":
                await store.upsert(drawn(generator, number))
            else:
                await store.delete(jobstore.job_id("board", number))

    found = await pages(store, query, generator, disturb)

    kept = [item.id for item in before if item.source_job_id not in touched]
    seen = [item.id for item in found if item.id in set(kept)]
    assert len(kept) > 10
    if sort == "relevance" and text is not None and strained:
        # Which postings are ranked against each other changes behind the last page.
        kept.sort()
        seen.sort()
    assert seen == kept


async def test_recent_postings_are_paged_while_time_goes_on(store: JobStore, clock: Clock) -> None:
    for number in range(40):
        await store.upsert(posting(number))
        clock.advance(hours=6)
    first = await store.recent(days=7, limit=10)
    clock.advance(seconds=1)

    second = await store.recent(days=7, limit=10, cursor=first.next_cursor)

    ids = [item.source_job_id for item in first.items + second.items]
    assert ids == [str(number) for number in range(39, 19, -1)]
    assert first.total == second.total == 28


async def test_a_stream_is_everything_once_newest_first(store: JobStore) -> None:
    generator = random.Random(1)
    await store.upsert_many(drawn(generator, number) for number in range(700))
    seen = []
    async for job in store.stream(SearchQuery(text="data")):
        seen.append(job.id)
        if len(seen) % 100 == 0:
            await store.upsert(drawn(generator, f"new {len(seen)}"))

    assert len(seen) == len(set(seen))
    assert len(seen) >= await store.count(SearchQuery(text="data")) - 7


async def test_the_end_of_a_result_has_no_cursor(store: JobStore) -> None:
    await store.upsert_many(posting(number) for number in range(4))

    assert (await store.search(limit=4)).next_cursor is None
    first = await store.search(limit=2)
    assert (await store.search(limit=2, cursor=first.next_cursor)).next_cursor is None
    assert (await store.search(SearchQuery(source="none"))).next_cursor is None


@pytest.fixture
async def cursor(store: JobStore) -> str:
    """A cursor of the search for everything."""
    await store.upsert_many(posting(number, salary_max=number) for number in range(5))
    page = await store.search(limit=2)
    assert page.next_cursor is not None
    return page.next_cursor


async def test_every_changed_bit_of_a_cursor_is_noticed(store: JobStore, cursor: str) -> None:
    signed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for bit in range(len(signed) * 8):
        changed = bytearray(signed)
        changed[bit // 8] ^= 1 << bit % 8
        forged = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(InvalidQuery, match="cursor"):
            await store.search(limit=2, cursor=forged)
    assert len((await store.search(limit=2, cursor=cursor)).items) == 2


@each_case(
    "forge",
    [
        lambda cursor: "",
        lambda cursor: "x",
        lambda cursor: cursor[:-1],
        lambda cursor: cursor + "=",
        lambda cursor: f" {cursor}",
        lambda cursor: cursor + "A",
        lambda cursor: cursor.swapcase(),
        lambda cursor: cursor[::-1],
        lambda cursor: cursor * 1000,
        lambda cursor: "'; DROP TABLE posting; --",
        lambda cursor: "é" + cursor,
        lambda cursor: "\ud800",
        lambda cursor: "\0",
        lambda cursor: 7,
        lambda cursor: cursor.encode(),
        lambda cursor: ["x"],
    ],
)
async def test_a_forged_cursor_is_a_faulty_query(
    store: JobStore, cursor: str, forge: Callable[[str], Any]
) -> None:
    with pytest.raises(InvalidQuery) as caught:
        await store.search(limit=2, cursor=forge(cursor))
    assert [fault.field for fault in caught.value.faults] == ["cursor"]
    with pytest.raises(InvalidQuery):
        await store.recent(cursor=forge(cursor))


@pytest.mark.parametrize(
    "query",
    [
        SearchQuery(text="engineer"),
        SearchQuery(sort="salary"),
        SearchQuery(status="open"),
        SearchQuery(salary_min=0),
    ],
    ids=["text", "sort", "filter", "bound"],
)
async def test_a_cursor_of_another_query_is_refused(
    store: JobStore, cursor: str, query: SearchQuery
) -> None:
    with pytest.raises(InvalidQuery, match="does not belong to this query"):
        await store.search(query, cursor=cursor)


async def test_a_cursor_goes_on_in_another_spelling_of_the_same_query(store: JobStore) -> None:
    await store.upsert_many(posting(number, company="Café") for number in range(5))
    first = await store.search(SearchQuery(text="engineer", company="Café"), limit=2)

    same = SearchQuery(text=" ENGINEER ", company=("  cafe",), sort="newest")
    second = await store.search(same, limit=2, cursor=first.next_cursor)

    assert not {item.id for item in first.items} & {item.id for item in second.items}


async def test_a_cursor_of_another_store_is_refused(
    store: JobStore, cursor: str, new_url: Callable[[], str]
) -> None:
    async with jobstore.connect(new_url()) as other:
        await other.upsert_many(posting(number, salary_max=number) for number in range(5))
        with pytest.raises(InvalidQuery, match="this store"):
            await other.search(limit=2, cursor=cursor)


async def test_a_cursor_outlives_the_process_that_made_it(
    store: JobStore, cursor: str, migrated_url: str
) -> None:
    await store.close()
    async with jobstore.connect(migrated_url) as again:
        page = await again.search(limit=2, cursor=cursor)
    assert [item.source_job_id for item in page.items] == ["2", "1"]


async def test_a_cursor_outlives_the_posting_it_stands_on(store: JobStore, cursor: str) -> None:
    for number in range(5):
        await store.delete(jobstore.job_id("board", str(number)))

    page = await store.search(limit=2, cursor=cursor)

    assert (page.items, page.next_cursor) == ([], None)


@each_case("limit", [0, -1, 1001, 2**70, True, 1.0, "5", None])
async def test_a_page_has_one_to_a_thousand_postings(store: JobStore, limit: Any) -> None:
    with pytest.raises(InvalidQuery, match="limit"):
        await store.search(limit=limit)
    with pytest.raises(InvalidQuery, match="limit"):
        await store.recent(limit=limit)
