"""The promise and the goals, the account of bytes, the picture."""

from __future__ import annotations

import pytest

from benchmarks import gates
from benchmarks.picture import draw
from benchmarks.space import account


def _times(p50=0.1, p99=1.0, ratio=1.2):
    return {"alone": {"p50": p50, "p99": p99, "max": p99}, "ratio": ratio}


def _results(**changed):
    names = {*gates.COMPARED, *gates.FILTERED, "facets", "relevance"}
    return {
        "scale": 1000,
        "reads": {size: {name: _times() for name in names} for size in ("100", "1000")},
        "writes": {
            "alone": {"upsert new": {"p99": 20.0}},
            "stall": {"p99": 3.0},
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


def _failed(gates):
    return [gate.name for gate in gates if gate.fails]


def _missed(gates):
    return [gate.name for gate in gates if not gate.holds]


def test_good_figures_hold():
    assert _missed(gates.promise(_results())) == []
    assert _missed(gates.goals(_results())) == []


@pytest.mark.parametrize("size", ["100", "1000"])
def test_a_slow_operation_breaks_the_promise_at_every_size(size):
    results = _results()
    results["reads"][size]["facets"] = _times(p99=50.1)
    assert _failed(gates.promise(results)) == [f"facets at {int(size):,}, p99 ms"]


def test_a_slow_write_breaks_the_promise():
    results = _results()
    results["writes"]["alone"]["upsert new"] = {"p99": 60.0}
    assert _failed(gates.promise(results)) == ["upsert new, p99 ms"]


def test_goals_are_told_with_their_distance_and_fail_nothing():
    results = _results()
    results["reads"]["1000"]["get"] = _times(ratio=1.8)
    results["ratios"]["upserts against sqlite3 in batches"] = 0.44
    wished = gates.goals(results)
    assert _failed(wished) == []
    missed = [gate for gate in wished if not gate.holds]
    assert [str(gate) for gate in missed] == [
        "get, against sqlite3 + hop: 1.8 (wished for <= 1.5, 20% away)",
        "upserts against sqlite3 in batches: 0.44 (wished for >= 0.55, 20% away)",
    ]


def test_growth_is_looked_at_between_the_smallest_and_the_largest():
    results = _results()
    results["reads"]["1000"]["get"] = _times(p50=0.21)
    results["reads"]["1000"]["count"] = _times(p50=0.14)
    assert _missed(gates.goals(results)) == [
        "count, growth from 100 to 1,000",
        "get, growth from 100 to 1,000",
    ]


def test_a_gate_says_what_must_be():
    gate = gates.Gate("get, p99 ms", 40.0, 50.0, kind="promise")
    assert str(gate) == "get, p99 ms: 40 (must be <= 50)"
    assert gate.distance == 0
    assert gate.plain() == {
        "kind": "promise",
        "name": "get, p99 ms",
        "value": 40.0,
        "limit": 50.0,
        "holds": True,
    }


def test_bytes_are_accounted_for_to_the_last():
    used = {"posting": 300, "posting_id": 40, "text_index_data": 1000, "something": 60}
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
