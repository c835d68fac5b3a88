"""Amounts of money as people and machines write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from jobstore.intake.amounts import amount_and_currency
from tests.fixtures.cases import each_case


@each_case(
    ("text", "amount"),
    [
        ("45000", "45000"),
        ("45000.50", "45000.5"),
        ("45.5", "45.5"),
        ("45,5", "45.5"),
        ("0", "0"),
        ("0.125", "0.125"),
        ("1e5", "100000"),
        ("4.5E4", "45000"),
        ("1234.567", "1234.567"),
        ("45'000", "45000"),
        ("45’000.-", "45000"),
        ("45 000", "45000"),
        ("45\u00a0000", "45000"),
        ("45\u2009000,50", "45000.5"),
        ("45\u202f000", "45000"),
        ("1.234.567,89", "1234567.89"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("45.000,50", "45000.5"),
        ("45,000.50", "45000.5"),
        ("45,00 €.", "45"),
        ("3,00,000", "300000"),
        ("12,34,56,789", "123456789"),
        ("45k", "45000"),
        ("45.5K", "45500"),
        ("1.5 million", "1500000"),
        ("3 lakh", "300000"),
        ("25万", "250000"),
        ("$45,000", "45000"),
        ("€ 45.000", "45000"),
        ("45.000 €", "45000"),
        ("EUR 45,000", "45000"),
        ("45k EUR", "45000"),
        ("CHF 45'000.00", "45000"),
        ("kr 45.000", "45000"),
        ("４５０００", "45000"),
        ("４５，０００円", "45000"),
        ("٤٥٠٠٠", "45000"),
        ("४५०००", "45000"),
        (" 45000 ", "45000"),
        ("\u200e45000\u200f", "45000"),
    ],
)
def test_what_is_certain_is_read(text: str, amount: str) -> None:
    read, _ = amount_and_currency(text)
    assert read == Decimal(amount)
    assert str(read) == str(Decimal(amount))


@each_case(
    ("text", "currency", "country", "amount"),
    [
        ("45.000", "EUR", None, "45000"),
        ("45.000", "EUR", "DE", "45000"),
        ("45.000", None, "DE", "45000"),
        ("45.000", "CHF", None, "45000"),
        ("45.000", "BRL", None, "45000"),
        ("45.000", "IDR", None, "45000"),
        ("45.000", None, None, None),
        ("45.000", "USD", None, None),
        ("45.000", "GBP", None, None),
        ("45.000", "INR", None, None),
        ("45.000", "JPY", None, None),
        ("45.000", None, "US", None),
        ("45.000", "EUR", "IE", None),  # where the point stands before decimals
        ("45.000", None, "ZA", None),
        ("45.000", None, "XX", None),
        ("450.125", "BHD", "BH", "450.125"),
        ("1.500", "KWD", "KW", "1.5"),
        ("1,450.125", "OMR", "OM", "1450.125"),
        ("JOD 450.125", None, "JO", "450.125"),
        ("45.000", "BHD", "DE", None),  # three decimals there, thousands here
        ("1,450.125", "USD", "US", None),
        ("1.500", "TND", None, None),
        ("45,000", "BHD", "BH", "45000"),
        ("45,000", "USD", None, "45000"),
        ("45,000", "INR", None, "45000"),
        # As boards in English write it; no sum of euros has three decimals.
        ("45,000", "EUR", None, "45000"),
        ("45,000", "EUR", "IE", "45000"),
        ("45,000", "EUR", "DE", "45000"),
        ("45,000", None, "US", "45000"),
        ("45,000", None, "GB", "45000"),
        ("45,000", None, "DE", None),
        ("45,000", None, None, None),
        ("1,500", "KWD", None, "1500"),
        ("1.500", "KWD", None, None),
        ("1,500", "TND", None, None),  # one dinar and a half, or 1,500
        ("45.00", "EUR", None, "45"),
        ("$45,000", "USD", None, "45000"),
        ("$45,000", "CAD", None, "45000"),
        ("$45,000", "EUR", None, None),
        ("€45,000", "USD", None, None),
    ],
)
def test_a_lone_group_of_three_digits_is_read_where_its_place_settles_it(
    text: str, currency: str | None, country: str | None, amount: str | None
) -> None:
    if amount is None:
        with pytest.raises(ValueError, match="must|may be|is not a number"):
            amount_and_currency(text, currency=currency, country=country)
    else:
        read, _ = amount_and_currency(text, currency=currency, country=country)
        assert str(read) == amount


def test_what_settles_a_figure_is_asked_for_only_where_it_is_not_given() -> None:
    with pytest.raises(ValueError, match=r"^may be 450\.125 or 450125; give the currency or the"):
        amount_and_currency("450.125")
    with pytest.raises(ValueError, match=r"^may be 450\.125 or 450125; give the country$"):
        amount_and_currency("450.125", currency="BHD")
    with pytest.raises(ValueError, match=r"^may be 45 or 45000; write one of them$"):
        amount_and_currency("45.000", currency="USD", country="US")


@each_case(
    "text",
    [
        "",
        " ",
        "-45000",
        "\u221245000",
        "(45000)",
        "$-45",
        "45000-50000",
        "45000 - 50000",
        "45000 50000",
        "100 000 120 000",
        "forty-five thousand",
        "about a lot",
        "45000 per year",
        "45000 + bonus",
        "45000+",
        "10%",
        "45.000k",
        "1,2345",
        "1,23,4",
        "1.23.456",
        "12.34.567",
        "1.234.56",
        "00045",
        "45..000",
        ".5",
        "NaN",
        "inf",
        "Infinity",
        "1e99",
        "1e-3",
        "0x10",
        "1_000",
        "50½",
        "50²",
        "4 5",
        "k",
        "$",
        "1000000000000",
        "999999999 crore",
        "2024-01-01",
        "\ud800",
        "45\x00000",
    ],
)
def test_what_is_not_certain_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match="must|may be|is not") as refused:
        amount_and_currency(text)
    assert len(str(refused.value)) < 200


def test_long_rubbish_takes_no_long_time_or_memory() -> None:
    for rubbish in ("1," * 100_000, "9" * 100_000, "1 000 " * 50_000, "$" * 100_000, "€k" * 50_000):
        with pytest.raises(ValueError, match="must|may be|is not"):
            amount_and_currency(rubbish)
