"""Groups of duplicates depend on what is said of pairs, not on when it was found or who arrived."""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import JobPosting, JobStore
from jobstore.lifecycle.duplicates.grouping import grouped
from tests.engines.harness import ENGINES, Harness
from tests.fixtures.clock import Clock
from tests.fixtures.openings import OTHER_TASKS, TASKS

IDS = [bytes([number]) * 16 for number in range(7)]
PAIRS = [*combinations(IDS, 2)]
pairs = st.lists(st.sampled_from(PAIRS), unique=True, max_size=14)


def turned(found: list[tuple[bytes, bytes]], draw: st.DrawFn) -> list[tuple[bytes, bytes]]:
    return [pair if draw(st.booleans()) else pair[::-1] for pair in draw(st.permutations(found))]


@given(st.data(), pairs, pairs, pairs)
def test_groups_follow_from_what_is_said(
    data: st.DataObject,
    same: list[tuple[bytes, bytes]],
    joined: list[tuple[bytes, bytes]],
    parted: list[tuple[bytes, bytes]],
) -> None:
    joined, parted = joined[:2], [pair for pair in parted[:3] if pair not in joined[:2]]
    seen = {id: data.draw(st.integers(0, 3)) for id in IDS}
    groups = grouped(seen, same, joined, parted)

    together = {frozenset(pair) for group in groups for pair in combinations(group, 2)}
    assert not together & {frozenset(pair) for pair in parted}
    assert max(Counter(id for group in groups for id in group).values(), default=1) == 1
    assert all(group == sorted(group, key=lambda each: (seen[each], each)) for group in groups)
    if not joined:
        # By the rules each is the same as each other one: no chain joins anything.
        assert together <= {frozenset(pair) for pair in same}
        # And nobody stays out whom nothing keeps out.
        alone = set(IDS) - {id for group in groups for id in group}
        free = {frozenset(pair) for pair in same} - {frozenset(pair) for pair in parted}
        assert not {frozenset(pair) for pair in combinations(alone, 2)} & free
    elif not parted:
        assert {frozenset(pair) for pair in joined} <= together

    again = [turned(each, data.draw) for each in (same, joined, parted)]
    assert grouped(dict(reversed(seen.items())), *again) == groups


OPENINGS = [
    *product(("indeed", "linkedin", "glassdoor"), ("Lowell, MA",), (TASKS, OTHER_TASKS)),
    ("greenhouse", "Lowell, MA", TASKS),
    ("lever", "Dayton, OH", TASKS),
]


def posting(number: int) -> JobPosting:
    source, location, text = OPENINGS[number]
    return JobPosting(
        source=source,
        source_job_id=str(number),
        title="Pump Engineer" if text is TASKS else "Baker",
        company="Northern Waterworks",
        location=location,
        description=text,
    )


async def told(store: JobStore) -> dict[int, set[tuple[str, str, bool]]]:
    found: dict[int, set[tuple[str, str, bool]]] = {}
    for number in range(len(OPENINGS)):
        job = await store.find(OPENINGS[number][0], str(number))
        if job is not None:
            every = await store.duplicates(job.id)
            found[number] = {(str(each.id), each.verdict, each.together) for each in every}
    return found


async def arrived(url: str, steps: list[Any], decided: list[tuple[int, int, str]]) -> Any:
    """Let postings arrive in some order, with searches and decisions in between."""
    async with jobstore.connect(url, clock=Clock()) as store:
        for step in steps:
            if step is None:
                await store.find_duplicates()
            else:
                await store.upsert(posting(step))
        await store.find_duplicates()
        ids = [(await store.upsert(posting(number))).id for number in range(len(OPENINGS))]
        before = await told(store)
        for one, other, what in decided:
            await getattr(store, f"{what}_duplicate")(ids[one], ids[other])
        for number, id in enumerate(ids):
            await store.update(id, {"industry": f"Water {number}"})
        await store.find_duplicates()
        after = await told(store)
        for one, other, _ in decided:
            await store.undo_duplicate(ids[one], ids[other])
        await store.find_duplicates()
        return before, after, await told(store), [str(id) for id in ids]


orders = st.permutations(range(len(OPENINGS))).flatmap(
    lambda order: st.lists(st.integers(0, len(order)), max_size=4).map(
        lambda stops: [
            step
            for number, each in enumerate(order)
            for step in ([None, each] if number in stops else [each])
        ]
    )
)
decisions = st.lists(
    st.tuples(
        st.integers(0, len(OPENINGS) - 1),
        st.integers(0, len(OPENINGS) - 1),
        st.sampled_from(["confirm", "reject"]),
    ).filter(lambda each: each[0] < each[1]),
    max_size=3,
    unique_by=lambda each: each[:2],
)


async def stored(engine: Harness, *given: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        url = engine.new_url(Path(folder))
        try:
            return await arrived(url, *given)
        finally:
            engine.forget(url)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.scheme)
@settings(max_examples=3)
@given(orders, orders, decisions)
async def test_the_order_of_arrival_does_not_matter_and_decisions_last(
    engine: Harness, one: list[Any], other: list[Any], decided: list[tuple[int, int, str]]
) -> None:
    before, after, undone, ids = await stored(engine, one, decided)
    assert await stored(engine, other, decided) == (before, after, undone, ids)
    assert undone == before
    for left, right, what in decided:
        verdict = "same" if what == "confirm" else "different"
        assert (ids[right], verdict) in {each[:2] for each in after[left]}
        if what == "reject":
            assert (ids[right], verdict, False) in after[left]
