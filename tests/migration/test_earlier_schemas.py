"""A store that a jobstore of each earlier schema wrote says the same after it was migrated.

The rows are written here, value by value, as they lie in a file of that time; nothing of today's
jobstore has a hand in them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import jobstore
from jobstore import SearchQuery, migrating
from jobstore.engines.rows import OPENED_COLUMNS
from jobstore.engines.sqlite.upkeep import inspection
from jobstore.verdicts import Verdict
from tests.fixtures.migrations import IDS

FULL = UUID("71c89409-2287-5ef1-a98e-d5c9e554a001")
PLAIN = UUID("c788ceda-0bc2-5466-a235-483dfe0c491a")
# The forms of what is derived, by the first migration whose jobstore wrote them.
FORMS = {"0001": None, "0004": 2, "0005": 3, "0006": 4}

POSTINGS: list[dict[str, Any]] = [
    {
        "place": 4096,
        "id": FULL.bytes,
        "listed_at": 1_741_597_200_123_456,
        "listed_tie": 0,
        "version": 2,
        "status": "closed",
        "source": "linkedin",
        "source_job_id": "3757940104",
        "title": "Senior C++ Engineer",
        "company": "Ärzte & Co. 求人",
        "location": "Zürich",
        "country": "CH",
        "workplace": "hybrid",
        "employment_type": "per_diem",
        "experience_level": "mid_senior",
        "industry": "Software",
        "company_size": "51-200",
        "skills": '["C++","Node.js","R"]',
        "salary_min": "60.10",
        "salary_max": "75.255",
        "salary_currency": "CHF",
        "salary_period": "hour",
        "salary_text": "CHF 60.10 – 75.255 / h",
        "yearly_min": 125_008.0,
        "yearly_max": 156_530.4,
        "url": "https://example.com/jobs/1?a=b&c=d",
        "apply_url": "https://example.com/apply/1",
        "company_url": "https://example.com",
        "applicant_count": 0,
        "posted_at": 1_741_597_200_123_456,
        "expires_at": 1_744_189_200_000_000,
        "first_seen_at": 1_741_600_000_000_001,
        "last_seen_at": 1_741_700_000_000_002,
        "updated_at": 1_741_650_000_000_003,
        "closed_at": 1_741_700_000_000_002,
    },
    {
        "place": 8192,
        "id": PLAIN.bytes,
        "listed_at": 1_741_800_000_000_000,
        "listed_tie": 1,
        "version": 1,
        "status": "open",
        "source": "board",
        "source_job_id": "ü 1",
        "title": "Cook",
        "company": "(not stated)",
        "first_seen_at": 1_741_800_000_000_000,
        "last_seen_at": 1_741_800_000_000_000,
        "updated_at": 1_741_800_000_000_000,
    },
]
TEXTS = [
    (4096, "Line one.\nLine two, with tea & 'quotes'.", '{"a":[1,null,"é"],"b":{"c":true}}'),
    (8192, None, None),
]
REVISION = (FULL.bytes, 1, 1_741_650_000_000_003, '{"title":"C++ Engineer","salary_max":"70"}')

STORED = {
    FULL: {
        "version": 2,
        "status": "closed",
        "source": "linkedin",
        "source_job_id": "3757940104",
        "title": "Senior C++ Engineer",
        "company": "Ärzte & Co. 求人",
        "location": "Zürich",
        "locations": [{"text": "Zürich", "city": None, "region": None, "country": "CH"}],
        "country": "CH",
        "workplace": "hybrid",
        "employment_type": "per_diem",
        "experience_level": "mid_senior",
        "industry": "Software",
        "description": "Line one.\nLine two, with tea & 'quotes'.",
        "description_text": "Line one.\nLine two, with tea & 'quotes'.",
        "skills": ["C++", "Node.js", "R"],
        "salary_min": Decimal("60.10"),
        "salary_max": Decimal("75.255"),
        "salary_currency": "CHF",
        "salary_period": "hour",
        "salary_text": "CHF 60.10 – 75.255 / h",
        "url": "https://example.com/jobs/1?a=b&c=d",
        "apply_url": "https://example.com/apply/1",
        "company_url": "https://example.com",
        "company_size": "51-200",
        "applicant_count": 0,
        "posted_at": datetime(2025, 3, 10, 9, 0, 0, 123_456, UTC),
        "expires_at": datetime(2025, 4, 9, 9, 0, tzinfo=UTC),
        "attributes": {"a": [1, None, "é"], "b": {"c": True}},
        "first_seen_at": datetime(2025, 3, 10, 9, 46, 40, 1, UTC),
        "last_seen_at": datetime(2025, 3, 11, 13, 33, 20, 2, UTC),
        "updated_at": datetime(2025, 3, 10, 23, 40, 0, 3, UTC),
        "closed_at": datetime(2025, 3, 11, 13, 33, 20, 2, UTC),
    },
    PLAIN: {
        "version": 1,
        "status": "open",
        "source": "board",
        "source_job_id": "ü 1",
        "title": "Cook",
        "company": "(not stated)",
        "skills": [],
        "attributes": {},
        "first_seen_at": datetime(2025, 3, 12, 17, 20, tzinfo=UTC),
        "last_seen_at": datetime(2025, 3, 12, 17, 20, tzinfo=UTC),
        "updated_at": datetime(2025, 3, 12, 17, 20, tzinfo=UTC),
    },
}


def _write(path: Path, last: str) -> None:
    """Write what a jobstore of the schema ``last`` would have written."""
    form = next(FORMS[each] for each in sorted(FORMS, reverse=True) if each <= last)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        for row in POSTINGS:
            marks = ", ".join("?" * len(row))
            conn.execute(
                f"INSERT INTO posting ({', '.join(row)}) VALUES ({marks})", [*row.values()]
            )
        conn.executemany(
            "INSERT INTO posting_text (place, description, attributes) VALUES (?, ?, ?)", TEXTS
        )
        if last >= "0002":
            conn.execute(
                "INSERT INTO revision (id, version, changed_at, previous) VALUES (?, ?, ?, ?)",
                REVISION,
            )
        if last >= "0004":
            # Another form of digest than today's.
            conn.execute("UPDATE posting SET digest = x'0011223344556677'")
        if form is not None:
            conn.execute(
                "INSERT OR REPLACE INTO store_property VALUES ('derived_form', ?)", (bytes([form]),)
            )


def _said(path: Path) -> dict[str, Any]:
    """Return what is no derivative of postings, column by column."""
    with closing(sqlite3.connect(path)) as conn:
        conn.row_factory = sqlite3.Row
        tables = {
            table: [dict(row) for row in conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]
            for table in ("posting", "posting_text", "revision")
        }
        (key,) = conn.execute("SELECT value FROM store_property WHERE name = 'cursor_key'")
    for row in [*tables["posting"], *tables["revision"]]:
        for name in ("digest", "seen_digest"):
            row.pop(name, None)
    return {**tables, "key": bytes(key[0])}


@pytest.mark.parametrize("last", IDS)
async def test_what_a_jobstore_of_that_schema_wrote_is_the_same_field_by_field(
    store_url: str, path: Path, last: str
) -> None:
    migrating.up(store_url, last)
    _write(path, last)
    with closing(sqlite3.connect(path)) as conn:
        (key,) = conn.execute("SELECT value FROM store_property WHERE name = 'cursor_key'")
        columns = [row[1] for row in conn.execute("PRAGMA table_info(posting)")]

    assert [step.id for step in migrating.up(store_url)] == IDS[IDS.index(last) + 1 :]

    migrating.verify(store_url)
    plain = dict.fromkeys({*columns, "locations", *OPENED_COLUMNS} - {"digest", "seen_digest"})
    revisions = [dict(zip(("id", "version", "changed_at", "previous"), REVISION, strict=True))]
    assert _said(path) == {
        "posting": [plain | row for row in POSTINGS],
        "posting_text": [
            dict(zip(("place", "description", "attributes"), each, strict=True), plain=None)
            for each in TEXTS
        ],
        "revision": revisions if last >= "0002" else [],
        "key": bytes(key[0]),
    }
    assert {each.verdict for each in inspection.inspect_rows(path)} == {Verdict.PASS}
    async with jobstore.connect(store_url) as store:
        for id, expected in STORED.items():
            found = {name: value for name, value in asdict(await store.get(id)).items() if value}
            assert found == {"id": id} | {name: each for name, each in expected.items() if each}
        assert (await store.get(FULL)).applicant_count == 0
        revised = [each.previous for each in await store.revisions(FULL)]
        assert revised == (
            [{"title": "C++ Engineer", "salary_max": 70}] if revisions and last >= "0002" else []
        )
        page = await store.search(SearchQuery(text='c++ "with tea"', status="closed"))
        assert [each.id for each in page.items] == [FULL]
        assert (await store.statistics()).by_source == {"linkedin": 1, "board": 1}
