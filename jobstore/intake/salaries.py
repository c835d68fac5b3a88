"""Salaries that sources write as text: ``$19 - $20 an hour``, ``$40k-$73k``, ``Up to $9.50``.

A careful reader, not a clever one: what it does not understand stays text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from jobstore.intake.spellings import CURRENCIES
from jobstore.records import SalaryPeriod

# A sign alone stands for the currency that uses it most on job boards.
_SIGNS = {
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "AU$": "AUD",
    "A$": "AUD",
    "NZ$": "NZD",
    "S$": "SGD",
    "HK$": "HKD",
    "R$": "BRL",
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "¥": "JPY",
    "₩": "KRW",
}
_SIGN = re.compile("|".join(map(re.escape, sorted(_SIGNS, key=len, reverse=True))))
_CODE = re.compile(r"\b[A-Z]{3}\b")
_AMOUNT = re.compile(r"(\d[\d.,' \u00a0\u202f]*\d|\d)\s*([kKmM]\b)?")
_RANGE = re.compile(r"[^\w]*([A-Z]{3})?\s*(-|–|—|~|\bto\b|\band\b)\s*([A-Z]{1,3})?[^\w]*")
_PERIOD = re.compile(
    r"(?:\b(?:an?|per|each)\s+|/\s*)(hour|hr|day|week|month|year|yr|annum)\b"
    r"|\b(hourly|daily|weekly|monthly|yearly|annually|annual|p\.?a\.?)(?:\b|$)",
    re.IGNORECASE,
)
_PERIODS = {
    "h": SalaryPeriod.HOUR,
    "d": SalaryPeriod.DAY,
    "w": SalaryPeriod.WEEK,
    "m": SalaryPeriod.MONTH,
    "y": SalaryPeriod.YEAR,
    "a": SalaryPeriod.YEAR,
    "p": SalaryPeriod.YEAR,
}
_UNITS = {"k": 1000, "m": 1_000_000}
_LONGEST = 300
# From here on an amount in dollars, euros or pounds without a period is surely a year's.
_YEARLY_FROM = 10_000


def parse_salary(
    text: str, *, currency: str | None = None, country: str | None = None
) -> dict[str, Any]:
    """Return the salary fields that ``text`` states; only ``salary_text`` if it is unclear.

    One or two amounts, a currency and a period are understood. ``Up to`` and ``from`` leave
    the other end open; a single amount is both ends. Without a period, amounts in thousands
    (``k``) and dollars, euros and pounds of 10,000 or more are per year; other amounts are not
    taken, since 20 an hour is not 20 a year. A bare ``$`` is taken as USD.
    """
    unclear = {"salary_text": text}
    if len(text) > _LONGEST:
        return unclear
    currency = _currency(text) or currency
    found = list(_AMOUNT.finditer(text))
    if not 1 <= len(found) <= 2 or currency is None:
        return unclear
    if len(found) == 2 and not _RANGE.fullmatch(text[found[0].end() : found[1].start()]):
        return unclear
    amounts = [_amount(match[1]) for match in found]
    if None in amounts:
        return unclear
    units = [(match[2] or "").lower() for match in found]
    # "$40-73k": the unit is said once, for both.
    units = [unit or units[-1] for unit in units]
    values = [
        amount * _UNITS.get(unit, 1)
        for amount, unit in zip(amounts, units, strict=True)
        if amount is not None
    ]
    period = _period(text)
    if period is None:
        large = currency in ("USD", "EUR", "GBP") and min(values) >= _YEARLY_FROM
        if not large and "k" not in units:
            return unclear
        period = SalaryPeriod.YEAR
    low: Decimal | None = values[0]
    high: Decimal | None = values[-1]
    if len(values) == 1 and re.search(r"\bup to\b|\bmax", text, re.IGNORECASE):
        low = None
    elif len(values) == 1 and re.search(r"\bfrom\b|\bmin|\bstarting\b|\+", text, re.IGNORECASE):
        high = None
    elif values[0] > values[-1]:
        return unclear
    found_fields = {
        "salary_min": low,
        "salary_max": high,
        "salary_currency": currency,
        "salary_period": period,
        "salary_text": text,
    }
    return {name: value for name, value in found_fields.items() if value is not None}


def _currency(text: str) -> str | None:
    codes = {code for code in _CODE.findall(text) if code in CURRENCIES}
    if not codes:
        codes = {_SIGNS[sign] for sign in _SIGN.findall(text)}
    return codes.pop() if len(codes) == 1 else None


def _amount(digits: str) -> Decimal | None:
    plain = re.sub(r"[' \u00a0\u202f]", "", digits)
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d{1,2})?|\d+(\.\d{1,2})?", plain):
        return Decimal(plain.replace(",", ""))
    # As most of Europe writes it: 45.000,50
    if re.fullmatch(r"\d{1,3}(\.\d{3})+(,\d{1,2})?|\d+,\d{1,2}", plain):
        return Decimal(plain.replace(".", "").replace(",", "."))
    return None


def _period(text: str) -> SalaryPeriod | None:
    found = {_PERIODS[(first or second)[0].lower()] for first, second in _PERIOD.findall(text)}
    return found.pop() if len(found) == 1 else None
