"""Searches that strangers make as expensive as they can, beside those of others."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, JobStore, SearchQuery, StoreTimeout
from jobstore.engines.sqlite import readers
from jobstore.engines.sqlite.search import pages
from tests.fixtures.postings import posting

LONG = 200_000
ALMOST = '"' + "a " * 32 + 'b"'
MANY = " ".join(f'"a a{number}"' for number in range(32))


def texts() -> list[str]:
    """Return texts in which each phrase stands, behind everything that almost is one."""
    phrase = "a " * 32 + "b "
    almost = ("a " * LONG)[: LONG - 2000]
    rest = " ".join(f"a a a{number}" for number in range(32))
    return [almost + phrase + rest, f"é {almost}{phrase}{rest}", phrase + rest + " z " + almost]


async def fill(store: JobStore) -> None:
    postings = [posting(n, title="Clerk", description=text) for n, text in enumerate(texts())]
    plain = [posting(f"p{n}", description=f"We need a welder {n}.") for n in range(20)]
    report = await store.upsert_many([*postings, *plain])
    assert report.inserted == 23


@pytest.mark.parametrize("query", [ALMOST, MANY, f"{ALMOST} -welder", f"b OR {ALMOST}"])
async def test_hostile_phrases_do_not_stop_the_searches_of_others(
    migrated_url: str, query: str
) -> None:
    options = EngineOptions(synchronous="normal", readers=3, read_timeout=600)
    async with jobstore.connect(migrated_url, options=options) as store:
        await fill(store)
        hostile = [asyncio.create_task(store.search(SearchQuery(text=query))) for _ in range(3)]
        pages = await asyncio.gather(
            *(store.search(SearchQuery(text="welder"), limit=5) for _ in range(20))
        )
        for page in pages:
            assert page.total == 20
            assert all("**welder**" in (item.snippet or "") for item in page.items)
        for page in await asyncio.gather(*hostile):
            # One text has its match at its beginning, where it is found.
            found = [item.snippet or "" for item in page.items]
            assert len(found) == 3
            for snippet in found:
                assert len(snippet) < 1500
                assert snippet.startswith(("a a a", "é a a", "**a a", "…")), snippet[:40]
            assert query == MANY or any("**a a a" in snippet for snippet in found)
    # Leaving the block has closed the store, with nothing left to wait for.


WORK: dict[str, dict[str, Any]] = {
    "excerpts": {"query": SearchQuery(text="welder")},
    "relevance": {"query": SearchQuery(text="welder", sort="relevance"), "snippets": False},
    "facets": {"facets": ("skills", "company")},
    "a long page": {"limit": 1000},
}


@pytest.mark.parametrize("work", WORK)
async def test_python_work_of_every_kind_ends_when_its_caller_gives_up(
    migrated_url: str, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A reader that was only told to stop: it is not left behind.
    monkeypatch.setattr(readers, "_PATIENCE", 3600)
    looked = threading.Event()
    go_on = threading.Event()

    def slowly(rows: Any) -> Any:
        for row in watched(rows):
            looked.set()
            assert go_on.wait(60)
            yield row

    watched = pages.watched
    options = EngineOptions(synchronous="normal", readers=1, read_timeout=600)
    async with jobstore.connect(migrated_url, options=options) as store:
        await store.upsert_many(
            [posting(n, description="a welder", skills=["one", "two"]) for n in range(50)]
        )
        for module in ("pages", "sorting"):
            monkeypatch.setattr(f"jobstore.engines.sqlite.search.{module}.watched", slowly)
        searching = asyncio.create_task(store.search(**WORK[work]))
        await asyncio.to_thread(looked.wait, 60)
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching
        monkeypatch.undo()
        go_on.set()
        assert await store.count() == 50


async def test_a_read_that_hangs_in_its_rows_stops_neither_others_nor_the_closing(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_PATIENCE", 0.05)
    woken = threading.Event()

    def hanging(rows: Any) -> Any:
        woken.wait(60)
        return iter(rows)

    options = EngineOptions(synchronous="normal", readers=3, read_timeout=0.5)
    async with jobstore.connect(migrated_url, options=options) as store:
        await store.upsert(posting(1, description="a welder"))
        monkeypatch.setattr(pages, "watched", hanging)
        results = await asyncio.gather(
            *(store.search(SearchQuery(text="welder")) for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(result, StoreTimeout) for result in results)
        monkeypatch.undo()
        monkeypatch.setattr(readers, "_PATIENCE", 0.05)
        async with asyncio.timeout(60):
            while True:
                try:
                    assert (await store.search(SearchQuery(text="welder"))).total == 1
                    break
                except StoreTimeout:
                    continue
        async with asyncio.timeout(60):
            await store.close()
    woken.set()
