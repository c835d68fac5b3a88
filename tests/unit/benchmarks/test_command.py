"""What fails a run, and what does not; measuring is made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import baseline, report
from benchmarks.running import Run

COSTS = {"get": 1.0, "find": 1.2}


def results(scale=10_000, **costs):
    return {"scale": scale, "machine": {"load": [0.1]}, "reads": {str(scale): reads(costs)}}


def reads(costs):
    return {name: {"cost": cost} for name, cost in costs.items()}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    file = tmp_path / "baseline.json"
    baseline.write(baseline.make([results(**COSTS), results(**COSTS)]), file)
    return file


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What runs measure; a test changes it."""
    costs = dict(COSTS)

    async def brief(run):
        return results(run.scale, **{n: c * run.plants.get(n, 1.0) for n, c in costs.items()})

    async def again(run, size, names):
        costs["looked again"] = 1.0
        slow = {name: COSTS[name] * run.plants.get(name, 1.0) for name in names}
        return {"scale": size, "reads": {str(size): reads(slow)}}

    monkeypatch.setattr(Run, "brief", brief)
    monkeypatch.setattr(Run, "again", again)
    return costs


def run(*arguments: object) -> int:
    return command.main([str(each) for each in arguments])


def test_the_same_code_passes(base, measured):
    assert run("compare", "--base", base) == 0
    assert "looked again" not in measured


def test_a_read_that_is_made_a_quarter_slower_fails_the_run(base, measured, capsys):
    assert run("compare", "--base", base, "--plant", "get=1.25") == 1
    said = capsys.readouterr()
    assert "FAILED  get at 10,000: 1.25 (must be <= 1.1, 14% away)" in said.out
    assert "a second look at get at 10,000" in said.err


def test_what_was_slow_only_once_passes(base, measured, capsys):
    measured["find"] = 1.9
    assert run("compare", "--base", base) == 0
    assert "a second look at find" in capsys.readouterr().err


def test_a_figure_that_has_gone_fails(base, measured, capsys):
    del measured["find"]
    with pytest.raises(SystemExit) as end:
        run("compare", "--base", base)
    assert end.value.code == 2
    assert "not measured: find" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--plant", "get"), "is not OPERATION=FACTOR"),
        (("--scale", "20000"), "figures at 10000 postings only"),
        (("--scale", "1"), "--scale must be at least 10000"),
        (("--rounds", "0"), "must be at least 1"),
    ],
)
def test_wrong_usage_is_told(base, measured, capsys, arguments, told):
    with pytest.raises(SystemExit) as end:
        run("compare", "--base", base, *arguments)
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_a_baseline_is_made_of_many_runs(base, measured):
    measured["get"] = 2.0
    assert run("baseline", "--base", base, "--scale", 20_000, "--runs", 3) == 0
    made = json.loads(base.read_text())["sizes"]
    assert [*made] == ["10000", "20000"]
    assert made["20000"]["runs"] == 3
    assert made["20000"]["figures"]["get"] == {"median": 2.0, "spread": 0.0, "margin": 0.1}
    assert made["10000"]["figures"]["get"]["median"] == 1.0


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names under which results were kept; nothing is shown."""
    names: list[str] = []
    monkeypatch.setattr(command.gates, "goals", lambda results: [])
    monkeypatch.setattr(report, "show", lambda results: None)
    monkeypatch.setattr(report, "write", lambda results, name: names.append(name))
    return names


@pytest.mark.parametrize(
    ("p99", "options", "code", "names"),
    [
        (20.0, [], 0, ["latest"]),
        (60.0, [], 1, ["latest"]),
        # What nobody judged, or what was slowed down on purpose, is not published.
        (60.0, ["--unjudged"], 0, ["unjudged"]),
        (20.0, ["--plant", "get=1.25"], 1, []),
    ],
)
def test_a_run_is_held_to_the_promise_too(
    base, measured, kept, monkeypatch, p99, options, code, names
):
    async def full(run):
        found = await run.brief()
        for each in found["reads"]["10000"].values():
            each["alone"] = {"p99": p99}
        return {**found, "writes": {"alone": {}}}

    monkeypatch.setattr(Run, "full", full)
    assert run("run", "--scale", 10_000, "--base", base, *options) == code
    assert kept == names
