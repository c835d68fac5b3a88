"""No text, wherever it is given, is ever more than text."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import jobstore
from jobstore import (
    EngineOptions,
    InvalidPosting,
    InvalidQuery,
    JobNotFound,
    JobStore,
    SearchQuery,
    VersionConflict,
    job_id,
)
from jobstore.settings import parse_store_url
from tests.engines.harness import Harness
from tests.fixtures.bench import Bench
from tests.fixtures.clock import Clock
from tests.fixtures.postings import full, posting

CORPUS = [
    # SQL
    "'; DROP TABLE posting; --",
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "1; DELETE FROM posting WHERE 1=1",
    "x'); DELETE FROM posting_text; --",
    "' UNION SELECT value FROM store_property --",
    "'||(SELECT hex(value) FROM store_property)||'",
    "`; ATTACH DATABASE '/etc/passwd' AS x; --",
    "]; PRAGMA writable_schema=1; --",
    "\\'; DROP TABLE counter; --",
    "%' AND title LIKE '%",
    "_%_*?",
    "NULL",
    ":title",
    "?1",
    "$1 %s %(x)s {0} {title}",
    "posting.title",
    "/* comment */ -- comment",
    # FTS5
    '"',
    '""',
    '" OR facets : "',
    "facets : a",
    "facets:\ue000a",
    "\ue000a",
    "\ue0000",
    "{title company} : x",
    "- title : x",
    "title : NOT company",
    "^x",
    "x NEAR(y, 2)",
    "NEAR(",
    "x AND",
    "NOT x",
    "AND OR NOT",
    "(((((",
    "))",
    "x + y",
    "* ** x*",
    "'integrity-check'",
    "delete-all",
    "rowid:1",
    # JSON and others
    '"],"x":["',
    '{"$ne": null}',
    "\\u0000 \\ud800",
    "${jndi:ldap://x}",
    "$(touch x) `id` | cat",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\ufeff\u202e\u200b",
    "x\r\nSet-Cookie: y",
    "\0",
    "a\0b",
    "\ud800",
    "\x1b[2J",
    "=cmd|' /C calc'!A0",
    "🧨" * 20,
    "A" * 5000,
]
FILTERS = ("source", "company", "location", "industry", "skills")
CODES = (
    "country",
    "workplace",
    "employment_type",
    "experience_level",
    "status",
    "salary_currency",
    "sort",
)
TEXTS = (
    "title",
    "company",
    "location",
    "industry",
    "description",
    "company_size",
    "salary_text",
)
# Parts of the store's own statements, which no message shows.
OURS = ("text_index", "listed_at", "p.id", "INSERT INTO", "UPDATE posting")
REFUSED = (InvalidPosting, InvalidQuery, JobNotFound, VersionConflict)


def dump(url: str) -> dict[str, list[Any]]:
    """Return everything in the store but counts and the words of the index of SQLite."""
    if url.startswith("sqlite:"):
        tables = ["posting", "posting_text", "revision", "store_property", "sqlite_schema"]
        with closing(sqlite3.connect(parse_store_url(url).path)) as conn:
            return {table: conn.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    with psycopg.connect(url) as server:
        tables = ["posting", "revision", "store_property", "information_schema.columns"]
        return {
            table: server.execute(f"SELECT * FROM {table} AS t ORDER BY t::text").fetchall()
            for table in tables
        }


@pytest.fixture
async def store(each_url: str, clock: Clock) -> AsyncIterator[JobStore]:
    """An open, empty store of each engine."""
    options = EngineOptions(synchronous="normal", busy_timeout=10, read_timeout=10)
    async with jobstore.connect(each_url, options=options, clock=clock) as opened:
        yield opened


async def attempt(call: Any) -> None:
    """Make a call that may be refused, in no other way than is documented."""
    message = ""
    try:
        await call
    except REFUSED as error:
        message = str(error)
    assert not any(part in message for part in OURS)


# Many to a store, since each leaves it as it was.
@pytest.mark.parametrize("first", range(0, len(CORPUS), 10))
async def test_no_text_changes_another_row(
    store: JobStore, each_url: str, each_engine: Harness, first: int
) -> None:
    """Text of the corpus goes in wherever text is taken; the other rows stay as they were."""
    await store.upsert_many([full(1), full(2), posting(3)])
    await store.update(job_id("board", "1"), {"title": "Changed"})
    for text in CORPUS[first : first + 10]:
        await _take(store, each_url, text)
    await store.close()
    each_engine.check(each_url)


async def _take(store: JobStore, url: str, text: str) -> None:
    before = dump(url)

    for name in (*FILTERS, *CODES, "text"):
        await attempt(store.search(SearchQuery(**{name: text})))
        await attempt(store.count(SearchQuery(**{name: text})))
    for column in ("title", "company", "location"):
        await attempt(store.search(SearchQuery(text=f"{column}:{text}", sort="relevance")))
        await attempt(store.search(SearchQuery(text=f'{column}:"{text}"* -"{text}"')))
    await attempt(store.search(SearchQuery(company=(text, "Acme"), skills=(text, "C++"))))
    await attempt(store.search(facets=(text,)))
    await attempt(store.search(facets=text))
    await attempt(store.search(cursor=text))
    await attempt(store.get(text))
    await attempt(store.get_many([text]))
    await attempt(store.delete(text))
    await attempt(store.revisions(text))
    await attempt(store.find(text, "1"))
    await attempt(store.find("board", text))
    one = job_id("board", "3")
    await attempt(store.update(one, {text: "x"}))
    await attempt(store.update(one, {"title": "x"}, expected_version=text))
    for name in ("posted_at", "salary_min", "applicant_count", "url", "workplace", "status"):
        await attempt(store.update(one, {name: text}))
        await attempt(store.upsert(posting(3, **{name: text}), strict=True))
    await attempt(store.upsert(posting(3, **{text: "x"}), strict=True))

    assert dump(url) == before, text

    # Now as the content of a posting of its own.
    for name in TEXTS:
        await attempt(store.upsert(posting("other", **{name: text})))
        await attempt(store.update(job_id("board", "other"), {name: text}))
    for name in ("posted_at", "salary_min", "applicant_count", "url", "workplace", text):
        await attempt(store.upsert(posting("other", **{name: text})))
    await attempt(store.upsert(posting("other", skills=[text], attributes={"x": text})))
    await attempt(store.upsert(posting("other", attributes={text: {text: [text]}})))
    await attempt(store.upsert(posting(text)))
    await attempt(store.upsert(posting("other", source=text)))
    await store.statistics()
    await store.search(facets=FILTERS)
    await attempt(store.search(SearchQuery(text=f'"{text}"'), facets=FILTERS))

    after = dump(url)
    written = {"posting", "posting_text", "revision"} & before.keys()
    assert all(after[table] == before[table] for table in before.keys() - written)
    for table in written:
        assert [row for row in after[table] if row in before[table]] == before[table]
    for id in {item.id for item in (await store.search(limit=1000)).items} - {
        job_id("board", str(number)) for number in (1, 2, 3)
    }:
        await store.delete(id)
    assert {table: sorted(map(repr, rows)) for table, rows in dump(url).items()} == {
        table: sorted(map(repr, rows)) for table, rows in before.items()
    }


ANYTHING = st.text(max_size=40) | st.text(st.sampled_from('"-*():ORtitle^+ #.a東'), max_size=40)
WRONG = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=4)
    | ANYTHING
    | st.lists(ANYTHING, max_size=3)
    | st.lists(ANYTHING, max_size=3).map(tuple)
    | st.dictionaries(ANYTHING, ANYTHING, max_size=2)
)


@given(
    ANYTHING,
    st.sampled_from(["newest", "salary", "applicants", "relevance"]),
    st.lists(st.sampled_from(FILTERS), max_size=2),
)
@example("", "newest", [])
@example("OR", "newest", [])
@example('"', "relevance", ["skills"])
@example("-", "newest", [])
@example("a" * 1001, "newest", [])
@example("a " * 33, "newest", [])
@example("東" * 32, "relevance", [])
@example("東" * 33, "relevance", [])
@example("((((", "newest", [])
@example("title:", "newest", [])
@example("\ud800", "newest", [])
def test_any_text_as_a_search_answers_or_is_refused(
    bench: Bench, text: str, sort: str, facets: list[str]
) -> None:
    bench.run(bench.store.upsert_many([full(1), posting(2, title="東京 C# .NET a-b OR title")]))
    query = SearchQuery(text=text, sort=sort)
    faults: set[str] = set()
    try:
        page = bench.run(bench.store.search(query, facets=facets))
    except InvalidQuery as error:
        faults = {fault.field for fault in error.faults}
    if faults:
        assert faults == {"text"}
        with pytest.raises(InvalidQuery):
            bench.run(bench.store.count(query))
    else:
        assert page.total == len(page.items) == bench.run(bench.store.count(query)) <= 2
        assert page.items or text.strip()
    assert bench.run(bench.store.count()) == 2


@given(
    st.dictionaries(st.sampled_from(SearchQuery.__slots__), WRONG, max_size=4),
    WRONG,
    WRONG,
)
def test_a_query_of_anything_answers_or_is_refused(
    bench: Bench, given: dict[str, Any], cursor: Any, id: Any
) -> None:
    bench.run(bench.store.upsert_many([full(1), posting(2, title="東京 C# .NET a-b OR title")]))
    query = SearchQuery(**given)

    async def attempts() -> None:
        await attempt(bench.store.search(query))
        await attempt(bench.store.count(query))
        await attempt(bench.store.search(query, cursor=cursor))
        await attempt(bench.store.recent(cursor=cursor))
        await attempt(bench.store.recent(days=cursor))
        await attempt(bench.store.search(limit=cursor))
        await attempt(bench.store.get(id))
        await attempt(bench.store.find(id, cursor))
        await attempt(bench.store.update(id, {"title": "x"}))
        await attempt(bench.store.upsert(id))
        await attempt(bench.store.upsert({**posting(2), **given, "source": "board"}))

    bench.run(attempts())
    assert bench.run(bench.store.count()) == 2
