"""The benchmark of the service: what fails it."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import service


def results(**changed: Any) -> dict[str, Any]:
    """What a run gives where all is as it should be."""
    loaded = {
        "statuses": {200: 900, 201: 90, 429: 5, 503: 5},
        "without Retry-After": 0,
        "memory MiB": [100.0, 101.0],
        "searches p99": 20.0,
    }
    beside = {each: {"against datasette": 2.5} for each in ("search", "get", "search over MCP")}
    silent = {"silent": 10_000, "per_second": [1000, 900]}
    found = {"beside": beside, "load": loaded, "silent": silent}
    for name, more in changed.items():
        found[name] = found[name] | more
    return found


def test_a_run_that_is_as_it_should_be_fails_nothing() -> None:
    assert [each for each in service.gates(results()) if not each.holds] == []


@pytest.mark.parametrize(
    ("changed", "failing"),
    [
        ({"beside": {"get": {"against datasette": 1.9}}}, "against Datasette"),
        ({"load": {"statuses": {200: 900, 500: 1}}}, "are errors"),
        ({"load": {"without Retry-After": 1}}, "without Retry-After"),
        ({"load": {"memory MiB": [100.0, 120.0]}}, "memory"),
        ({"silent": {"per_second": [1000, 200]}}, "beside silence"),
    ],
)
def test_a_run_fails_by_each_promise(changed: dict[str, Any], failing: str) -> None:
    (failed,) = [each for each in service.gates(results(**changed)) if each.fails]
    assert failing in failed.name


def test_what_depends_on_the_machine_is_told_and_fails_nothing() -> None:
    found = results(load={"searches p99": 90.0}, silent={"silent": 900})
    missed = [each for each in service.gates(found) if not each.holds]
    assert [each.kind for each in missed] == ["goal", "goal"]
