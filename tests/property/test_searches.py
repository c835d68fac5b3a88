"""Saved searches beside a plain model: each match at least once, none after it was acknowledged."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import EngineOptions, JobStore, NewMatches, SearchQuery
from jobstore.lifecycle import following, searches
from tests.engines.harness import ENGINES, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting
from tests.property.strategies import START

_NUMBERS = st.integers(0, 7)
_TITLES = st.sampled_from(["Baker", "Cook", "Head baker"])
STEPS = st.one_of(
    st.tuples(st.just("write"), _NUMBERS, _TITLES),
    st.tuples(st.just("write"), _NUMBERS, _TITLES),
    st.tuples(st.just("delete"), _NUMBERS),
    st.tuples(st.just("join"), _NUMBERS, _NUMBERS),
    st.tuples(st.just("same"), _NUMBERS, _NUMBERS),
    st.tuples(st.just("read"), st.integers(1, 4)),
    st.tuples(st.just("read"), st.integers(1, 4)),
    # Of what was read: the newest, or one before, which a slower reader may have.
    st.tuples(st.just("acknowledge"), st.integers(0, 2)),
    st.tuples(st.just("acknowledge"), st.integers(0, 2)),
    st.tuples(st.just("crash")),
    st.tuples(st.just("clock"), st.sampled_from([-200, 1, 400, 86_400])),
)


class Watching:
    """Writes, reads and acknowledges, and knows what has to come."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.titles: dict[int, str] = {}
        self.seen: set[int] = set()
        self.read: list[NewMatches] = []
        self.groups: dict[int, frozenset[int]] = {}
        # Those that were in a group with one that was acknowledged: they may come, or not.
        self.excused: set[int] = set()

    @property
    def wanted(self) -> set[int]:
        found = {number for number, title in self.titles.items() if "baker" in title.lower()}
        return {
            number for number in found - self.seen if not self.group(number).intersection(self.seen)
        }

    def group(self, number: int) -> frozenset[int]:
        return self.groups.get(number, frozenset({number}))

    async def look_at_groups(self, store: JobStore) -> None:
        numbers = {key(number): number for number in self.titles}
        self.groups = {}
        for id, number in numbers.items():
            others = [each.id for each in await store.duplicates(id) if each.together]
            self.groups[number] = frozenset({number, *(numbers[each] for each in others)})
        self.excused |= {number for number in numbers.values() if self.group(number) & self.seen}

    def check(self, found: NewMatches, limit: int) -> set[int]:
        came = [int(job.source_job_id) for job in found]
        assert len(came) == len({self.group(number) for number in came})
        assert {*came} <= self.wanted
        if len(came) < limit:
            with_them = {each for number in came for each in self.group(number)}
            assert self.wanted - self.excused <= with_them
        return {*came}

    async def take(self, store: JobStore, kind: str, *given: Any) -> None:
        if kind == "write":
            number, title = given
            self.titles[number] = title
            await store.upsert(posting(number, title=title))
        elif kind == "delete":
            await store.delete(key(given[0]))
            self.titles.pop(given[0], None)
            self.seen.discard(given[0])
            self.excused.discard(given[0])
        elif kind == "same" and {*given[:2]} <= {*self.titles} and given[0] != given[1]:
            await store.confirm_duplicate(key(given[0]), key(given[1]))
        elif kind == "join" and given[0] in self.titles and given[0] != given[1]:
            number, other = given
            job = await store.join(key(number), "board", str(other))
            self.titles[other] = job.title
            del self.titles[number]
            if number in self.seen:
                self.seen.discard(number)
                self.seen.add(other)
            if number in self.excused:
                self.excused.add(other)
        elif kind == "read":
            found = await store.new_matches("bakers", limit=given[0])
            self.check(found, given[0])
            self.read.append(found)
        elif kind == "acknowledge" and self.read:
            found = self.read[max(0, len(self.read) - 1 - given[0])]
            await store.acknowledge("bakers", found)
            self.seen |= {
                number for number in self.titles if key(number) in {job.id for job in found}
            }
        elif kind == "clock":
            self.clock.advance(seconds=given[0])
        if kind in ("write", "delete", "join", "same", "acknowledge"):
            await self.look_at_groups(store)


def key(number: int) -> UUID:
    return jobstore.job_id("board", str(number))


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.scheme)
@settings(max_examples=max(1, settings.default.max_examples // 3))
@given(steps=st.lists(STEPS, min_size=5, max_size=40), together=st.sampled_from([2, 512]))
async def test_each_match_comes_until_it_is_acknowledged_and_never_after(
    engine: Harness, steps: list[tuple[Any, ...]], together: int
) -> None:
    watching = Watching(Clock(START))
    options = EngineOptions(synchronous="normal", readers=1)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(searches, "_AT_ONCE", together)
        url = engine.new_url(Path(folder))

        async def opened() -> JobStore:
            return await jobstore.connect(url, options=options, clock=watching.clock)

        store = await opened()
        try:
            await store.save_search("bakers", SearchQuery(text="baker"))
            for step in steps:
                if step[0] == "crash":
                    # What was read and not acknowledged is forgotten.
                    await store.close()
                    store, watching.read = await opened(), []
                else:
                    await watching.take(store, *step)
            watching.clock.advance(days=1)
            while found := await store.new_matches("bakers", limit=3):
                numbers = watching.check(found, 3)
                await store.acknowledge("bakers", found)
                watching.seen |= numbers
                await watching.look_at_groups(store)
            assert watching.wanted <= watching.excused
            await store.close()
            engine.check(url)
        finally:
            await store.close()
            engine.forget(url)


def test_clocks_may_differ_by_what_these_steps_do() -> None:
    assert timedelta(seconds=200) < following.LOOK_BACK
