"""Amounts of money as people and machines write them: ``45,000``, ``45.000``, ``45'000``, ``45k``.

What a figure means is decided here, and only where it is certain: ``45.000`` is forty-five
thousand in euros, and may be 45 in dollars, so there it is left out.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache

from jobstore.intake import coercion

# What stands for a space, an apostrophe, a point or a comma between digits in some script.
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000\t\n\r", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
        **dict.fromkeys("\u2019\u02bc\u2018\u02b9\u2032\u00b4`", "'"),
        **dict.fromkeys("\u066b", "."),
        **dict.fromkeys("\u066c\u060c", ","),
        **dict.fromkeys("\u2212\u2010\u2011\u2012\ufe63", "-"),
    }
)

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
# Dinars of a thousand parts, written with a comma before them: 1,500 may be one and a half.
_COMMA_PARTS_DECIMALS = frozenset(["LYD", "TND"])
# Where the comma is official before decimals, and the point is what people write.
_BOTH = frozenset(["ZA"])

_PLAIN = re.compile(r"(?:0|[1-9]\d*)(?:\.\d{1,6}(?:e[+-]?\d{1,2})?|e\+?\d{1,2})?", re.IGNORECASE)
_COMMA_DECIMALS = re.compile(r"(?:0|[1-9]\d*),\d{1,2}")
_LONE_GROUP = re.compile(r"[1-9]\d{0,2}([.,])\d{3}")
_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?:(?:,\d{3})+\.\d{1,2}|(?:,\d{3}){2,}|(?:\.\d{3})+,\d{1,2}|(?:\.\d{3}){2,}"
    r"|(?:[' ]\d{3})+(?:[.,]\d{1,2})?)"
    # As India writes it: 3,00,000
    r"|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d{1,2})?"
)


def even_out(text: str) -> str:
    """Return ``text`` with the digits, spaces and signs of all scripts as the plain ones.

    Raises ValueError for digits that are no plain ones, such as ``½`` and ``²``.
    """
    if text.isascii():
        return text
    if any(unicodedata.category(character) == "No" for character in text):
        raise ValueError("must not hold fractions or raised digits")
    text = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else c
        for c in text
        if unicodedata.category(c) != "Cf"
    )


def read_figure(figure: str, *, currency: str | None = None, country: str | None = None) -> Decimal:
    """Return the number that ``figure`` states: digits with marks between them, and no more.

    A lone group of three digits behind a point or a comma is thousands where ``currency``
    (ISO 4217) or ``country`` (ISO 3166-1 alpha-2) settles it. Raises ValueError with the reason.
    """
    if _PLAIN.fullmatch(figure) and not _LONE_GROUP.fullmatch(figure):
        return Decimal(figure)
    if _COMMA_DECIMALS.fullmatch(figure):
        return Decimal(figure.replace(",", "."))
    if lone := _LONE_GROUP.fullmatch(figure):
        if not _parts_thousands(lone[1], currency, country):
            raise ValueError(
                f"may be {figure[:-4]} or {figure[:-4]} thousand; give the currency or the country"
            )
    elif not _GROUPED.fullmatch(figure):
        raise ValueError("is not a number as any country writes it")
    # The decimals, if there are any, are the one or two digits behind the last mark.
    whole, mark, part = figure.rpartition(max(".,", key=figure.rfind))
    if not mark or len(part) > 2:
        whole, part = figure, ""
    return Decimal(f"{re.sub('[^0-9]', '', whole)}.{part or 0}")


def _parts_thousands(mark: str, currency: str | None, country: str | None) -> bool:
    comma_before_decimals = None if country is None else _comma_before_decimals(country)
    if mark == ".":
        if comma_before_decimals is not None:
            return comma_before_decimals
        return currency in _POINT_PARTS_THOUSANDS
    # No sum of a known currency has three decimals behind a comma, even where it has two.
    if currency is not None:
        return currency not in _COMMA_PARTS_DECIMALS
    return comma_before_decimals is False


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


def read_amount(text: str, *, currency: str | None = None, country: str | None = None) -> Decimal:
    """Return the one amount that ``text`` states; a sign or code of its currency may stand by it.

    ``currency`` (ISO 4217) and ``country`` (ISO 3166-1 alpha-2) settle what ``45.000`` is, if the
    text does not. The result is from 0 to below 10**12. Raises ValueError, with the reason,
    for anything else: several numbers, words, a negative amount, an ambiguous figure.
    """
    figure = even_out(text).strip()
    if figure.startswith(("-", "(")):
        raise ValueError("must not be negative")
    read = coercion.amount(read_figure(figure, currency=currency, country=country))
    if read is None:
        raise ValueError("must be an amount")
    return read
