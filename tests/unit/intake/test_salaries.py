"""Salaries written as text."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from jobstore.intake.salaries import parse_salary
from tests.fixtures.cases import each_case

HERE = Path(__file__).parent


@each_case(
    ("text", "low", "high", "currency", "period"),
    [
        ("$19 - $20 an hour", "19", "20", "USD", "hour"),
        ("$40k-$73k", "40000", "73000", "USD", "year"),
        ("$40-73K", "40000", "73000", "USD", "year"),
        ("$60,000 - $80,000 a year", "60000", "80000", "USD", "year"),
        ("$22.50 an hour", "22.50", "22.50", "USD", "hour"),
        ("Up to $95,000.50 a year", None, "95000.50", "USD", "year"),
        ("From €45.000,50 per year", "45000.50", None, "EUR", "year"),
        ("45.000 € - 50.000 €", "45000", "50000", "EUR", "year"),
        ("EUR 300 to EUR 350 per day", "300", "350", "EUR", "day"),
        ("£50k – £60k", "50000", "60000", "GBP", "year"),
        ("CA$30/hr", "30", "30", "CAD", "hour"),
        ("S$5,000 - S$8,000 monthly", "5000", "8000", "SGD", "month"),
        ("$75,000", "75000", "75000", "USD", "year"),
        ("$1.2m", None, None, None, None),
        ("¥300,000 per month", "300000", "300000", "JPY", "month"),
        ("1 000 zł a week", "1000", "1000", "PLN", "week"),
        ("PLN 1 000 a week", "1000", "1000", "PLN", "week"),
    ],
)
def test_what_can_be_read_is_read(
    text: str, low: str | None, high: str | None, currency: str | None, period: str | None
) -> None:
    expected = {
        "salary_min": low and Decimal(low),
        "salary_max": high and Decimal(high),
        "salary_currency": currency,
        "salary_period": period,
    }
    stated = {name: value for name, value in expected.items() if value is not None}
    if text == "$1.2m":  # a million dollars without a period is a year's
        stated = {
            "salary_min": Decimal("1200000.0"),
            "salary_max": Decimal("1200000.0"),
            "salary_currency": "USD",
            "salary_period": "year",
        }
    assert parse_salary(text) == {**stated, "salary_text": text}


@each_case(
    "text",
    [
        "competitive",
        "$11-$16",
        "20 an hour",
        "$25 an hour, 40 hours a week",
        "$1 - $2 - $3 a year",
        "$20 - €30 an hour",
        "$80,000 - $60,000 a year",
        "$20 an hour or $3,000 a month",
        "$1.2.3 a year",
        "$5 a day " + "x" * 400,
        "",
    ],
)
def test_what_is_unclear_stays_text(text: str) -> None:
    assert parse_salary(text) == {"salary_text": text}


def _table(lines: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    rows = csv.DictReader(lines, delimiter=";")
    return [
        (row.pop("text"), {f"salary_{name}": cell for name, cell in row.items() if cell})
        for row in rows
    ]


@each_case(("text", "expected"), _table((HERE / "pay_texts.csv").read_text("utf-8").splitlines()))
def test_texts_of_many_languages(text: str, expected: dict[str, str]) -> None:
    found = parse_salary(text)
    assert found.pop("salary_text") == text
    assert {name: str(value) for name, value in found.items()} == expected


def test_real_pay_texts_are_read_right_or_left_alone(real_data: Path) -> None:
    """Texts that readers got wrong: nothing is read that should not be."""
    texts = (real_data / "field_cases" / "salary_texts.csv").read_text("utf-8").splitlines()
    rows = list(csv.DictReader(texts))
    assert len(rows) == 46
    for row in rows:
        found = parse_salary(row["text"])
        stated = {name: str(found.get(f"salary_{name}") or "") for name in list(row)[1:]}
        assert stated == {name: row[name] for name in stated}


def test_a_spelling_means_one_thing_in_each_role() -> None:
    tables = resources.files("jobstore.intake")
    given, currencies = (
        tomllib.loads((tables / name).read_text("utf-8"))
        for name in ("pay_words.toml", "currencies.toml")
    )
    shared = {str(number): each["spellings"] for number, each in enumerate(currencies["shared"])}
    signs = currencies["certain"] | shared
    kinds = (given["periods"], given["units"], signs, given["multipliers"])
    for kind in kinds:
        meant: dict[str, str] = {}
        for meaning, spellings in kind.items():
            for spelling in spellings.replace(".", "").casefold().split():
                assert meant.setdefault(spelling, meaning) == meaning, spelling


@each_case(
    ("text", "currency", "country", "expected"),
    [
        ("50000 - 60000", "EUR", None, (50000, 60000, "EUR", "year")),
        ("50.000 - 60.000", "EUR", None, (50000, 60000, "EUR", "year")),
        ("50.000 - 60.000", "USD", None, None),
        ("50000 - 60000", "PLN", None, None),  # of a month or of a year
        ("8000 - 12000 per month", "PLN", None, (8000, 12000, "PLN", "month")),
        ("50000 - 60000", None, "DE", None),
        ("$80,000 a year", "CAD", None, (80000, 80000, "CAD", "year")),
        ("$80,000 a year", "EUR", None, None),
        ("80,000 USD a year", "CAD", None, None),
        ("$80,000 a year", None, "US", (80000, 80000, "USD", "year")),
        ("$80,000 a year", None, "DE", (80000, 80000, "USD", "year")),
        ("$80,000 a year", None, "CA", (80000, 80000, None, "year")),  # of which of the two
        ("40 000 kr i månaden", None, "SE", (40000, 40000, "SEK", "month")),
        ("40 000 kr i månaden", None, "NO", (40000, 40000, "NOK", "month")),
        ("40 000 kr i månaden", None, "US", (40000, 40000, None, "month")),
        ("¥20,000 per month", "CNY", None, (20000, 20000, "CNY", "month")),
        ("Rs 80,000 per month", None, "PK", (80000, 80000, None, "month")),
        ("45.000 € im Jahr", None, "DE", (45000, 45000, "EUR", "year")),
        ("45.000 € a year", None, "IE", None),
        ("5 lakh per year", "USD", None, None),
        ("5 lakh per year", "PKR", None, (500000, 500000, "PKR", "year")),
    ],
)
def test_what_the_row_says_settles_what_the_text_leaves_open(
    text: str,
    currency: str | None,
    country: str | None,
    expected: tuple[int, int, str | None, str] | None,
) -> None:
    found = parse_salary(text, currency=currency, country=country)
    names = ("salary_min", "salary_max", "salary_currency", "salary_period")
    assert tuple(found.get(name) for name in names) == (expected or (None,) * 4)


@each_case(
    ("text", "country", "currency"),
    [
        ("5000 dhs per month", "MA", None),
        ("5000 fr per month", "SN", None),
        ("5000 fr per month", "CH", "CHF"),
        ("500,000 francs per month", "RW", "RWF"),
        ("50,000 dollars per year", "MX", "USD"),
        ("₲ 5,000,000 per month", None, "PYG"),
    ],
)
def test_the_country_may_speak_against_what_a_sign_means_elsewhere(
    text: str, country: str | None, currency: str | None
) -> None:
    assert parse_salary(text, country=country).get("salary_currency") == currency
