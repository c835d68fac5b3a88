"""Counts kept by the writer equal what a recount would give."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore import JobStore, SalaryQuartiles, Statistics
from jobstore.checks import self_test
from jobstore.derived.counters import amount_of, sortable
from jobstore.verdicts import Verdict
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

LARGEST = 2**63 - 1


@given(st.floats(0, 5e15), st.floats(0, 5e15))
def test_amounts_sort_as_the_texts_that_stand_for_them(one: float, other: float) -> None:
    low, high = sortable(one), sortable(other)

    assert (low < high) == (one < other)
    assert amount_of(low) == one
    assert len(low) == 16


async def test_a_check_compares_sources_with_the_total_whether_all_are_named_or_not(
    store: JobStore,
) -> None:
    def wrong(**fields: object) -> Statistics:
        return replace(counted, **fields)

    await store.upsert_many(posting(number, source=f"board{number % 60}") for number in range(70))
    assert (await self_test.agree(store.engine)).verdict is Verdict.PASS
    counted = await store.statistics()
    assert counted.other_sources == 10
    few = wrong(by_source={"board": 60}, other_sources=10)
    many = wrong(by_source=counted.by_source | {"board1": 99})
    for each in (few, many, wrong(by_status={}), wrong(other_sources=-1, total=59)):
        assert not self_test._agrees(each)


async def test_the_largest_applicant_counts_add_up(store: JobStore) -> None:
    ids = [(await store.upsert(posting(n, applicant_count=LARGEST))).id for n in range(5)]
    await store.upsert(posting(5, applicant_count=3))

    found = (await store.statistics()).applicants

    assert (found.count, found.minimum, found.maximum) == (6, 3, LARGEST)
    assert found.average == (5 * LARGEST + 3) / 6
    for id in ids:
        await store.update(id, {"applicant_count": 2})
    found = (await store.statistics()).applicants
    assert (found.average, found.low, found.high) == (13 / 6, 6, 0)


@pytest.mark.parametrize(("count", "crowd"), [(0, "low"), (10, "low"), (11, "medium")])
async def test_crowds_begin_where_they_are_documented(
    store: JobStore, count: int, crowd: str
) -> None:
    await store.upsert(posting(1, applicant_count=count))

    found = (await store.statistics()).applicants

    assert {name: getattr(found, name) for name in ("low", "medium", "high")} == {
        **dict.fromkeys(("low", "medium", "high"), 0),
        crowd: 1,
    }
    assert (found.average, found.minimum, found.maximum) == (count, count, count)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 8, 100])
async def test_quartiles_are_salaries_at_nearest_rank(store: JobStore, number: int) -> None:
    salaries = [Decimal(30_000) + 137 * n for n in range(number)]
    await store.upsert_many(
        posting(n, salary_min=salary, salary_max=salary, salary_currency="EUR")
        for n, salary in enumerate(reversed(salaries))
    )

    (found,) = (await store.statistics()).salaries.values()

    ranks = [math.ceil(number * quarter / 4) for quarter in (1, 2, 3)]
    assert found == SalaryQuartiles(number, *(salaries[rank - 1] for rank in ranks))


async def test_salaries_are_told_by_currency_and_by_the_year(store: JobStore) -> None:
    await store.upsert_many(
        [
            posting(1, salary_min=20, salary_max=30, salary_currency="USD", salary_period="hour"),
            posting(2, salary_max="0.01", salary_currency="EUR"),
            posting(3, salary_min=0, salary_currency="EUR", salary_period="day"),
            posting(4, salary_min=1),  # in no currency
            posting(5, salary_currency="JPY"),  # no amount
        ],
        strict=True,  # 0 as an amount states nothing to a lenient intake
    )

    found = (await store.statistics()).salaries

    assert found == {
        "EUR": SalaryQuartiles(2, Decimal("0.0"), Decimal("0.0"), Decimal("0.01")),
        "USD": SalaryQuartiles(1, *[Decimal("52000.0")] * 3),
    }


async def test_top_companies_are_the_ten_most_frequent_whatever_their_spelling(
    store: JobStore,
) -> None:
    await store.upsert_many(
        posting(f"{n}-{again}", company=f"Company {n}") for n in range(12) for again in range(n + 1)
    )
    await store.upsert_many(
        posting(f"x{n}", company=spelled)
        for n, spelled in enumerate(["Café", "CAFE", " cafe\u0301 ", "Cafe  "] * 4)
    )

    found = (await store.statistics()).top_companies

    assert [each.count for each in found] == [16, *range(12, 3, -1)]
    assert (found[0].value, found[1].value) == ("Café", "Company 11")


async def test_days_are_the_last_thirty_in_utc(store: JobStore, clock: Clock) -> None:
    for n, posted in enumerate(
        [
            "2026-01-30T23:59:59.999999Z",  # one day too old
            "2026-01-31",
            "2026-03-01T00:30:00+01:00",  # still February in UTC
            "2026-03-01T23:59:59Z",
            "2026-03-02",  # tomorrow
        ]
    ):
        await store.upsert(posting(n, posted_at=posted))
    await store.upsert(posting("undated"))

    found = (await store.statistics()).per_day

    assert [day.isoformat() for day in found][:: len(found) - 1] == ["2026-01-31", "2026-03-01"]
    assert len(found) == 30
    told = Counter({day.isoformat(): count for day, count in found.items() if count})
    assert told == {"2026-01-31": 1, "2026-02-28": 1, "2026-03-01": 2}


async def test_an_empty_store_has_empty_statistics(store: JobStore) -> None:
    found = await store.statistics()

    assert (found.total, found.by_status, found.top_companies, found.salaries) == (0, {}, [], {})
    assert set(found.per_day.values()) == {0}
    assert (found.applicants.count, found.applicants.average) == (0, None)
