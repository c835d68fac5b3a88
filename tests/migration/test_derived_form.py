"""A store of an earlier form is rewritten by `migrate up`, wholly or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import SearchQuery, migrating
from jobstore.derived import record
from jobstore.engines.rows import OPENED_COLUMNS
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.upkeep import inspection, renewal
from jobstore.engines.sqlite.writing import counters, renewing
from jobstore.errors import SchemaMismatch
from jobstore.verdicts import Verdict
from tests.fixtures.postings import posting


async def _fill(url: str) -> None:
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert_many(
            posting(
                n,
                salary_min=1000 * n,
                salary_currency="EUR",
                applicant_count=n,
                description=f"Room {n}, with tea.",
                skills=["C++"],
            )
            for n in range(1, 60)
        )


def _age(path: Path) -> None:
    """Make the store one that an earlier jobstore wrote: no digests, no words of ranges."""
    migrating.down(jobstore_url(path), "0003")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("DELETE FROM counter WHERE kind = 'quartiles'")


def jobstore_url(path: Path) -> str:
    return f"sqlite:///{path}"


async def test_migrating_writes_anew_what_is_derived(store_url: str, path: Path) -> None:
    await _fill(store_url)
    _age(path)
    with pytest.raises(SchemaMismatch, match="lacks 0004"):
        migrating.check_schema(store_url)

    migrating.up(store_url)

    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    async with jobstore.connect(store_url) as store:
        page = await store.search(SearchQuery(salary_min=30_000, applicants_max=40))
        assert page.total == 11
        assert (await store.statistics()).salaries["EUR"].count == 59


async def test_a_rewriting_that_fails_is_done_by_the_next_one(
    store_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(store_url)
    _age(path)
    with monkeypatch.context() as patch:
        patch.setattr(counters, "write_all_quartiles", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrating.up(store_url)
    with pytest.raises(SchemaMismatch, match="an older form; run: jobstore migrate up"):
        migrating.check_schema(store_url)

    assert migrating.up(store_url) == []

    migrating.check_schema(store_url)
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}


async def test_a_store_of_a_later_form_is_refused(store_url: str, path: Path) -> None:
    await _fill(store_url)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE store_property SET value = X'FF' WHERE name = 'derived_form'")
    with pytest.raises(SchemaMismatch, match="a newer jobstore"):
        migrating.check_schema(store_url)


def _words(path: Path) -> list[tuple[str, int, str, int]]:
    """Everything that the index holds, which had other names before migrations 0005, 0006, 0008."""
    with closing(sqlite3.connect(path)) as conn:
        names = [name for (name,) in conn.execute("SELECT name FROM sqlite_schema")]
        (index,) = (name for name in names if name.endswith("_vocabulary"))
        found = conn.execute(f"SELECT v.term, v.doc, v.col, v.offset FROM {index} AS v")
        return sorted(found)


def _form(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        return schema.derived_form(conn)


async def _assert_found(url: str) -> None:
    """Assert that the postings of ``_fill`` are found by what they say and by numbers."""
    migrating.verify(url)
    async with jobstore.connect(url) as store:

        async def titles(**criteria: Any) -> list[str]:
            return [each.title for each in (await store.search(SearchQuery(**criteria))).items]

        assert await titles(text="title:engineer 17 tea") == ["Engineer 17"]
        assert await titles(text="room", skills=["c++"], salary_min=58_000) == [
            "Engineer 59",
            "Engineer 58",
        ]
        assert await titles(company=["ACME"], applicants_max=2) == ["Engineer 2", "Engineer 1"]
        assert await store.count(SearchQuery(text="company:acme engin*")) == 59


def _written_at_0004(path: Path) -> None:
    """Make the store one that the jobstore of migration 0004 wrote: its index, its form."""
    migrating.down(jobstore_url(path), "0004")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(
            "INSERT INTO posting_words (rowid, description, title, company, skills, facets)"
            " SELECT place, 'old', title, company, 'old', '\ue000a' FROM posting"
        )
        conn.execute("UPDATE store_property SET value = X'02' WHERE name = 'derived_form'")


@pytest.mark.parametrize("last", ["0004", "0005"])
async def test_a_program_that_had_the_store_open_fails_rather_than_finds_nothing(
    store_url: str, path: Path, last: str
) -> None:
    await _fill(store_url)
    async with jobstore.connect(store_url) as store:
        assert (await store.search(SearchQuery(text="engineer"))).total == 59
        migrating.down(store_url, last)

        with pytest.raises(SchemaMismatch, match="open the store again"):
            await store.search(SearchQuery(text="engineer"))
        with pytest.raises(SchemaMismatch, match="open the store again"):
            await store.upsert(posting(60))
        assert await store.count() == 59


async def test_the_index_of_migration_0004_is_written_anew(store_url: str, path: Path) -> None:
    await _fill(store_url)
    before = _words(path)
    _written_at_0004(path)
    assert before != _words(path) != []
    with pytest.raises(SchemaMismatch, match="lacks 0005"):
        migrating.check_schema(store_url)

    migrating.up(store_url)

    assert _words(path) == before
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    await _assert_found(store_url)


async def test_the_index_comes_back_after_going_down_to_migration_0004(
    store_url: str, path: Path
) -> None:
    await _fill(store_url)
    before = _words(path)
    for _ in range(2):
        migrating.down(store_url, "0004")
        # The jobstore of 0004 has form 2, so it sees that its index is still to be filled.
        assert (_words(path), _form(path)) == ([], 1)

        migrating.up(store_url)

        assert _words(path) == before
        assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
        await _assert_found(store_url)


def _rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of what is not derived, by table, without digests."""
    found: dict[str, list[dict[str, Any]]] = {}
    with closing(sqlite3.connect(path)) as conn:
        for table in ("posting", "posting_text", "revision"):
            rows = conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            names = [name for name, *_ in rows.description]
            found[table] = [dict(zip(names, row, strict=True)) for row in rows]
            for row in found[table]:
                row.pop("digest", None)
                row.pop("seen_digest", None)
                row.pop("plain", None)
                row.pop("locations", None)
                for name in OPENED_COLUMNS:
                    row.pop(name, None)
    return found


async def test_a_store_of_migration_0005_is_brought_along_and_back(
    store_url: str, path: Path
) -> None:
    await _fill(store_url)
    async with jobstore.connect(store_url) as store:
        await store.upsert_many(posting(n, title=f"Engineer {n} again") for n in range(1, 60, 7))
    before, words = _rows(path), _words(path)
    assert len(before["revision"]) == 9
    migrating.down(store_url, "0005")
    # The jobstore of 0005 has form 3, so it sees that its index is still to be filled.
    assert (_words(path), _form(path), _rows(path)) == ([], 2, before)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(
            "INSERT INTO search_index (rowid, body, title, company)"
            " SELECT 34359738368 - place, 'C++ ' || char(57344) || 'a', title, company FROM posting"
        )
        conn.execute("UPDATE store_property SET value = X'03' WHERE name = 'derived_form'")
    with pytest.raises(SchemaMismatch, match="lacks 0006"):
        migrating.check_schema(store_url)

    migrating.up(store_url)

    assert (_words(path), _rows(path), _form(path)) == (words, before, renewing.DERIVED_FORM)
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    async with jobstore.connect(store_url) as store:
        assert await store.count(SearchQuery(text="title:again tea")) == 9


def test_a_store_without_postings_has_nothing_to_be_written_anew(
    migrated_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_Builder", lambda *_: 1 / 0)
    migrating.down(migrated_url, "0004")
    assert _form(path) == 2
    migrating.up(migrated_url)
    migrating.check_schema(migrated_url)


async def test_postings_of_later_days_are_listed_when_they_were_seen(
    store_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    with monkeypatch.context() as patch:
        # As an earlier jobstore listed them.
        patch.setattr(record, "listed_at", lambda posted, seen: posted or seen)
        async with jobstore.connect(store_url, migrate=True) as store:
            await store.upsert_many(
                posting(f"day {n}", posted_at=now + timedelta(days=n), description=f"Room {n}")
                for n in range(-30, 60)
            )
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE store_property SET value = X'04' WHERE name = 'derived_form'")
    assert {each.name for each in inspection.inspect_rows(path) if each.verdict is Verdict.FAIL} > {
        "order"
    }

    migrating.up(store_url)

    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    async with jobstore.connect(store_url) as store:
        items = (await store.search(limit=100)).items
        dates = [each.posted_at for each in items]
        assert dates[0] == now + timedelta(days=1)
        # Those of days to come share one time; of equal times, in the order in which they moved.
        assert {each.source_job_id for each in items[1:59]} == {f"day {n}" for n in range(2, 60)}
        assert dates[59:] == [now - timedelta(days=n) for n in range(31)]
        assert (await store.search(SearchQuery(text="room 42"))).items[0].source_job_id == "day 42"
        assert max((await store.statistics()).per_day.values()) == 59
