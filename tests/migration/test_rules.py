"""The schema says its rules, and a store that an earlier jobstore wrote comes to keep them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import migrating
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.upkeep import inspection
from jobstore.errors import MigrationError
from jobstore.records import EmploymentType, ExperienceLevel, SalaryPeriod, Workplace
from jobstore.resources import sql_files
from jobstore.verdicts import Verdict
from tests.fixtures.migrations import IDS
from tests.fixtures.postings import full, posting

BROKEN = {
    "id": "id = x'00'",
    "listed_tie": "listed_tie = -1 - place",
    "version": "version = 0",
    "status": "status = 'ajar'",
    "closed_at": "closed_at = CASE status WHEN 'open' THEN 1 END",
    "workplace": "workplace = 'moon'",
    "employment_type": "employment_type = 'serf'",
    "experience_level": "experience_level = 'wizard'",
    "salary_period": "salary_period = 'age'",
    "yearly_both": "yearly_max = NULL",
    "yearly_of_salary": "salary_min = NULL, salary_max = NULL",
    "yearly_order": "yearly_min = yearly_max + 1",
    "applicant_count": "applicant_count = -1",
    "seen_order": "first_seen_at = last_seen_at + 1",
    "digest": "digest = x'00'",
    "seen_digest": "seen_digest = x'00'",
}


async def _fill(url: str) -> None:
    async with jobstore.connect(url, migrate=True) as store:
        # A list of places is lost with its column.
        await store.upsert({**full(), "locations": None})
        await store.upsert_many(
            posting(n, salary_min=n, salary_period=period, status=status)
            for n, period in enumerate([None, *SalaryPeriod])
            for status in ("open", "closed")
        )


def _rows(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as conn:
        tables = ("posting", "posting_text", "revision", "counter", "postings")
        found = {table: conn.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
        # Migration 0008 gave it another name.
        names = [name for (name,) in conn.execute("SELECT name FROM sqlite_schema")]
        (index,) = (name for name in names if name.endswith("_vocabulary"))
        words = conn.execute(f"SELECT v.term, v.doc, v.col, v.offset FROM {index} AS v")
        return {**found, "words": words.fetchall()}


@pytest.mark.parametrize("rule", BROKEN)
async def test_no_program_can_break_a_rule(store_url: str, path: Path, rule: str) -> None:
    await _fill(store_url)
    with (
        closing(sqlite3.connect(path)) as conn,
        pytest.raises(sqlite3.IntegrityError, match=f"failed: {rule}$"),
    ):
        conn.execute(f"UPDATE posting SET {BROKEN[rule]} WHERE salary_min IS NOT NULL")


@pytest.mark.parametrize(
    "kind",
    [Workplace, EmploymentType, ExperienceLevel, SalaryPeriod],
    ids=lambda kind: kind.__name__,
)
async def test_every_value_that_is_known_is_taken(store_url: str, kind: Any) -> None:
    column = {Workplace: "workplace", EmploymentType: "employment_type"}.get(
        kind, "experience_level" if kind is ExperienceLevel else "salary_period"
    )
    async with jobstore.connect(store_url, migrate=True) as store:
        report = await store.upsert_many(
            posting(n, **{column: each}) for n, each in enumerate(kind)
        )
        assert report.inserted == len(kind)


@pytest.mark.parametrize("last", IDS[:-1])
async def test_a_store_of_each_earlier_schema_is_field_by_field_the_same(
    store_url: str, path: Path, last: str
) -> None:
    await _fill(store_url)
    with closing(sqlite3.connect(path)) as conn, conn:
        # When each was stored is lost on the way down.
        conn.execute(
            "UPDATE posting SET opened_at = NULL, opened_by = NULL, opened_run = NULL, "
            "opened_digest = NULL"
        )
    before = _rows(path)
    migrating.down(store_url, last)
    if last == IDS[0]:  # had no revisions
        before["revision"] = []

    migrating.up(store_url)

    migrating.verify(store_url)
    after = _rows(path)
    assert after == before
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}


@pytest.mark.parametrize("rule", [name for name in BROKEN if name not in ("id", "version")])
async def test_a_row_that_breaks_a_rule_is_told_and_nothing_is_changed(
    store_url: str, path: Path, rule: str
) -> None:
    await _fill(store_url)
    migrating.down(store_url, "0006")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA ignore_check_constraints = ON")
        conn.execute(f"UPDATE posting SET {BROKEN[rule]} WHERE salary_min IS NOT NULL")
        objects = schema.objects(conn)
    before = _rows(path)

    with pytest.raises(MigrationError, match=f"changed nothing: .* rule '{rule}', .*backup"):
        migrating.up(store_url)

    assert _rows(path) == before
    with closing(sqlite3.connect(path)) as conn:
        assert schema.objects(conn) == objects


def test_a_view_of_ones_own_goes_on_to_work(store_url: str, path: Path) -> None:
    migrating.up(store_url, "0006")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("CREATE VIEW mine AS SELECT title FROM posting")
    migrating.up(store_url)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        assert conn.execute("SELECT * FROM mine").fetchall() == []


def test_the_schema_that_is_read_is_the_one_that_migrations_make(
    migrated_url: str, path: Path
) -> None:
    (shown,) = (file for file in sql_files("sqlite") if file.name == "schema.sql")
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(shown.read_text(encoding="utf-8"))
        said = schema.objects(conn)
    with closing(sqlite3.connect(path)) as conn:
        made = schema.objects(conn)
    assert said == made, "run: python -m tests.migration.write_schema"
