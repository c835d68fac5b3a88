"""Reads beside writers: who takes turns, what is kept, and what fails."""

from __future__ import annotations

import pytest

import jobstore
from benchmarks import beside, upserting
from benchmarks.beside import ELSEWHERE, HERE
from jobstore.settings import sqlite_url


def _results(p99=20.0, ratio=0.9):
    times = {"p50": 1.0, "p99": p99}
    return {
        "scale": 1000,
        "beside": {"get": {"alone": {**times, "p99": 99.0}, HERE: times, ELSEWHERE: times}},
        "rates": {
            way: {"alone": 100.0, "reading": 90.0, "ratio": ratio} for way in (HERE, ELSEWHERE)
        },
    }


def test_reads_alone_are_not_judged_here():
    assert not any(gate.fails for gate in beside.gates(_results()))


@pytest.mark.parametrize("changed", [{"p99": 25.1}, {"ratio": 0.79}])
def test_a_slow_read_and_lost_writes_fail(changed):
    failed = [gate.name for gate in beside.gates(_results(**changed)) if gate.fails]
    assert len(failed) == 2


def test_a_phase_in_which_nothing_was_written_is_one_of_many():
    found = beside.Beside(0.0)
    for alone, reading in ((0.0, 80.0), (110.0, 0.0), (100.0, 90.0)):
        found.wrote(HERE, "alone", alone)
        found.wrote(HERE, "reading", reading)
    assert found.summary()["rates"] == {HERE: {"alone": 100.0, "reading": 80.0, "ratio": 0.8}}


@pytest.mark.parametrize("place", ["here", "in another process"])
async def test_what_upserts_begins_ends_and_begins_again(tmp_path, monkeypatch, place):
    monkeypatch.setattr(upserting, "_STOCK", 3_000)
    url = sqlite_url(tmp_path / "jobs.db")
    async with jobstore.connect(url, migrate=True) as store:

        async def twice(writing):
            for _ in range(2):
                await writing.prepare()
                await writing.start()
                assert await writing.stop() >= 0
                counts.append(await store.count())

        counts: list[int] = []
        if place == "here":
            await twice(upserting.Here(store, 0))
        else:
            async with upserting.elsewhere(sqlite_url(tmp_path / "jobs.db"), 0) as writing:
                await twice(writing)
        assert 100 <= counts[0] < counts[1]
        assert await store.count() == counts[1]
