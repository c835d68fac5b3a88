"""Salaries that sources write as text: ``$19 - $20 an hour``, ``bis zu 60.000 € im Jahr``.

A careful reader, not a clever one: it reads a text only if it knows every word of it, and they
have one meaning together. Anything else stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from typing import Any, NamedTuple

from jobstore.intake.amounts import Currencies, factor, named_currency, scaled
from jobstore.intake.pay_words import Token, even_out, role_sets, tokens, yearly_currencies
from jobstore.records import SalaryPeriod

_LONGEST = 300
# From here on an amount in dollars, euros or pounds without a period is surely a year's.
_YEARLY_FROM = 10_000
# In those currencies nobody is paid so much for an hour: "12.500 € an hour" is a slip of the pen.
_HOURLY_BELOW = 2_000
# A month's pay below it is hardly in yen, if no more than a sign says so: it may be yuan.
_YEN_FROM = 100_000
# "45 - 55.000 €" are thousands both; no range is so wide.
_WIDEST = 100

# How those write whose dollar a bare "$" is taken for; $ 3.500.000 are pesos.
_AMERICAN = re.compile(r"\d+(?:\.\d+)?|\d{1,3}(?:,\d{3})*(?:\.\d+)?")

# The order of roles in a text that can be read: a letter is a token that may play this role,
# ``_`` what may stand anywhere: a currency, or a period with or without words for "per".
_AROUND = "(?:[C]|[P]|[E]{1,2}[UP])"
_ORDER = r"""
    _{0,3}(?P<before>[LFHW])?_{0,3}(?P<first>[N])(?P<times>[M])?_{0,4}(?P<after>[lh])?_{0,3}
    (?:(?P<mark>[R][H]?|[A][H]?|[H])
    _{0,3}(?P<second>[N])(?P<second_times>[M])?_{0,4}(?P<beyond>[lh])?_{0,3})?
"""
# Before a share alone: of the company, or as a bonus. In parentheses it may be of full time.
_BESIDE = ("+", "plus", "•", "·")
_GROUPS = ("before", "first", "times", "after", "mark", "second", "second_times", "beyond")


class _Unclear(ValueError):
    """The text has no reading, or more than one."""


class _Grammar(NamedTuple):
    letters: dict[frozenset[str], str]
    order: re.Pattern[str]


@cache
def _grammar() -> _Grammar:
    """Give each set of roles a character of its own, so that ``re`` can read a run of tokens."""
    letters = {
        roles: chr(0xE000 + number) for number, roles in enumerate(sorted(role_sets(), key=sorted))
    }

    def of(roles: str) -> str:
        found = [letter for have, letter in letters.items() if have & set(roles)]
        return f"[{''.join(found)}]"

    order = _ORDER.replace("_{", f"{_AROUND}{{").replace("\n", "").replace(" ", "")
    return _Grammar(letters, re.compile(re.sub(r"\[(\w+)\]", lambda roles: of(roles[1]), order)))


def parse_salary(
    text: str,
    *,
    currency: str | None = None,
    country: str | None = None,
    period: SalaryPeriod | None = None,
) -> dict[str, Any]:
    """Return the salary fields that ``text`` states; only ``salary_text`` if it is unclear.

    One or two amounts, a currency and a period are understood, in the large languages. Words
    such as ``up to`` and ``from`` leave the other end open; a single amount is both ends. Without
    a period, dollars, euros, pounds and Swiss francs of 10,000 or more are per year; other
    amounts are not taken, since 20 an hour is not 20 a year. A bonus beside a salary is passed
    over. A bare ``$`` is taken as USD.

    ``currency`` (ISO 4217), ``country`` (ISO 3166-1 alpha-2) and ``period`` are what else is known
    of the posting: a text that names another currency is unclear, and the period is that of a
    text that names none.
    """
    unclear = {"salary_text": text}
    if len(text) > _LONGEST or not any(character.isdecimal() for character in text):
        return unclear
    try:
        stated = _read(text, currency, country, period)
    except ValueError:
        return unclear
    return {name: value for name, value in stated.items() if value is not None} | unclear


def _read(
    text: str, currency: str | None, country: str | None, known: SalaryPeriod | None
) -> dict[str, Any]:
    written = list(tokens(even_out(text)))
    every = list(_of_salary(written))
    # What is paid beside the salary may tell the place: $90,000 + super.
    places = [token for token in written if "I" in token.roles and not token.roles & {"C", "M"}]
    found = [token for token in every if not token.roles <= {"S", "X", "I"}]
    grammar = _grammar()
    order = grammar.order.fullmatch("".join(grammar.letters[token.roles] for token in found))
    if order is None:
        raise _Unclear
    parts = {name: found[order.start(name) : order.end(name)] for name in _GROUPS if order[name]}
    spans = [order.span(name) for name in parts]
    around = [
        token
        for place, token in enumerate(found)
        if not any(start <= place < end for start, end in spans)
    ]
    allowed = named_currency([*every, *places], currency=currency, country=country)
    if not allowed.codes:
        raise _Unclear
    figures = [parts[name][0].text for name in ("first", "second") if name in parts]
    dollars = allowed.code == "USD" and len(allowed.codes) > 1
    if dollars and not all(map(_AMERICAN.fullmatch, figures)):
        raise _Unclear
    amounts = _amounts(parts, allowed, country)
    if min(amounts) == 0:
        raise _Unclear
    period = _period(around) or known
    if period is None:
        if allowed.code not in yearly_currencies() or min(amounts) < _YEARLY_FROM:
            raise _Unclear
        period = SalaryPeriod.YEAR
    large = period is SalaryPeriod.HOUR and max(amounts) >= _HOURLY_BELOW
    if large and allowed.code in yearly_currencies():
        raise _Unclear
    low, high = _ends(parts, amounts)
    if low is not None and high is not None and high >= low * _WIDEST:
        raise _Unclear
    by_sign = "CNY" in allowed.codes and country is None and period is SalaryPeriod.MONTH
    doubtful = by_sign and allowed.code == "JPY" and max(amounts) < _YEN_FROM
    return {
        "salary_min": low,
        "salary_max": high,
        "salary_currency": None if doubtful else allowed.code,
        "salary_period": period,
    }


def _of_salary(found: list[Token]) -> Iterator[Token]:
    """Yield the tokens that are not about a bonus beside the salary."""
    at, amounts = 0, False
    while at < len(found):
        token = found[at]
        if token.roles & {"S", "+", "A"}:
            end = at + 1
            while end < len(found) and not found[end].roles & {"S", "+"}:
                end += 1
            part = found[at + 1 : end]
            roles = {role for each in part for role in each.roles}
            shares = "%" in roles and "N" not in roles and token.text in _BESIDE
            if "B" in roles or shares:
                # "$50,000+ bonus" may be 50,000 or more, or a bonus beside it.
                behind_amount = at > 0 and not token.spaced and "S" not in found[at - 1].roles
                doubtful = "l" in token.roles and behind_amount and part[0].spaced
                if not amounts or doubtful or "?" in roles:
                    raise _Unclear
                at = end
                continue
            if "+" in token.roles and "l" not in token.roles:
                raise _Unclear
        if token.roles & {"B", "?"}:
            raise _Unclear
        amounts = amounts or "N" in token.roles
        yield token
        at += 1


def _amounts(
    parts: dict[str, list[Token]], allowed: Currencies, country: str | None
) -> list[Decimal]:
    """Return the one or two amounts; a multiplier that is said once may be of both."""
    first, times = parts["first"][0].text, factor(parts.get("times", ()))
    if "second" not in parts:
        return [scaled(first, times, allowed, country=country)]
    second_times = factor(parts.get("second_times", ()))
    second = scaled(parts["second"][0].text, second_times, allowed, country=country)
    if times == 1 and second_times > 1:
        # "$40-73k" are thousands both, "$900 - $1.5k" are not.
        with suppress(ValueError):
            shared = scaled(first, second_times, allowed, country=country)
            if shared <= second:
                return [shared, second]
    return [scaled(first, times, allowed, country=country), second]


def _period(around: list[Token]) -> SalaryPeriod | None:
    """Return the period that is said, once or several times."""
    said = set()
    for token, following in zip_longest(around, around[1:]):
        # "a" is a word for "per", or a year where nothing follows it.
        if "E" in token.roles and following is not None and following.roles & {"E", "U", "P"}:
            continue
        if "C" not in token.roles:
            said |= {token.meaning[role] for role in "PU" if role in token.roles}
    if len(said) > 1:
        raise _Unclear
    return said.pop() if said else None


def _ends(
    parts: dict[str, list[Token]], amounts: list[Decimal]
) -> tuple[Decimal | None, Decimal | None]:
    """Return the lower and the upper end; the one that is left open is ``None``."""
    before, after, beyond, mark = (
        {role for token in parts.get(name, ()) for role in token.roles}
        for name in ("before", "after", "beyond", "mark")
    )
    low, high = amounts[0], amounts[-1]
    if len(amounts) == 1:
        opening = before & set("LF") or after & {"l"}
        closing = before & {"H"} or after & {"h"}
        if before & {"W"} or (before and after) or (opening and closing):
            raise _Unclear
        return (None if closing else low), (None if opening else high)
    if after or beyond:
        joined = not before and "l" in after and "h" in beyond
    elif before:
        joined = bool(
            ("F" in before and mark & set("RH"))
            or ("L" in before and "H" in mark)
            or ("W" in before and mark & set("RA"))
        )
    else:
        joined = "R" in mark
    if not joined or low > high:
        raise _Unclear
    return low, high
