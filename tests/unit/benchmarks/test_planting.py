"""A slowness on purpose: who is slowed down, and by how much."""

from __future__ import annotations

import pytest

from benchmarks import Misuse, planting
from benchmarks.operations import Operation
from tests.fixtures.cases import each_case


@each_case("text", ["get", "get=", "get=fast", "get=0.5", "get=nan", "get=inf"])
def test_what_is_no_factor_is_refused(text):
    with pytest.raises(Misuse, match="is not OPERATION=FACTOR"):
        planting.parse([text])


def test_operations_are_named_in_full():
    assert planting.parse(["get=1.25", "title search=2"]) == {"get": 1.25, "title search": 2.0}
    with pytest.raises(Misuse, match="'gt' is no operation; there are get, find"):
        planting.plant([Operation("get", []), Operation("find", [])], {"gt": 2.0})


async def test_only_the_planted_one_keeps_its_thread_busy_for_longer(monkeypatch):
    now = 0.0

    def clock():
        nonlocal now
        now += 0.001
        return now

    monkeypatch.setattr(planting, "_clock", clock)

    async def call(store):
        nonlocal now
        now += 4.0
        return store

    get, find = planting.plant([Operation("get", [call]), Operation("find", [call])], {"get": 1.25})
    assert find.calls == [call]
    assert await get.calls[0]("the store") == "the store"
    assert now == pytest.approx(5.0, abs=0.01)
