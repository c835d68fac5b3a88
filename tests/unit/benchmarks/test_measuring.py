"""Percentiles, rounds and callers."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.measuring import Timings, at_once, percentile, ticker
from tests.fixtures.cases import each_case


@each_case(("percent", "expected"), [(50, 50), (95, 95), (99, 99), (99.5, 100), (100, 100), (0, 1)])
def test_percentile_is_the_nearest_rank(percent, expected):
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_percentile_of_few_values():
    assert percentile([7.0], 99) == 7.0
    assert percentile([1.0, 2.0], 50) == 1.0
    assert percentile([1.0, 2.0], 51) == 2.0


def test_percentile_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="nothing to measure"):
        percentile([], 50)


def test_summary_is_in_milliseconds():
    timings = Timings([[0.001, 0.003], [0.002]])
    assert timings.medians() == [0.002, 0.002]
    assert timings.summary() == {
        "p50": 2.0,
        "p95": 3.0,
        "p99": 3.0,
        "max": 3.0,
        "calls": 3,
        "per_second": 500.0,
    }


def test_calls_that_overlap_are_counted_by_the_wall_clock():
    assert Timings([[1.0] * 10], elapsed=2.0).summary()["per_second"] == 5.0


async def test_callers_share_the_calls():
    running = most = done = 0

    async def call():
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done += 1

    timings = Timings()
    await at_once([call] * 50, timings, callers=8)
    assert (done, most) == (50, 8)
    assert len(timings.rounds) == 1
    assert len(timings.all) == 50


async def test_the_ticker_sees_a_blocked_loop():
    import time

    async with ticker() as gaps:
        await asyncio.sleep(0.02)
        time.sleep(0.05)  # noqa: ASYNC251 - that is what it has to see
        await asyncio.sleep(0.01)
    assert max(gaps) > 0.04
