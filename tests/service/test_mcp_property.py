"""Whatever is searched for: an agent is given what the library gives, in its order."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

import jobstore
from jobstore import InvalidQuery, JobStore, SearchQuery
from jobstore.json_text import to_json
from tests.engines.harness import MEMORY
from tests.property.strategies import postings, queries
from tests.property.texts import Text
from tests.service.agents import agent, call, refused


def asked(query: SearchQuery) -> dict[str, Any]:
    """The arguments that ask for a query."""
    filters = json.loads(to_json({n: v for n, v in asdict(query).items() if v is not None}))
    return {"query": filters.pop("text", ""), "filters": filters}


async def by_library(store: JobStore, query: SearchQuery, limit: int) -> list[list[str]]:
    """The ids of all pages."""
    pages, cursor = [], None
    while True:
        page = await store.search(query, limit=limit, cursor=cursor)
        pages.append([str(each.id) for each in page.items])
        if (cursor := page.next_cursor) is None:
            return pages


async def by_agent(client: Client, query: SearchQuery, limit: int) -> list[list[str]]:
    """The same over MCP."""
    pages: list[list[str]] = []
    page: dict[str, Any] = {"limit": limit}
    while True:
        answer = await call(client, "search_jobs", **asked(query), pagination=page)
        pages.append([each["ojcp_id"] for each in answer["jobs"]])
        assert answer["returned"] == len(answer["jobs"])
        if "next_cursor" not in answer:
            return pages
        page["cursor"] = answer["next_cursor"]


@settings(max_examples=60)
@given(
    st.lists(postings(), min_size=4, max_size=12),
    st.lists(queries(), min_size=3, max_size=5),
    st.integers(1, 4),
)
async def test_an_agent_is_given_what_the_library_gives(
    given_postings: list[dict[str, Any]], drawn: list[tuple[SearchQuery, Text | None]], limit: int
) -> None:
    url = MEMORY.new_url(Path())
    try:
        async with jobstore.connect(url) as store:
            await store.upsert_many(given_postings)
            async with agent(store) as client:
                for query in (SearchQuery(), *(query for query, _ in drawn)):
                    try:
                        pages = await by_library(store, query, limit)
                    except InvalidQuery:
                        await refused(client, "search_jobs", asked(query))
                    else:
                        assert await by_agent(client, query, limit) == pages
    finally:
        MEMORY.forget(url)
