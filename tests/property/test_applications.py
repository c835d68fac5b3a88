"""Applications beside a plain model: any sequence of stage changes leaves what the table allows."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import (
    ApplicationState,
    DuplicateApplication,
    EngineOptions,
    InvalidQuery,
    JobNotFound,
    SearchQuery,
)
from tests.engines.harness import ENGINES, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting
from tests.property.strategies import START

# As docs/lifecycle.md has it.
ALLOWED = {
    "": "saved applied interviewing",
    "saved": "applied interviewing withdrawn",
    "applied": "interviewing offered rejected withdrawn no_response",
    "interviewing": "offered rejected withdrawn no_response",
    "offered": "accepted declined rejected",
    "no_response": "interviewing offered rejected withdrawn",
    "rejected": "interviewing offered",
    "accepted": "declined",
    "declined": "",
    "withdrawn": "",
}
FUNNEL = ["saved", "applied", "interviewing", "offered", "accepted"]

# Of eight postings three share an address, three look alike, and somebody says that the last two
# and one of those that look alike are one opening.
POSTINGS = [
    posting(0, title="A", url="https://x.example/job?id=1&utm_source=a"),
    posting(1, title="B", url="https://x.example/job?id=1"),
    posting(2, title="C", url="https://X.example/job?id=1#top"),
    posting(3, title="Baker"),
    posting(4, title="BÁKER", company="ACME"),
    posting(5, title="baker", company="acme"),
    posting(6, title="Cook"),
    posting(7, title="Chef"),
]
ADDRESS = {0: "x", 1: "x", 2: "x"}
LOOK = dict.fromkeys((3, 4, 5), "baker")
GROUP = (5, 6, 7)


@dataclass
class Tracked:
    number: int
    stages: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.stages[-1][0] if self.stages else ""

    @property
    def sent_at(self) -> datetime | None:
        return next((at for state, at in self.stages if state in FUNNEL[1:]), None)


class Model:
    def __init__(self) -> None:
        self.all: list[Tracked] = []

    def of(self, number: int) -> list[Tracked]:
        return [each for each in self.all if each.number == number]

    def apply(self, number: int, state: str, now: datetime, *, force: bool) -> str:
        if state not in ALLOWED[""].split():
            return "invalid"
        saved = [each for each in self.of(number) if each.state == "saved"]
        if not force and self._is_second(number, state, now):
            return "duplicate"
        if saved:
            return self.move(saved[-1], state, now, force=True)
        self.all.append(Tracked(number, [(state, now)]))
        return "done"

    def move(self, tracked: Tracked, state: str, now: datetime, *, force: bool = False) -> str:
        is_sent = tracked.sent_at is None and state in FUNNEL[1:]
        if is_sent and not force and self._is_second(tracked.number, state, now):
            return "duplicate"
        if tracked.state == state:
            return "done"
        if state not in ALLOWED[tracked.state].split():
            return "invalid"
        tracked.stages.append((state, now))
        return "done"

    def _is_second(self, number: int, state: str, now: datetime) -> bool:
        for each in self.all:
            if each.sent_at is None:
                continue
            if each.number == number:
                return True
            if state == "saved":
                continue
            if ADDRESS.get(each.number) == ADDRESS.get(number, "-"):
                return True
            alike = LOOK.get(each.number) == LOOK.get(number, "-")
            grouped = {each.number, number} <= {*GROUP}
            if (alike or grouped) and now - each.sent_at < timedelta(days=90):
                return True
        return False


STEPS = st.tuples(
    st.sampled_from(["apply", "apply", "force", "set", "set", "set"]),
    st.integers(0, len(POSTINGS) - 1),
    st.sampled_from(ApplicationState),
    st.sampled_from([1, 3_600, 89 * 86_400]),
)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.scheme)
@settings(max_examples=max(1, settings.default.max_examples // 3))
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
async def test_applications_are_what_the_table_of_stages_allows(
    engine: Harness, steps: list[tuple[str, int, Any, int]]
) -> None:
    clock, model = Clock(START), Model()
    with tempfile.TemporaryDirectory() as folder:
        url = engine.new_url(Path(folder))
        try:
            options = EngineOptions(synchronous="normal", readers=1)
            async with jobstore.connect(url, options=options, clock=clock) as store:
                ids = [(await store.upsert(each)).id for each in POSTINGS]
                for one, other in pairwise(GROUP):
                    await store.confirm_duplicate(ids[one], ids[other])
                for kind, number, state, seconds in steps:
                    clock.advance(seconds=seconds)
                    outcome = "done"
                    try:
                        if kind == "set":
                            await store.set_application(ids[number], state=state)
                        else:
                            await store.apply(ids[number], state=state, force=kind == "force")
                    except InvalidQuery:
                        outcome = "invalid"
                    except DuplicateApplication:
                        outcome = "duplicate"
                    except JobNotFound:
                        outcome = "absent"
                    of = model.of(number)
                    if kind != "set":
                        forced = kind == "force"
                        expected = model.apply(number, state.value, clock(), force=forced)
                    else:
                        expected = model.move(of[-1], state.value, clock()) if of else "absent"
                    assert outcome == expected
                for number, id in enumerate(ids):
                    found = await store.applications(job_id=id)
                    assert [
                        [(each.state.value, each.at) for each in one.stages] for one in found
                    ] == [each.stages for each in reversed(model.of(number))]
                told = (await store.statistics()).applications
                states = [each.state for each in model.all]
                assert told.by_state == {each: states.count(each) for each in states}
                far = [max((FUNNEL.index(s) for s, _ in each.stages if s in FUNNEL), default=0)
                       for each in model.all]  # fmt: skip
                assert told.reached == {
                    name: sum(each >= step for each in far)
                    for step, name in enumerate(FUNNEL)
                    if far
                }
                for asked in ApplicationState:
                    page = await store.search(SearchQuery(application=asked))
                    wanted = {ids[each.number] for each in model.all if each.state == asked}
                    assert {each.id for each in page.items} == wanted
            engine.check(url)
        finally:
            engine.forget(url)
