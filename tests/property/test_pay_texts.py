"""Whatever a pay text says: it stays text, or what is read of it really stands in it."""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from jobstore.intake.amounts import amount_and_currency
from jobstore.intake.salaries import parse_salary
from jobstore.intake.spellings import CURRENCIES
from jobstore.records import SalaryPeriod

FACTORS = [10**power for power in range(9)]
FIELDS = {"salary_min", "salary_max", "salary_currency", "salary_period", "salary_text"}

figures = st.one_of(
    st.integers(0, 10**7).map(str),
    st.integers(0, 10**9).map(lambda number: f"{number:,}"),
    st.integers(0, 10**9).map(lambda number: f"{number:,}".replace(",", ".")),
    st.integers(0, 10**9).map(lambda number: f"{number:,}".replace(",", " ")),
    st.from_regex(r"\A[0-9.,' ]{1,12}\Z"),
)
WORDS = """
    $ € £ ¥ ₹ kr R USD EUR INR k K lakh million 万 tys. - – to bis à a and von ab from up_to bis_zu
    + plus or_more max min per / an hour hr month Monat year Jahr p.a. pcm monthly 年 月薪 , ( ) .
    salary brutto gross bonus equity 401k 10% bi-weekly quarter W2 Grade_7 between und < > ~ ½ &
"""
words = st.sampled_from([word.replace("_", " ") for word in WORDS.split()])
texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(figures, words), max_size=12).map(" ".join),
    st.lists(st.one_of(figures, words), max_size=12).map("".join),
)


def digits(text: str) -> list[str]:
    """Return the runs of digits and marks between them, as their digits."""
    plain = "".join(str(int(c)) if c.isdecimal() else c for c in text)
    return [re.sub(r"\D", "", run) for run in re.findall(r"[\d.,'\s\u00a0]*\d", plain)]


def stands_in(amount: Decimal, text: str) -> bool:
    """Tell whether the amount's digits stand in the text, with zeros of a multiplier."""
    significant = re.sub(r"\D", "", f"{amount:f}").strip("0")
    return any(significant in run for run in digits(text))


@given(texts, st.sampled_from([None, "USD", "EUR", "INR"]), st.sampled_from([None, "DE", "US"]))
@example("$40-73k", None, None)
@example("45.000 €", None, "DE")
def test_a_pay_text_stays_text_or_what_is_read_stands_in_it(
    text: str, currency: str | None, country: str | None
) -> None:
    found = parse_salary(text, currency=currency, country=country)
    assert found["salary_text"] == text
    assert set(found) <= FIELDS
    if len(found) == 1:
        return
    amounts = [found[end] for end in ("salary_min", "salary_max") if end in found]
    assert amounts
    assert amounts == sorted(amounts)
    assert all(0 < amount < 10**12 and stands_in(amount, text) for amount in amounts)
    assert found["salary_period"] in set(SalaryPeriod)
    assert found.get("salary_currency") in CURRENCIES | {None}
    assert currency is None or found["salary_currency"] == currency


@given(texts, st.sampled_from([None, "USD", "EUR", "KWD"]), st.sampled_from([None, "DE", "US"]))
def test_an_amount_is_one_that_stands_in_the_text(
    text: str, currency: str | None, country: str | None
) -> None:
    try:
        amount, _ = amount_and_currency(text, currency=currency, country=country)
    except ValueError:
        return
    assert 0 <= amount < 10**12
    assert "e" in text.lower() or stands_in(amount, text)


@given(
    st.sampled_from(["1", "9,", "1 000 ", "$", "a ", "k", "+ ", "月", "and ", "(", "€1-", "per "])
)
def test_a_text_of_one_thing_over_and_over_is_no_salary(part: str) -> None:
    for length in (300, 301, 100_000):
        text = (part * (length // len(part) + 1))[:length]
        assert parse_salary(text) == {"salary_text": text}
