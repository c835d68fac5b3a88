"""Helpers of the exchange tests: made-up files, and one posting with every field."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import Record, Writer, open_records
from jobstore.records import (
    EmploymentType,
    ExperienceLevel,
    Job,
    Location,
    SalaryPeriod,
    Status,
    Workplace,
    job_id,
)

Read = Callable[..., list[Record]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write some content to a file and read it as postings."""

    def read(content: str | bytes, format: str = "auto", **options: Any) -> list[Record]:
        path = tmp_path / "input"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(open_records(path, format, **options))

    return read


def posting(record: Record) -> dict[str, Any]:
    """The posting of a record that must have one."""
    assert record.fault is None
    assert record.posting is not None
    return record.posting


def export_with(kind: Callable[[io.TextIOBase], Writer], *jobs: Job) -> str:
    """What a writer of that kind makes of the jobs."""
    stream = io.StringIO()
    writer = kind(stream)
    for job in jobs:
        writer.write(job)
    writer.finish()
    return stream.getvalue()


def make_job(number: int = 1, **fields: Any) -> Job:
    """A stored posting with only what is required."""
    seen = datetime(2026, 1, 1, 12, tzinfo=UTC)
    stored: dict[str, Any] = {
        "id": job_id("board", str(number)),
        "version": 3,
        "status": Status.OPEN,
        "source": "board",
        "source_job_id": str(number),
        "title": f"Engineer {number}",
        "company": "Acme",
        "first_seen_at": seen,
        "last_seen_at": seen,
        "updated_at": seen,
    }
    return Job(**{**stored, **fields})


def full_job() -> Job:
    """A stored posting with every field."""
    when = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    return make_job(
        7,
        title="Ingénieur \u201cdata\u201d",
        location="Köln, 日本",
        locations=[
            Location("Köln, 日本", city="Köln", region="NRW", country="DE"),
            Location('"Bonn"; [x]'),
        ],
        country="DE",
        workplace=Workplace.REMOTE,
        employment_type=EmploymentType.FULL_TIME,
        experience_level=ExperienceLevel.MID_SENIOR,
        industry="Software",
        description=' =1+1\r\n\tline "two", end\n\u2028',
        skills=["C++", "a, b", 'q"'],
        salary_min=Decimal("60000.123456"),
        salary_max=Decimal("99999999999.5"),
        salary_currency="EUR",
        salary_period=SalaryPeriod.YEAR,
        salary_text="60k+",
        url="https://example.com/7",
        apply_url="https://example.com/7/apply",
        company_url="https://example.com",
        company_size="11-50",
        applicant_count=0,
        posted_at=when,
        expires_at=when,
        attributes={"a": 1.5, "b": [None, True, {"c": "ü"}], "d": 12345678901234567890},
        status=Status.CLOSED,
        closed_at=when,
    )
