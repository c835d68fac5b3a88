"""REST and the library answer alike: the same postings in the same order, on every page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import JobStore, SearchQuery
from jobstore.errors import InvalidQuery
from jobstore.json_text import to_json
from jobstore.service.application import application
from jobstore.settings.sections import Settings
from tests.engines.harness import MEMORY
from tests.property import strategies

NOTHING = SearchQuery()


def parameters(query: SearchQuery) -> list[tuple[str, str]]:
    """A query as it stands in an address."""
    found: list[tuple[str, str]] = []
    for each in fields(query):
        value: Any = getattr(query, each.name)
        if value == getattr(NOTHING, each.name):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, bool):
                one = str(one).lower()
            found.append((each.name, one.isoformat() if isinstance(one, datetime) else str(one)))
    return found


async def pages(store: JobStore, query: SearchQuery, limit: int) -> list[str]:
    """All pages of a search by the library, as JSON."""
    found, cursor = [], None
    while True:
        page = await store.search(query, limit=limit, cursor=cursor)
        found.append(to_json(page.items))
        cursor = page.next_cursor
        if cursor is None:
            return found


async def pages_over_rest(client: httpx.AsyncClient, query: SearchQuery, limit: int) -> list[str]:
    """All pages over REST, followed by their links."""
    found, address = [], "/v1/postings"
    asked: Any = [*parameters(query), ("limit", str(limit))]
    while True:
        answer = await client.get(address, params=asked)
        assert answer.status_code == 200, answer.text
        found.append(answer.text.partition('"items": ')[2].rpartition(', "next_cursor"')[0])
        if "next" not in answer.links:
            return found
        address, asked = answer.links["next"]["url"], None
        assert urlsplit(address).path == "/v1/postings"


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[asyncio.Runner, JobStore, httpx.AsyncClient]]:
    """An event loop, and a store on it that grows: by the library, and over REST."""
    url = MEMORY.new_url(Path())
    app = application(
        Settings.model_validate({"store": {"url": url}}), partial(jobstore.connect, url)
    )
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
    ended = asyncio.Event()

    async def opened(ready: asyncio.Future[tuple[JobStore, httpx.AsyncClient]]) -> None:
        # One task begins and ends it, as the manager of MCP wants it.
        async with (
            jobstore.connect(url) as store,
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            ready.set_result((store, client))
            await ended.wait()

    async def begun() -> tuple[JobStore, httpx.AsyncClient, asyncio.Task[None]]:
        ready: asyncio.Future[tuple[JobStore, httpx.AsyncClient]] = asyncio.Future()
        task = asyncio.create_task(opened(ready))
        return *await ready, task

    async def end(task: asyncio.Task[None]) -> None:
        ended.set()
        await task

    with asyncio.Runner() as runner:
        store, client, task = runner.run(begun())
        yield runner, store, client
        runner.run(end(task))
    MEMORY.forget(url)


@given(
    postings=st.lists(strategies.postings(), max_size=5),
    query=strategies.queries().map(lambda drawn: drawn[0]),
    limit=st.integers(1, 5),
)
@settings(max_examples=60)
def test_rest_and_the_library_give_the_same(
    asked: tuple[asyncio.Runner, JobStore, httpx.AsyncClient],
    postings: list[Any],
    query: SearchQuery,
    limit: int,
) -> None:
    runner, store, client = asked

    async def compared() -> None:
        await store.upsert_many(postings)
        try:
            expected = await pages(store, query, limit)
        except InvalidQuery as error:
            answer = await client.get("/v1/postings", params=tuple(parameters(query)))
            said = str(error)
            assert (answer.status_code, answer.json()["detail"]) == (400, said)  # one side of two
        else:
            assert await pages_over_rest(client, query, limit) == expected

    runner.run(compared())
