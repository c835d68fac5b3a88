"""Gates and comparisons: what counts as a failure, and what is noise."""

from __future__ import annotations

import pytest

from benchmarks import compare, gates
from benchmarks.picture import draw
from benchmarks.space import account


def _times(p50=0.1, p99=1.0, ratio=1.2):
    return {"alone": {"p50": p50, "p99": p99, "max": p99}, "ratio": ratio, "relative": [1.0, 1.1]}


def _results(**changed):
    names = {*gates.COMPARED, "facets", "relevance"}
    return {
        "scale": 1000,
        "reads": {size: {name: _times() for name in names} for size in ("100", "1000")},
        "writes": {
            "alone": {"upsert new": {"p99": 20.0}},
            "stall": {"p99": 3.0},
            "rounds": {"upsert new": [500.0, 510.0], "sqlite3": [900.0, 900.0]},
        },
        "ratios": {
            "100 gets against plain aiosqlite": 2.5,
            "upserts against sqlite3 in batches": 0.6,
            "unchanged upserts against new ones": 5.0,
            "import against executemany": 0.7,
        },
        "import": {"memory": 100 << 20},
        "memory": {"stream_memory": 90 << 20},
        "space": {"ratio": 1.65},
        **changed,
    }


def _failed(results):
    return [gate.name for gate in gates.judge(results) if gate.binding and not gate.holds]


def test_good_figures_pass():
    assert _failed(_results()) == []


def test_a_slow_operation_fails():
    results = _results()
    results["reads"]["1000"]["facets"] = _times(p99=50.1)
    assert _failed(results) == ["facets, p99 ms"]


def test_only_the_largest_size_is_held_to_the_limit():
    results = _results()
    results["reads"]["100"]["facets"] = _times(p99=500.0)
    assert _failed(results) == []


def test_a_ratio_that_is_worse_than_stated_fails():
    results = _results()
    results["reads"]["1000"]["get"] = _times(ratio=1.51)
    results["ratios"]["upserts against sqlite3 in batches"] = 0.54
    assert _failed(results) == [
        "get, against sqlite3 + hop",
        "upserts against sqlite3 in batches",
    ]


def test_growth_is_judged_between_the_smallest_and_the_largest():
    results = _results()
    results["reads"]["1000"]["get"] = _times(p50=0.21)
    results["reads"]["1000"]["count"] = _times(p50=0.14)
    assert _failed(results) == [
        "count, growth from 100 to 1,000",
        "get, growth from 100 to 1,000",
    ]


def test_times_that_depend_on_the_machine_are_told_and_fail_nothing():
    results = _results()
    for size in ("100", "1000"):
        results["reads"][size]["get"] = _times(p50=0.6)
    missed = [gate for gate in gates.judge(results) if not gate.holds]
    assert [(gate.name, gate.binding) for gate in missed] == [("get, p50 ms", False)]
    assert str(missed[0]) == "get, p50 ms: 0.6 (must be <= 0.5)"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([1.0, 1.1, 0.9], [1.05, 1.0, 1.1], "same"),
        ([1.0, 1.1, 0.9], [1.3, 1.4, 1.25], "slower"),
        # Slower at the median, but the rounds overlap: noise.
        ([1.0, 1.4, 0.9], [1.3, 1.5, 1.25], "same"),
        # No overlap, but less than the threshold.
        ([1.0, 1.01, 1.02], [1.1, 1.11, 1.12], "same"),
        ([1.0, 1.1, 0.9], [0.5, 0.6, 0.7], "faster"),
    ],
)
def test_a_change_counts_beyond_the_threshold_and_the_noise(before, after, verdict):
    assert compare.judge("get", before, after).verdict == verdict


def test_runs_are_compared_where_they_measured_the_same():
    before, after = _results(), _results()
    del after["reads"]["100"]
    after["reads"]["1000"]["get"]["relative"] = [2.0, 2.1]
    after["writes"]["rounds"] = {"upsert new": [250.0, 240.0], "sqlite3": [900.0, 900.0]}
    changes = compare.compare(before, after)
    slower = [change.name for change in changes if change.verdict == "slower"]
    assert slower == ["get (1,000)", "upsert new"]
    assert changes[-1].change == pytest.approx(1.06, abs=0.02)


def test_runs_without_anything_in_common_are_refused():
    with pytest.raises(ValueError, match="in common"):
        compare.compare(_results(writes={}), _results(reads={}, writes={}))


def test_bytes_are_accounted_for_to_the_last():
    used = {"posting": 300, "posting_id": 40, "word_index_data": 1000, "something": 60}
    parts = account(used, 10)
    assert parts["row"] == 30
    assert parts["full text"] == 100
    assert parts["other"] == 6
    assert sum(parts.values()) == 140
    assert account({}, 10) == {}


def test_the_picture_has_a_line_for_each_operation():
    lines = {"get": {100: 0.1, 1000: 0.12}, "a < b": {100: 1.0, 1000: 30.0}}
    svg = draw("Latency", lines, 50.0)
    assert svg.count("<polyline") == 2
    assert "a &lt; b 30 ms" in svg
    assert "1,000" in svg
