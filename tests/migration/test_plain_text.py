"""A store whose descriptions were indexed with their markup is brought along by `migrate up`."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

import jobstore
from jobstore import SearchQuery, migrating
from jobstore.engines.sqlite.upkeep import inspection, renewal
from jobstore.errors import SchemaMismatch
from jobstore.verdicts import Verdict
from tests.fixtures.postings import posting

DESCRIPTIONS = [
    "<p><strong>Data</strong> engineer in M&uuml;nchen</p>",
    "&lt;p&gt;Data&lt;/p&gt;&amp;nbsp;engineer, C&amp;#43;&amp;#43;",
    r"Data engineer, C\+\+ and full\-time",
    "Data engineer, strong in SQL",
    None,
]
TEXTS = [
    "Data engineer in München",
    "Data\n\nengineer, C++",
    "Data engineer, C++ and full-time",
    "Data engineer, strong in SQL",
    None,
]


async def _written_at_0007(url: str, path: Path, times: int = 1) -> None:
    """Make a store as the jobstore of migration 0007 wrote it: markup in its index, its form."""
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert_many(
            posting(5 * round + n, description=text)
            for round in range(times)
            for n, text in enumerate(DESCRIPTIONS)
        )
    migrating.down(url, "0007")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(
            "INSERT INTO word_index (rowid, body, title, company)"
            " SELECT 34359738368 - p.place, char(57344) || 'a' || char(10)"
            " || coalesce(t.description, ''), p.title, p.company"
            " FROM posting AS p JOIN posting_text AS t ON t.place = p.place"
        )
        conn.execute("UPDATE store_property SET value = X'04' WHERE name = 'derived_form'")


async def test_its_descriptions_are_searched_without_their_markup(
    store_url: str, path: Path
) -> None:
    await _written_at_0007(store_url, path)
    with pytest.raises(SchemaMismatch, match="lacks 0008"):
        migrating.check_schema(store_url)
    told: list[tuple[str, int, int]] = []

    migrating.up(store_url, progress=lambda *step: told.append(step))

    migrating.verify(store_url)
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    assert told == [
        ("build the index", 0, 5),
        ("read the history", 5, 5),
        ("count", 5, 5),
    ]
    async with jobstore.connect(store_url) as store:

        async def found(text: str) -> int:
            return await store.count(SearchQuery(text=text))

        jobs = [await store.find("board", str(n)) for n in range(5)]
        assert [job and job.description for job in jobs] == DESCRIPTIONS
        assert [job and job.description_text for job in jobs] == TEXTS
        assert [job and job.version for job in jobs] == [1] * 5
        assert await found('"data engineer"') == 4
        assert await found("c++") == 2
        assert await found("münchen") == await found("strong") == 1
        assert await found("nbsp") == await found("uuml") == await found("amp") == 0
        report = await store.upsert_many(
            posting(n, description="Nothing of that") for n in range(5)
        )
        assert (report.updated, report.unchanged) == (5, 0)
        assert await found("data") == await found("münchen") == 0
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(plain) FROM posting_text").fetchone() == (0,)
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}


async def test_going_down_and_up_again_brings_the_texts_back(store_url: str, path: Path) -> None:
    await _written_at_0007(store_url, path)
    migrating.up(store_url)
    migrating.down(store_url, "0007")
    with closing(sqlite3.connect(path)) as conn:
        columns = [row[1] for row in conn.execute("PRAGMA table_info(posting_text)")]
        assert columns == ["place", "description", "attributes"]

    migrating.up(store_url)

    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    async with jobstore.connect(store_url) as store:
        jobs = [await store.find("board", str(n)) for n in range(5)]
        assert [job and job.description_text for job in jobs] == TEXTS


@pytest.mark.no_cover
async def test_memory_does_not_grow_with_the_store(
    store_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_FIRST", 8)
    monkeypatch.setattr(renewal, "_LARGEST", 8)
    await _written_at_0007(store_url, path, times=40)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE posting_text SET description = ?", ("<p>One</p>" * 3_000,))
    tracemalloc.start()
    try:
        migrating.up(store_url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The descriptions are 6 MB, and 8 of them 0.24 MB.
    assert peak < 3_000_000
