"""Filter options become the query that they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from jobstore.cli.filters import takes_query
from jobstore.records import SearchQuery


def parse(*arguments: str) -> Any:
    """The query that a command gets, or what typer says."""
    got: list[SearchQuery] = []
    app = typer.Typer()

    @app.command()
    @takes_query
    def command(query: SearchQuery, other: str = "x") -> None:
        got.append(query)

    result = CliRunner().invoke(app, list(arguments))
    if result.exit_code:
        assert result.exit_code == 2
        return result.stderr
    return got[0]


def test_no_option_is_no_filter() -> None:
    assert parse() == SearchQuery()


def test_every_field_of_a_query_has_an_option() -> None:
    query = parse(
        *("data", '"big engine"', "--source", "a", "--company", "b", "--location", "c"),
        *("--country", "DE", "--country", "AT", "--workplace", "remote"),
        *("--employment-type", "contract", "--experience-level", "entry", "--industry", "d"),
        *("--status", "open", "--skill", "SQL", "--skill", "C++", "--salary-min", "50000.50"),
        *("--salary-max", "60000", "--salary-currency", "EUR", "--posted-since", "2025-10-01"),
        *("--posted-until", "2025-10-31", "--applicants-min", "1", "--applicants-max", "9"),
        *("--not-expired", "--application", "applied", "--application", "saved"),
    )
    assert query == SearchQuery(
        text='data "big engine"',
        source=("a",),
        company=("b",),
        location=("c",),
        country=("DE", "AT"),
        workplace=("remote",),
        employment_type=("contract",),
        experience_level=("entry",),
        industry=("d",),
        status=("open",),
        skills=("SQL", "C++"),
        salary_min=Decimal("50000.50"),
        salary_max=Decimal(60000),
        salary_currency=("EUR",),
        posted_since=datetime(2025, 10, 1, tzinfo=UTC),
        posted_until=datetime(2025, 10, 31, 23, 59, 59, 999999, UTC),
        applicants_min=1,
        applicants_max=9,
        expired=False,
        application=("applied", "saved"),
    )


def test_times_may_have_an_offset() -> None:
    query = parse("--posted-since", "2025-10-01T09:30+02:00", "--posted-until", "2025-10-01T10Z")
    assert query.posted_since == datetime(2025, 10, 1, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert query.posted_until == datetime(2025, 10, 1, 10, tzinfo=UTC)


def test_text_after_two_dashes_may_begin_with_one() -> None:
    assert parse("--", "-senior", "engineer").text == "-senior engineer"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--salary-min", "lots", "is not a number"),
        ("--salary-max", "NaN", "is not a number"),
        ("--posted-since", "yesterday", "is not like 2025-10-31"),
        ("--posted-until", "2025-10-01T09:30", "needs an offset"),
        ("--applicants-min", "few", "--applicants-min"),
    ],
)
def test_values_that_make_no_sense_are_wrong_usage(option: str, value: str, says: str) -> None:
    assert says in " ".join(parse(option, value).replace("│", " ").split())
