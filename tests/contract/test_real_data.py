"""Real files through the store: what is stored of them, counted exactly, and found again."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import JobStore, SalaryPeriod, SearchQuery
from jobstore.exchange import (
    BrokenFile,
    Record,
    batches,
    export,
    open_records,
    parse_columns,
)

# The same way for every engine, which examples show quicker.
pytestmark = pytest.mark.needs("files")

Counts = tuple[int, int, int, int]


async def take_in(store: JobStore, path: Path, format: str = "auto", **options: Any) -> Counts:
    """Import a file as the command line does; return what became of its rows."""
    return await take_in_records(store, open_records(path, format, **options))


async def take_in_records(store: JobStore, records: Iterable[Record]) -> Counts:
    inserted = updated = unchanged = rejected = 0
    for batch in batches(records):
        report = await store.upsert_many(batch.postings)
        inserted += report.inserted
        updated += report.updated
        unchanged += report.unchanged
        rejected += len(report.rejected) + len(batch.broken)
        for rejection in report.rejected:
            assert rejection.reasons
            assert batch.records[rejection.index].line
    return inserted, updated, unchanged, rejected


async def found(store: JobStore, **query: Any) -> int:
    return await store.count(SearchQuery(**query))


async def test_linkedin_postings(migrated_url: str, real_data: Path) -> None:
    path = real_data / "linkedin" / "postings.csv"
    async with jobstore.connect(migrated_url) as store:
        assert await take_in(store, path, "linkedin") == (1000, 0, 0, 0)
        assert await take_in(store, path) == (0, 0, 1000, 0)
        assert await store.count() == 1000
        assert await found(store, workplace="remote") == 184
        assert await found(store, status="closed") == 11
        assert await found(store, company="(not stated)") == 92
        page = await store.search(SearchQuery(text="marketing coordinator"))
        assert page.total > 0
        assert all(job.source == "linkedin" for job in page.items)
        job = await store.find("linkedin", "921716")
        assert job is not None
        assert job.description
        assert (job.salary_min, job.salary_max) == (Decimal(17), Decimal(20))
        assert job.salary_period is SalaryPeriod.HOUR


async def test_linkedin_job_postings_with_side_tables(migrated_url: str, real_data: Path) -> None:
    folder = real_data / "linkedin"
    tables: dict[str, Any] = {
        "salaries": folder / "salaries.csv",
        "skills": folder / "job_skills.csv",
    }
    async with jobstore.connect(migrated_url) as store:
        counts = await take_in(store, folder / "job_postings.csv", **tables)
        assert counts == (33246, 0, 0, 0)
        statistics = await store.statistics()
        assert statistics.total == 33246
        assert statistics.by_employment_type["full_time"] == 26900
        assert statistics.by_workplace == {"remote": 4802}
        # The file states 13,351; two of them, on lines 6204 and 11770, are 0 to 0.
        assert statistics.salaries["USD"].count == 13349
        assert await found(store, skills="it", employment_type="contract") > 0


async def test_three_days_of_company_boards(
    migrated_url: str, real_data: Path, tmp_path: Path
) -> None:
    """A vanished posting is not closed by a file that lacks it; ids are the same every day."""
    folder = real_data / "ats_daily"
    async with jobstore.connect(migrated_url) as store:
        rows = {}
        for day in ("06", "07", "08"):
            path = folder / f"all_jobs_2026-01-{day}.json.gz"
            # One in eight; whole files are read beside the formats.
            with gzip.open(path) as packed:
                some = [each for each in json.load(packed) if int(each["id"]) % 8 == 0]
            part = tmp_path / path.name
            part.write_bytes(gzip.compress(json.dumps(some).encode(), 1))
            rows[day] = await take_in(store, part)
        assert rows["06"] == (15338, 0, 0, 0)
        assert [sum(counts) for counts in rows.values()] == [15338, 15486, 15556]
        assert [counts[3] for counts in rows.values()] == [0, 0, 0]
        inserted = sum(counts[0] for counts in rows.values())
        assert inserted == await store.count() == 16243
        statistics = await store.statistics()
        assert statistics.by_source == {"greenhouse": 16243}


CROSSBOARD = [
    ("glassdoor_data_analyst", 958, 649),
    ("glassdoor_data_scientist", 958, 624),
    ("indeed-da-0407", 869, 869),
    ("indeed-ds-0407", 944, 944),
    ("linkedin_data_analyst", 1000, 858),
    ("linkedin_data_scientist", 1000, 824),
]


async def test_three_boards_of_2020(migrated_url: str, real_data: Path) -> None:
    total = rejected = 0
    async with jobstore.connect(migrated_url) as store:
        for name, rows, distinct in CROSSBOARD:
            board = name.replace("_", "-").split("-")[0]
            title, url = ("Job Title", "") if board == "indeed" else ("Name", ",url=Url")
            columns = parse_columns(
                f"title={title},company=Company,location=Location,salary_text=Salary,"
                f"description=Description{url}"
            )
            path = real_data / "crossboard_2020" / f"{name}.csv.gz"
            counts = await take_in(store, path, source=board, columns=columns)
            assert sum(counts) == rows
            assert counts[0] <= distinct
            total += rows
            rejected += counts[3]
        assert total == 5729
        # Three rows have no company.
        assert rejected == 0
        by_source = (await store.statistics()).by_source
        assert by_source == {"glassdoor": 1214, "indeed": 1790, "linkedin": 1634}
        assert await found(store, salary_min=100_000, source="indeed") > 0


async def test_jobspy(migrated_url: str, real_data: Path) -> None:
    async with jobstore.connect(migrated_url) as store:
        rows = 0
        for path in sorted((real_data / "jobspy").glob("*.csv")):
            inserted, updated, unchanged, rejected = await take_in(store, path)
            rows += inserted
            assert (updated, unchanged, rejected) == (0, 0, 0)
        assert rows == await store.count() == 264
        path = real_data / "jobspy" / "yshauly_linkedin_jobs.json"
        assert await take_in(store, path) == (28, 0, 0, 0)
        assert await take_in(store, path) == (0, 0, 28, 0)
        assert await found(store, salary_currency="JPY") == 15
        assert await found(store, country="FR") == 12


async def test_simplify(migrated_url: str, real_data: Path) -> None:
    path = real_data / "simplify" / "newgrad_listings.json"
    async with jobstore.connect(migrated_url) as store:
        assert await take_in(store, path) == (1288, 0, 0, 0)
        # 1,147 are inactive; three more are active, and hidden.
        assert (await store.statistics()).by_status == {"open": 138, "closed": 1150}


async def test_schema_org_documents(migrated_url: str, real_data: Path) -> None:
    async with jobstore.connect(migrated_url) as store:
        outcomes = {}
        for folder in ("real", "malformed", "spec_examples"):
            stored = refused = none = 0
            for path in sorted((real_data / "jsonld" / folder).iterdir()):
                try:
                    counts = await take_in(store, path, "schema-org")
                except BrokenFile:
                    none += 1
                else:
                    stored += sum(counts[:3])
                    refused += counts[3]
            outcomes[folder] = (stored, refused, none)
        # Two pages have no posting: the script of one is empty. Of the others, only optional
        # values cannot be read.
        assert outcomes == {"real": (7, 0, 2), "malformed": (2, 0, 0), "spec_examples": (7, 0, 2)}
        # Two of the documents are also there as pages, and are the same postings.
        assert await store.count() == 14


@pytest.fixture
def next_url(tmp_path: Path) -> Callable[[], str]:
    """Gives the URLs of any number of new stores."""
    numbers = iter(range(100))
    return lambda: f"sqlite:///{tmp_path}/store-{next(numbers)}.db"


async def _through(url: str, source: Path, target: Path, format: str) -> None:
    async with jobstore.connect(url, migrate=True) as store:
        assert (await take_in(store, source))[3] == 0
        await export(store.stream(), target, format)


@pytest.mark.parametrize("format", ["jsonl", "csv"])
async def test_an_export_goes_through_an_empty_store_unchanged(
    next_url: Callable[[], str], real_data: Path, tmp_path: Path, format: str
) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    await _through(next_url(), real_data / "linkedin" / "postings.csv", first, format)
    await _through(next_url(), first, second, format)
    await _through(next_url(), second, third, format)
    assert first.read_bytes().count(b"\n") >= 1000
    # Postings of one instant are listed by their arrival, the latest first, and arrive in the
    # order of the file: their order is turned round each time.
    assert _lines(first) == _lines(second)
    assert first.read_bytes() == third.read_bytes()


def _lines(path: Path) -> list[bytes]:
    return sorted(path.read_bytes().splitlines())
