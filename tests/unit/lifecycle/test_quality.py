"""How well duplicates are told on pairs of real postings that were judged by reading.

The figures are printed; ``pytest -rP`` shows them. ``tests/data/duplicates`` says how the pairs
were drawn and judged.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.duplicates import Opened, ours, parts, peers
from benchmarks.pairs import (
    CLASSES,
    SAME,
    Postings,
    Score,
    labelled,
    others,
    postings,
    wilson,
)
from jobstore.lifecycle.duplicates import Verdict, blocks, judge, likely


@pytest.fixture(scope="module")
def known(real_data: Path) -> Postings:
    return postings(real_data)


@pytest.fixture(scope="module")
def opened(known: Postings) -> Opened:
    return Opened(known)


def test_the_pairs_are_enough_to_say_something(known: Postings) -> None:
    pairs = parts()["all"]
    classes = Counter(pair.found for pair in pairs)
    assert {*classes} == {*CLASSES}
    assert len({frozenset((pair.left, pair.right)) for pair in pairs}) == len(pairs) >= 700
    assert {name for pair in pairs for name in (pair.left, pair.right)} <= known.keys()
    assert sum(classes[each] for each in SAME) >= 600


def test_precision_and_recall(opened: Opened) -> None:
    pairs = parts()
    whole = pairs.pop("all")
    found = {name: ours(opened, part) for name, part in pairs.items()}
    total = Score(
        *(
            sum((getattr(each, name) for each in found.values()), Counter())
            for name in ("called", "of")
        )
    )
    assert sum(total.of.values()) == len(whole)
    for name, each in {**found, "all": total}.items():
        print(f"\n{name}", *each.lines(), sep="\n  ")
        assert each.precision >= 0.995
    # Parts are too small to be asked one by one.
    assert total.recall >= 0.95


@pytest.fixture(scope="module")
def elsewhere(real_data: Path, known: Postings) -> Opened:
    return Opened({**known, **others(real_data)})


@pytest.mark.parametrize(
    ("name", "recall"), [("adzuna", 0.75), ("boards", 0.38), ("called", 0.97), ("blind", 0.0)]
)
def test_other_boards_and_countries(elsewhere: Opened, name: str, recall: float) -> None:
    pairs = labelled(name)
    found = ours(elsewhere, pairs)
    print(f"\n{name}", *found.lines(), sep="\n  ")
    assert found.right == found.judged_same()
    assert found.recall >= recall
    called = 0
    for pair in pairs:
        left, right = elsewhere[pair.left], elsewhere[pair.right]
        if judge(left, right).verdict == Verdict.SAME:
            called += bool({*blocks(left.features)} & {*blocks(right.features)})
            assert likely(left.features, right.features)
    print(f"  {called} of {found.judged_same(strict=True)} share a key")
    assert called >= 0.95 * found.judged_same(strict=True)


def test_other_ways_do_worse(known: Postings, opened: Opened) -> None:
    pairs = parts()["all"]
    best = ours(opened, pairs)
    for name, least, found in peers(known, pairs):
        print(f"\n{name}, from {least:.2f}", *found.lines(), sep="\n  ")
        assert found.f1 < best.f1


def test_what_is_the_same_is_found_in_a_store(opened: Opened) -> None:
    same = shared = 0
    for pair in parts()["all"]:
        left, right = opened[pair.left], opened[pair.right]
        if judge(left, right).verdict == Verdict.SAME:
            same += 1
            shared += bool({*blocks(left.features)} & {*blocks(right.features)})
            assert likely(left.features, right.features)
    low, high = wilson(shared, same)
    print(f"\n{shared} of {same} share a key (95%: {low:.4f} to {high:.4f})")
    assert shared / same >= 0.98
