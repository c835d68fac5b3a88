"""Rows and records: each value comes back as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.derived.merge import merge
from jobstore.derived.micros import from_micros, to_micros
from jobstore.derived.record import Derived
from jobstore.engines.revisions import previous_to_json, revision_from_row
from jobstore.engines.rows import (
    DETAIL_COLUMNS,
    JOB_COLUMNS,
    SUMMARY_COLUMNS,
    TEXT_COLUMNS,
    DamagedRow,
    job_from_row,
    posting_parameters,
    summaries_from_rows,
    text_parameters,
)
from jobstore.intake.validation import check_posting
from jobstore.records import JobSummary
from tests.fixtures.cases import each_case
from tests.fixtures.postings import full

NOW = datetime(2026, 3, 1, 12, 30, 0, 123456, UTC)
JOB = merge(None, check_posting({**full(), "status": "closed"}), NOW).job


def row_of(job: Any) -> list[Any]:
    texts = dict(zip(TEXT_COLUMNS, text_parameters(job), strict=True))
    values = posting_parameters(Derived(job)) | texts
    return [values[name] for name in JOB_COLUMNS]


def test_a_job_survives_the_way_to_a_row_and_back() -> None:
    assert job_from_row(row_of(JOB)) == JOB


@pytest.mark.parametrize(
    ("description", "text", "stored"),
    [
        (None, None, None),
        ("R&D", "R&D", None),
        ("R&amp;D", "R&D", "R&D"),
        ("<p></p>", "", ""),
    ],
)
def test_a_text_is_stored_only_where_it_is_not_the_description(
    description: str | None, text: str | None, stored: str | None
) -> None:
    job = merge(None, check_posting({**full(), "description": description}), NOW).job

    assert job.description_text == text
    assert text_parameters(job)[:2] == (description, stored)
    assert job_from_row(row_of(job)) == job


def test_a_summary_is_the_beginning_of_a_job() -> None:
    (summary,) = summaries_from_rows([row_of(JOB)])

    assert summary == JobSummary(**{name: getattr(JOB, name) for name in SUMMARY_COLUMNS})


def test_every_column_of_a_posting_is_written() -> None:
    written = set(posting_parameters(Derived(JOB)))
    assert written == {
        *SUMMARY_COLUMNS,
        *DETAIL_COLUMNS,
        "yearly_min",
        "yearly_max",
        "digest",
    }


def test_salaries_are_kept_exactly_and_compared_by_the_year() -> None:
    parameters = posting_parameters(Derived(JOB))

    assert (parameters["salary_min"], parameters["salary_max"]) == ("52000.5", "71000")
    assert (parameters["yearly_min"], parameters["yearly_max"]) == (52000.5, 71000.0)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.integers(-14, 14))
def test_times_are_exact_to_the_microsecond(moment: datetime, hours: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))

    assert from_micros(to_micros(aware)) == aware
    assert from_micros(to_micros(aware)).tzinfo is UTC


@given(st.decimals(0, 10**12, places=6))
def test_amounts_are_written_without_an_exponent(amount: Decimal) -> None:
    (minimum,) = {
        json.loads(previous_to_json({"salary_min": each}))["salary_min"]
        for each in (amount, amount.normalize(), amount + 0)
        if format(each, "f") == format(amount, "f")
    }

    assert "E" not in minimum
    assert Decimal(minimum) == amount


def test_a_revision_brings_back_every_type() -> None:
    previous = {name: getattr(JOB, name) for name in (*full(), "status")}

    revision = revision_from_row((7, to_micros(NOW), previous_to_json(previous)))

    assert (revision.version, revision.changed_at) == (7, NOW)
    assert revision.previous == previous
    assert {name: type(value) for name, value in revision.previous.items()} == {
        name: type(value) for name, value in previous.items()
    }


@each_case(
    ("column", "value"),
    [
        ("id", b"short"),
        ("status", "ajar"),
        ("workplace", "moon"),
        ("salary_period", 7),
        ("salary_min", "many"),
        ("skills", "[1,"),
        ("attributes", "{'a'"),
        ("first_seen_at", None),
        ("updated_at", "yesterday"),
        ("posted_at", 2**63 - 1),
    ],
)
def test_a_row_that_makes_no_sense_is_damage(column: str, value: Any) -> None:
    row = row_of(JOB)
    row[JOB_COLUMNS.index(column)] = value

    with pytest.raises(DamagedRow):
        job_from_row(row)


def test_a_revision_that_makes_no_sense_is_damage() -> None:
    for text in ("{", '{"status": "ajar"}', "[]", '{"salary_min": "x"}', '{"posted_at": 3}'):
        with pytest.raises(DamagedRow):
            revision_from_row((1, 0, text))
