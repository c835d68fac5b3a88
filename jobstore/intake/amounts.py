"""Amounts of money as people and machines write them: ``45,000``, ``45.000``, ``45'000``, ``45k``.

What a figure means is decided here, and only where it is certain: ``45.000`` is forty-five
thousand in euros, and may be 45 in dollars, so there it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from math import prod
from typing import NamedTuple

from jobstore.intake import coercion
from jobstore.intake.currencies import currencies_of
from jobstore.intake.pay_words import Token, even_out, tokens
from jobstore.intake.wording import shorten

# Currencies in which a point parts thousands. In the rest 45.000 may be 45 with three decimals.
_POINT_PARTS_THOUSANDS = frozenset(
    [
        "ALL",
        "AOA",
        "ARS",
        "AZN",
        "BAM",
        "BGN",
        "BOB",
        "BRL",
        "BYN",
        "CHF",
        "CLP",
        "COP",
        "CRC",
        "CUP",
        "CVE",
        "CZK",
        "DKK",
        "EUR",
        "GEL",
        "HRK",
        "HUF",
        "IDR",
        "ISK",
        "MAD",
        "MDL",
        "MKD",
        "MZN",
        "NOK",
        "PLN",
        "PYG",
        "RON",
        "RSD",
        "RUB",
        "SEK",
        "TRY",
        "UAH",
        "UYU",
        "VES",
        "VND",
        "XAF",
        "XOF",
    ]
)
# Of a thousand parts (ISO 4217), written behind a point where the country does so. Nobody writes
# those of IQD any more.
_POINT_PARTS_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR"])
# Dinars of a thousand parts, written with a comma before them: 1,500 may be one and a half.
_COMMA_PARTS_DECIMALS = frozenset(["LYD", "TND"])
# Where the comma is official before decimals, and the point is what people write.
_BOTH = frozenset(["ZA"])

_LONGEST = 100

# Below which a number with a multiplier is one that people write; 1,000 for all others.
_LARGEST = {1_000: 10_000, 10_000: 100_000}

_PLAIN = re.compile(r"(?:0|[1-9]\d*)(?:\.\d{1,6}(?:e[+-]?\d{1,2})?|e\+?\d{1,2})?", re.IGNORECASE)
_COMMA_DECIMALS = re.compile(r"(?:0|[1-9]\d*),\d{1,2}")
_LONE_GROUP = re.compile(r"[1-9]\d{0,2}([.,])\d{3}")
_GROUPED_MILS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+\.\d{3}")
_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?:(?:,\d{3})+\.\d{1,2}|(?:,\d{3}){2,}|(?:\.\d{3})+,\d{1,2}|(?:\.\d{3}){2,}"
    r"|(?:[' ]\d{3})+(?:[.,]\d{1,2})?)"
    # As India writes it: 3,00,000
    r"|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d{1,2})?"
)


def read_figure(figure: str, *, currency: str | None = None, country: str | None = None) -> Decimal:
    """Return the number that ``figure`` states: digits with marks between them, and no more.

    A lone group of three digits behind a point or a comma is thousands, or three decimals, where
    ``currency`` (ISO 4217) or ``country`` (ISO 3166-1 alpha-2) settles it. Raises ValueError with
    the reason.
    """
    if _PLAIN.fullmatch(figure) and not _LONE_GROUP.fullmatch(figure):
        return Decimal(figure)
    if _COMMA_DECIMALS.fullmatch(figure):
        return Decimal(figure.replace(",", "."))
    if lone := _LONE_GROUP.fullmatch(figure):
        parts_thousands = _parts_thousands(lone[1], currency, country)
        if parts_thousands is None:
            few = figure.replace(lone[1], ".").rstrip("0").rstrip(".")
            many = figure.replace(lone[1], "")
            missing = "give the country" if currency else "give the currency or the country"
            raise ValueError(
                f"may be {few} or {many}; {'write one of them' if country else missing}"
            )
        if not parts_thousands:
            return Decimal(figure)
    elif currency in _POINT_PARTS_THREE_DECIMALS and _GROUPED_MILS.fullmatch(figure):
        return Decimal(figure.replace(",", ""))
    elif not _GROUPED.fullmatch(figure):
        raise ValueError("is not a number as any country writes it")
    # The decimals, if there are any, are the one or two digits behind the last mark.
    whole, mark, part = figure.rpartition(max(".,", key=figure.rfind))
    if not mark or len(part) > 2:
        whole, part = figure, ""
    return Decimal(f"{re.sub('[^0-9]', '', whole)}.{part or 0}")


def _parts_thousands(mark: str, currency: str | None, country: str | None) -> bool | None:
    """Return whether a mark before three digits parts thousands, or decimals; None if unclear."""
    comma_before_decimals = None if country is None else _comma_before_decimals(country)
    if mark == ".":
        if currency in _POINT_PARTS_THREE_DECIMALS:
            return False if comma_before_decimals is False else None
        if comma_before_decimals is not None:
            return comma_before_decimals or None
        return currency in _POINT_PARTS_THOUSANDS or None
    # No sum of a known currency has three decimals behind a comma, even where it has two.
    if currency is not None:
        return currency not in _COMMA_PARTS_DECIMALS or None
    return comma_before_decimals is False or None


@lru_cache(maxsize=300)
def _comma_before_decimals(country: str) -> bool | None:
    """Return whether the CLDR has a comma before decimals in ``country``; None if unknown."""
    from babel import Locale, UnknownLocaleError

    if country in _BOTH:
        return None
    try:
        symbols = Locale.parse(f"und_{country}").number_symbols
    except (UnknownLocaleError, ValueError):
        return None
    return symbols["latn"]["decimal"] == "," if "latn" in symbols else None


def amount_and_currency(
    text: str, *, currency: str | None = None, country: str | None = None
) -> tuple[Decimal, str | None]:
    """Return the one amount that ``text`` states, and its currency where that is certain.

    The currency and a multiplier may stand by it. ``currency`` (ISO 4217) and ``country`` (ISO
    3166-1 alpha-2) settle what ``45.000`` is, if the text does not. The amount is from 0 to below
    10**12. Raises ValueError, with the reason, for anything else: several numbers, words, a
    negative amount, an ambiguous figure, another currency than the one that is given.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"must have at most {_LONGEST} characters")
    even = even_out(text).strip()
    if _PLAIN.fullmatch(even) and not _LONE_GROUP.fullmatch(even):
        return _bounded(Decimal(even)), currency
    if "-" in even[:-1] or even.startswith("("):
        raise ValueError("must be one amount that is not negative")
    found = list(tokens(even))
    figures = [token for token in found if "N" in token.roles]
    if len(figures) != 1:
        raise ValueError("must be one number" if figures else "must be a number")
    for token in found:
        if not token.roles & {"N", "C", "M"}:
            raise ValueError(f"must be a number alone, not with {shorten(token.text)}")
    at = found.index(figures[0])
    multipliers = [token for token in found[at + 1 :] if "M" in token.roles]
    if any("C" not in token.roles for token in found[:at]) or len(multipliers) > 1:
        raise ValueError("must be a number with its multiplier behind it")
    allowed = named_currency(found, currency=currency, country=country)
    return scaled(figures[0].text, factor(multipliers), allowed, country=country), allowed.code


def factor(multipliers: Iterable[Token]) -> int:
    """Return the product of multipliers such as thousand and lakh; 1 if there are none."""
    return prod(token.meaning["M"] for token in multipliers)


def scaled(figure: str, factor: int, allowed: Currencies, *, country: str | None) -> Decimal:
    """Return the amount of a figure with its multiplier, where all that may be meant agree.

    Raises ValueError with the reason.
    """
    # 65.000k is a slip of the pen; but 4,000 times ten thousand is written so.
    if factor > 1 and _LONE_GROUP.fullmatch(figure) and (factor != 10_000 or "." in figure):
        raise ValueError("must not have thousands both in figures and in words")
    meant = [allowed.code] if allowed.code or not allowed.codes else allowed.codes
    numbers = {read_figure(figure, currency=currency, country=country) for currency in meant}
    if len(numbers) != 1:
        raise ValueError("may be several numbers; give the currency or the country")
    number = numbers.pop()
    if factor > 1 and number * factor >= _LARGEST.get(factor, 1_000) * factor:
        raise ValueError("must not have thousands both in figures and in words")
    return _bounded(number * factor)


def _bounded(number: Decimal) -> Decimal:
    amount = coercion.amount(number)
    assert amount is not None
    return amount


class Currencies(NamedTuple):
    """The currency that a text means, if that is certain, and all that it may mean."""

    code: str | None
    codes: list[str]


def named_currency(
    found: Iterable[Token], *, currency: str | None, country: str | None
) -> Currencies:
    """Return what the signs, codes and words of a text and its row say about the currency.

    A sign of several currencies means its most usual one, if the country has no other of them.
    Raises ValueError if they contradict each other.
    """
    likely: str | None = currency
    codes: list[str] | None = None if currency is None else [currency]
    for token in found:
        named = token.meaning.get("C") or (token.meaning.get("I") if "M" in token.roles else None)
        if named is not None:
            codes = [code for code in named if code != "-" and (codes is None or code in codes)]
            likely = likely if likely in codes else named[0] if named[0] in codes else None
    for token in found:
        if hinted := token.meaning.get("I"):
            narrowed = [code for code in codes or [] if code in hinted]
            codes = narrowed or codes
            if narrowed and (hinted[0] == "-" or likely not in narrowed):
                likely = None
    if codes is None:
        return Currencies(None, [])
    if not codes:
        raise ValueError("must not name several currencies")
    if len(codes) == 1:
        return Currencies(codes[0], codes)
    local = [code for code in codes if country is not None and code in currencies_of(country)]
    if local and likely not in local:
        likely = local[0] if likely is None and len(local) == 1 else None
    return Currencies(likely, codes)
