"""Searches that strangers make as expensive as they can, on a server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import jobstore
from jobstore import EngineOptions, InvalidQuery, SearchQuery, StoreTimeout
from tests.engines.harness import POSTGRES
from tests.faults.test_hostile_searches import ALMOST, MANY, fill
from tests.fixtures.postgres import PostgresServer

# Nothing that a text may ask for is more than this: prefixes that stand for everything, in pairs.
WIDE = " ".join(f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz")
NESTED = "(" * 400 + "z" + ")" * 400
ALTERNATIVES = " OR ".join(f'"a a{number}"' for number in range(32))


@pytest.fixture
def url(postgres: PostgresServer, tmp_path: Path) -> str:
    return POSTGRES.new_url(tmp_path)


@pytest.mark.parametrize(
    "query", [ALMOST, MANY, f"{ALMOST} -welder", f"b OR {ALMOST}", WIDE, NESTED, ALTERNATIVES]
)
async def test_hostile_searches_do_not_stop_those_of_others(url: str, query: str) -> None:
    options = EngineOptions(readers=3, read_timeout=60)
    async with jobstore.connect(url, options=options) as store:
        await fill(store)
        hostile = [asyncio.create_task(store.search(SearchQuery(text=query))) for _ in range(3)]
        pages = await asyncio.gather(
            *(store.search(SearchQuery(text="welder"), limit=5) for _ in range(20))
        )
        for page in pages:
            assert page.total == 20
            assert all("**welder**" in (item.snippet or "") for item in page.items)
        for page in await asyncio.gather(*hostile):
            # The three long texts, in which the phrase stands behind what the index can hold.
            expected = {WIDE: 0, NESTED: 1}.get(query, 3)
            assert [len(page.items), page.total, page.total_capped] == [expected, expected, False]
            assert await store.count(SearchQuery(text=query)) == expected
    POSTGRES.forget(url)


TOO_MUCH = [" ".join(f"w{number}" for number in range(33)), "x" * 1001, f'"{"a " * 33}"', "***"]


@pytest.mark.parametrize("text", TOO_MUCH)
async def test_what_is_too_much_is_refused_before_the_server_is_asked(url: str, text: str) -> None:
    async with jobstore.connect(url) as store:
        with pytest.raises(InvalidQuery, match="text"):
            await store.search(SearchQuery(text=text))
    POSTGRES.forget(url)


async def test_a_search_that_takes_too_long_ends_with_its_time(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A search that takes as long as it likes: the server is told to wait.
    monkeypatch.setattr(
        "jobstore.engines.postgres.search.statements.listed",
        lambda shape, columns: "SELECT pg_sleep(3600), %(limit)s::bigint",
    )
    options = EngineOptions(readers=1, read_timeout=0.5)
    async with jobstore.connect(url, options=options) as store:
        with pytest.raises(StoreTimeout):
            await store.search()
        monkeypatch.undo()
        async with asyncio.timeout(60):
            while True:
                try:
                    assert (await store.search()).total == 0
                    break
                except StoreTimeout:
                    continue
    POSTGRES.forget(url)
