"""PostgreSQL gives the same postings in the same order as SQLite, on real ones.

``searches.jsonl`` has the queries: fields of SearchQuery, one object a line.
"""

from __future__ import annotations

import json
from asyncio import gather
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest

import jobstore
from jobstore import InvalidQuery, JobPosting, JobStore, SearchQuery
from jobstore.engines.postgres.search import lookup
from jobstore.search import counting
from tests.engines.harness import POSTGRES, SQLITE, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.data import real_postings

QUERIES = Path(__file__).with_name("searches.jsonl")
PAGES, LIMIT = 2, 12

TOO_SHORT = "has too short a prefix"
EXCEPTIONS: dict[str, str] = {
    # The server does not tell which words begin with a text, and does not have to know.
    "c*": TOO_SHORT,
}
"""Texts that SQLite refuses and PostgreSQL answers, with what SQLite says."""

Answer = list[Any] | str


def queries() -> list[dict[str, Any]]:
    lines = QUERIES.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def asked(fields: dict[str, Any]) -> SearchQuery:
    """Return the query of a line."""
    given = {
        name: datetime.fromisoformat(value) if name.startswith("posted_") else value
        for name, value in fields.items()
    }
    return SearchQuery(
        **{name: tuple(each) if isinstance(each, list) else each for name, each in given.items()}
    )


@asynccontextmanager
async def filled(
    engine: Harness, folder: Path, postings: list[JobPosting]
) -> AsyncIterator[JobStore]:
    """A store of an engine with some postings, which came in several batches."""
    url = engine.new_url(folder)
    clock = Clock()
    async with jobstore.connect(url, clock=clock) as store:
        for start in range(0, len(postings), 250):
            await store.upsert_many(postings[start : start + 250])
            clock.advance(seconds=1)
        if engine is POSTGRES:
            # So that the server knows how many postings there are, as it does after a while.
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute("ANALYZE posting")
        yield store
    engine.forget(url)


async def answer(store: JobStore, query: SearchQuery) -> Answer:
    """Return ids, excerpts and facets of the first pages, or what is said against the query."""
    found: list[Any] = []
    cursor = None
    try:
        for number in range(PAGES):
            facets = () if number else ("company", "location", "employment_type")
            page = await store.search(query, limit=LIMIT, cursor=cursor, facets=facets)
            found.append([(item.id, item.snippet) for item in page.items])
            if facets and page.total < LIMIT:
                found.append(page.facets)
            cursor = page.next_cursor
            if cursor is None:
                break
    except InvalidQuery as error:
        return str(error)
    return found


async def test_both_engines_answer_alike(
    tmp_path: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All ways to matches are taken, though there are few postings.
    monkeypatch.setattr(lookup, "WALKED", 100)
    monkeypatch.setattr(lookup, "GATHERED", 200)
    monkeypatch.setattr(lookup, "TRIED", 200)
    monkeypatch.setattr(lookup, "WALKING", 2)
    postings = [*islice(real_postings(real_data), 0, None, 3)]
    async with (
        filled(SQLITE, tmp_path, postings) as sqlite,
        filled(POSTGRES, tmp_path, postings) as postgres,
    ):
        assert await sqlite.count() == await postgres.count() > 1000
        different = []
        nothing = 0
        for number, fields in enumerate(queries()):
            query = asked(fields)
            one, other = await gather(answer(sqlite, query), answer(postgres, query))
            if fields.get("text") in EXCEPTIONS and len(fields) == 1:
                assert EXCEPTIONS[fields["text"]] in one
                assert not isinstance(other, str)
            elif one != other:
                different.append((fields, one, other))
            elif isinstance(one, list) and number % 5 == 0:
                exact, other_exact = await gather(sqlite.count(query), postgres.count(query))
                assert exact == other_exact
                page = await postgres.search(query, limit=1)
                assert page.total <= min(exact, counting.MAX_COUNTED + 1)
                assert page.total_capped or page.total == exact
                nothing += not exact
        assert different == []
        # Most of them find something.
        assert nothing < len(queries()) / 15


def test_there_are_many_queries_and_none_twice() -> None:
    lines = QUERIES.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len({*lines}) >= 300
