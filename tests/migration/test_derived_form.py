"""A store of an earlier form is rewritten by `migrate up`, wholly or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import jobstore
from jobstore import SearchQuery, migrations
from jobstore.engines.sqlite import inspection, rebuilding
from jobstore.engines.sqlite.inspection import Verdict
from jobstore.errors import SchemaMismatch
from tests.fixtures.postings import posting


async def _fill(url: str) -> None:
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert_many(
            posting(n, salary_min=1000 * n, salary_currency="EUR", applicant_count=n)
            for n in range(1, 60)
        )


def _age(path: Path) -> None:
    """Make the store one that an earlier jobstore wrote: no digests, no words of ranges."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("INSERT INTO posting_words (posting_words) VALUES ('delete-all')")
        conn.execute("DELETE FROM counter WHERE kind = 'quartiles'")
    migrations.down(jobstore_url(path), "0003")


def jobstore_url(path: Path) -> str:
    return f"sqlite:///{path}"


async def test_migrating_writes_anew_what_is_derived(store_url: str, path: Path) -> None:
    await _fill(store_url)
    _age(path)
    with pytest.raises(SchemaMismatch, match="lacks 0004"):
        migrations.check_schema(store_url)

    migrations.up(store_url)

    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.OK}
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
        patch.setattr(rebuilding, "rebuild_counters", lambda conn: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrations.up(store_url)
    with pytest.raises(SchemaMismatch, match="an older form; run: jobstore migrate up"):
        migrations.check_schema(store_url)

    assert migrations.up(store_url) == []

    migrations.check_schema(store_url)
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.OK}


async def test_a_store_of_a_later_form_is_refused(store_url: str, path: Path) -> None:
    await _fill(store_url)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE store_property SET value = X'FF' WHERE name = 'derived_form'")
    with pytest.raises(SchemaMismatch, match="a newer jobstore"):
        migrations.check_schema(store_url)
