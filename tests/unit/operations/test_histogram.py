"""Histograms add up, and percentiles out of them are where they should be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.operations.monitoring.histogram import (
    BOUNDS,
    CONVENTIONAL,
    EMPTY,
    bucket_of,
    cumulative,
    merged,
    quantile,
)

_DURATIONS = st.lists(st.floats(min_value=0, max_value=9.99), min_size=1, max_size=200)


def histogram(durations: list[float]) -> list[int]:
    counts = list(EMPTY)
    for seconds in durations:
        counts[bucket_of(seconds)] += 1
    return counts


def test_bounds_rise_and_hold_those_that_alerts_and_conventions_need() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert {0.05, 0.1, *CONVENTIONAL} <= set(BOUNDS)


@pytest.mark.parametrize("bound", [0.05, 0.1])
def test_a_bound_belongs_to_the_bucket_below_it(bound: float) -> None:
    assert quantile(histogram([bound]), 0.95) == pytest.approx(bound)
    above = quantile(histogram([math.nextafter(bound, 1)]), 0.95)
    assert above is not None
    assert above > bound


def test_nothing_has_no_percentile_and_what_is_too_long_has_the_last_bound() -> None:
    assert quantile(EMPTY, 0.5) is None
    assert quantile(histogram([0.01, 500.0, 600.0]), 0.99) == BOUNDS[-1]


@given(_DURATIONS, st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_lies_in_the_bucket_of_the_exact_one(
    durations: list[float], share: float
) -> None:
    exact = sorted(durations)[max(1, math.ceil(len(durations) * share)) - 1]
    found = quantile(histogram(durations), share)
    assert found is not None
    assert bucket_of(found) == bucket_of(exact)


@given(_DURATIONS, _DURATIONS)
def test_merging_is_the_same_as_counting_together(one: list[float], other: list[float]) -> None:
    assert merged([histogram(one), histogram(other)]) == histogram(one + other)


def test_cumulative_counts_what_lasted_at_most_so_long() -> None:
    counts = histogram([0.0005, 0.05, 0.0500001, 20.0])
    assert dict(zip(CONVENTIONAL, cumulative(counts), strict=True)) == {
        0.001: 1, 0.005: 1, 0.01: 1, 0.05: 2, 0.1: 3, 0.5: 3, 1.0: 3, 5.0: 3, 10.0: 3
    }  # fmt: skip
