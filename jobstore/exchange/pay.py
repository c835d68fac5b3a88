"""What schema.org's ``baseSalary`` says, in all the shapes that people give it.

Amounts and texts are handed on as they were found; intake reads them.
"""

from __future__ import annotations

import re
from typing import Any

from jobstore.exchange.json_ld import each, first, text_of

# An amount alone, with whatever groups its digits.
_AMOUNT = re.compile(r"\s*[+-]?\d[\d.,'\u2019 \u00a0\u202f_]*\s*")
# Codes of UN/CEFACT's Recommendation 20, which unitCode is.
_UNITS = {"HUR": "hour", "WEE": "week", "MON": "month", "ANN": "year"}
_LOW = ("minValue", "minPrice")
_HIGH = ("maxValue", "maxPrice")
_SINGLE = ("value", "price")
_CURRENCY = ("currency", "priceCurrency", "currencyCode")


def salary(found: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the salary: amounts, currency and period, or else its text."""
    base = first(found.get("baseSalary"))
    if base is None:
        return {}
    outer = base if isinstance(base, dict) and "@value" not in base else {"value": base}
    inner = next((item for item in each(outer.get("value")) if isinstance(item, dict)), None)
    amounts = outer if inner is None or "@value" in inner else inner
    single = _stated(amounts, _SINGLE)
    low, high = _stated(amounts, _LOW), _stated(amounts, _HIGH)
    if low is None and high is None:
        low = high = single
    if low is None and high is None:
        return {}
    currency = (
        _text(amounts, _CURRENCY) or _text(outer, _CURRENCY) or text_of(found.get("salaryCurrency"))
    )
    period = _period(amounts) or _period(outer)
    if any(isinstance(end, str) and not _AMOUNT.fullmatch(end) for end in (low, high)):
        text = str(low) if low == high or high is None else f"{low} - {high}"
        stated = {"salary_text": text}
    else:
        stated = {"salary_min": low, "salary_max": high}
    return {**stated, "salary_currency": currency, "salary_period": period}


def _stated(amounts: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first amount among the properties: a number or text."""
    for name in names:
        for item in each(amounts.get(name)):
            value = text_of(item) if isinstance(item, dict) else item
            if value is not None and value != "":
                return value
    return None


def _text(amounts: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := text_of(amounts.get(name)))), None)


def _period(amounts: dict[str, Any]) -> str | None:
    unit = _text(amounts, ("unitText", "unitCode"))
    if unit is None:
        return None
    # Some write the address of a unit: https://schema.org/HOUR
    unit = unit.rsplit("/", 1)[-1] if unit.startswith("http") else unit
    return _UNITS.get(unit.upper(), unit)
