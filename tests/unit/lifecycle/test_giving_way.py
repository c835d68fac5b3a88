"""A search in pieces gives way to those who write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobstore.engines.protocol import Engine, Queue
from jobstore.lifecycle import giving_way
from jobstore.lifecycle.giving_way import Turns

OLD, NEW = [(1, b"a")], [(2, b"b")]


class Stage:
    """A clock that only pauses move on, and a queue; ``writes`` are done during the pauses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.queue = Queue(0, 100)
        self.writes: list[Queue] = []
        self.pauses: list[float] = []
        monkeypatch.setattr(giving_way, "pause", self.pause)
        monkeypatch.setattr(giving_way, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.turns = Turns(cast(Engine, self))

    async def pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self.now += seconds
        if self.writes:
            self.queue = self.writes.pop(0)

    def piece(self, newest: Any) -> None:
        """It reads for 80 ms and writes for 10."""
        self.turns.begin()
        self.now += 0.08
        self.turns.write(newest)
        self.now += 0.01
        self.turns.end()

    async def paused(self) -> float:
        self.pauses.clear()
        await self.turns.give_way()
        return round(sum(self.pauses), 6)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


async def test_nobody_waits_where_nobody_writes(stage: Stage) -> None:
    for _ in range(3):
        assert await stage.paused() == 0
        stage.piece(OLD)


async def test_a_piece_holds_the_store_for_a_twentieth_of_the_time_where_others_write(
    stage: Stage,
) -> None:
    stage.piece(OLD)
    assert await stage.paused() == 0
    stage.piece(NEW)
    assert await stage.paused() == pytest.approx(19 * 0.01 - 0.08)
    stage.piece(NEW)
    assert await stage.paused() == 0


async def test_a_piece_takes_a_twentieth_of_the_time_while_this_process_writes(
    stage: Stage,
) -> None:
    stage.piece(OLD)
    stage.queue = Queue(0, 100, begun=5)
    stage.writes = [Queue(0, 100, begun=number) for number in range(6, 1000)]
    assert await stage.paused() == pytest.approx(19 * 0.09, abs=0.021)
    stage.piece(OLD)
    stage.writes = [Queue(3, 100, begun=2000), Queue(0, 100, begun=2000), Queue(0, 100, begun=2001)]
    stage.queue = Queue(3, 100, begun=1999)
    # It goes on when they have stopped.
    assert await stage.paused() == pytest.approx(0.04)
