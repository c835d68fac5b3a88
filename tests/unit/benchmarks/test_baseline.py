"""The baseline: margins from the noise of runs, a loss that is seen, noise that is not."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from benchmarks import Misuse, baseline

MACHINE = {"processor": "A processor", "load": [0.1, 0.1, 0.1]}


def run(scale=1000, upserts=0.5, **costs):
    """The results of a run, as far as a baseline looks at them."""
    return {
        "scale": scale,
        "machine": MACHINE,
        "reads": {str(scale): {name: {"cost": cost} for name, cost in costs.items()}},
        "ratios": {"upserts against sqlite3 in batches": upserts, "something else": 9.0},
        "space": {"ratio": 1.8},
    }


def lost(base, results):
    return [gate.name for gate in baseline.hold(base, baseline.figures(results)) if gate.fails]


def test_every_figure_is_a_cost_of_which_more_is_worse():
    assert baseline.figures(run(get=1.2)) == {
        1000: {
            "get": 1.2,
            "sqlite3 in batches against upserts": 2.0,
            "disk against raw descriptions": 1.8,
        }
    }


@pytest.mark.parametrize(
    ("costs", "middle", "spread", "margin"),
    [
        # Runs that are alike: less than a tenth is noise on any machine.
        ([1.0, 1.01, 0.99], 1.0, 0.01, 0.10),
        ([2.0, 2.0, 2.12, 1.9, 2.0], 2.0, 0.06, 0.12),
        # More noise than a read may get slower unseen.
        ([1.0, 1.0, 1.3], 1.0, 0.3, 0.20),
        # One run says nothing about noise.
        ([1.5], 1.5, 0.0, 0.20),
    ],
)
def test_the_margin_is_what_the_spread_of_the_runs_justifies(costs, middle, spread, margin):
    made = baseline.make([run(get=cost) for cost in costs])
    entry = made["sizes"]["1000"]
    assert entry["runs"] == len(costs)
    assert entry["figures"]["get"] == {"median": middle, "spread": spread, "margin": margin}
    noisy = ["get at 1,000: +-30%"] if spread == 0.3 else []
    assert baseline.noisy(made) == noisy


def test_a_read_that_got_a_quarter_slower_is_seen_and_noise_is_not():
    chance = random.Random(7)
    names = ("get", "prefix", "title search")
    costs = {"get": 1.1, "prefix": 2.2, "title search": 1.9}

    def noise():
        return 1 + chance.uniform(-0.04, 0.04)

    base = baseline.make(
        [run(**{name: costs[name] * noise() for name in names}) for _ in range(10)]
    )
    for _ in range(100):
        same = {name: costs[name] * noise() for name in names}
        assert lost(base, run(**same)) == []
        slow = chance.choice(names)
        assert lost(base, run(**{**same, slow: 1.25 * same[slow]})) == [f"{slow} at 1,000"]


def test_what_is_no_read_may_be_as_noisy_as_it_is():
    made = baseline.make([run(upserts=share) for share in (0.5, 0.4, 0.5)])
    figure = made["sizes"]["1000"]["figures"]["sqlite3 in batches against upserts"]
    assert figure == {"median": 2.0, "spread": 0.25, "margin": 0.5}


def test_writes_that_lose_ground_are_seen():
    base = baseline.make([run(upserts=0.5), run(upserts=0.51)])
    assert lost(base, run(upserts=0.47)) == []
    assert lost(base, run(upserts=0.40)) == ["sqlite3 in batches against upserts at 1,000"]


def test_what_seems_slower_once_gets_a_second_look():
    base = baseline.make([run(get=1.0, find=1.0), run(get=1.0, find=1.0)])
    first = baseline.figures(run(get=1.3, find=1.3))
    assert baseline.lost(base, first) == {1000: {"get", "find"}}
    second = {1000: {"get": 1.05, "find": 1.28}}
    gates = {gate.name: gate for gate in baseline.hold(base, first, second)}
    assert gates["get at 1,000"].value == 1.05
    assert not gates["get at 1,000"].fails
    assert gates["find at 1,000"].value == 1.28
    assert gates["find at 1,000"].fails


def test_only_sizes_and_figures_of_the_baseline_are_held():
    base = baseline.make([run(get=1.0)])
    other = run(scale=2000, get=9.0)
    other["reads"]["1000"] = {"get": {"cost": 1.1}, "new": {"cost": 9.0}}
    assert [gate.name for gate in baseline.hold(base, baseline.figures(other))] == ["get at 1,000"]


def test_a_figure_that_is_no_longer_measured_is_told():
    base = baseline.make([run(get=1.0, find=1.0)])
    baseline.check(base, 1000, baseline.figures(run(get=1.0, find=1.0, new=1.0)))
    with pytest.raises(Misuse, match="not measured: find"):
        baseline.check(base, 1000, baseline.figures(run(get=1.0)))
    # Nothing is known of another size.
    baseline.check(base, 2000, baseline.figures(run(scale=2000)))


def test_sizes_are_made_anew_one_by_one(tmp_path: Path):
    file = tmp_path / "baseline.json"
    small, large = baseline.make([run(get=1.0)]), baseline.make([run(scale=20_000, get=2.0)])
    again = baseline.make([run(get=1.1)])
    baseline.write(baseline.merge(baseline.merge(large, small), again), file)
    loaded = baseline.load(file)
    assert [*loaded["sizes"]] == ["1000", "20000"]
    assert loaded["sizes"]["1000"]["figures"]["get"]["median"] == 1.1
    assert loaded["sizes"]["20000"]["figures"]["get"]["median"] == 2.0


def test_the_results_of_one_run_may_stand_for_a_baseline(tmp_path: Path):
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(run(get=1.0)))
    base = baseline.load(file)
    assert lost(base, run(get=1.19)) == []
    assert lost(base, run(get=1.25)) == ["get at 1,000"]


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", '{"scale": 1}'])
def test_what_is_no_baseline_is_told(tmp_path: Path, text: str):
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(Misuse, match="neither a baseline nor the results of a run"):
        baseline.load(file)
    with pytest.raises(Misuse):
        baseline.load(tmp_path / "absent.json")


def test_the_baseline_that_is_committed_can_see_a_quarter():
    base = baseline.load()
    reads = {"get", "find", "recent", "title search", "prefix", "facets"}
    for entry in base["sizes"].values():
        assert entry["runs"] > 1
        assert reads <= entry["figures"].keys()
        for name, figure in entry["figures"].items():
            assert figure["margin"] >= baseline.LEAST
            assert " against " in name or figure["margin"] <= baseline.MOST
