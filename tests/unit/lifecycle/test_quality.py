"""How well duplicates are told on pairs of real postings that were judged by reading.

The figures are printed; ``pytest -rP`` shows them. ``tests/data/duplicates`` says how the pairs
were drawn and judged.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.duplicates import halves, ours, peers
from benchmarks.pairs import CLASSES, SAME, Postings, labelled, postings, wilson
from jobstore.lifecycle.duplicates import Verdict, blocks, judge, likely, read


@pytest.fixture(scope="module")
def known(real_data: Path) -> Postings:
    return postings(real_data)


def test_the_pairs_are_enough_to_say_something(known: Postings) -> None:
    pairs = labelled()
    classes = Counter(pair.found for pair in pairs)
    assert {*classes} == {*CLASSES}
    assert len({frozenset((pair.left, pair.right)) for pair in pairs}) == len(pairs) >= 700
    assert {name for pair in pairs for name in (pair.left, pair.right)} <= known.keys()
    assert sum(classes[each] for each in SAME) >= 600
    both = halves(pairs)
    assert all(0.45 < len(half) / len(pairs) < 0.55 for half in both.values())


@pytest.mark.parametrize("half", ["built on", "held out"])
def test_precision_and_recall(known: Postings, half: str) -> None:
    found = ours(known, halves(labelled())[half])
    print(f"\n{half}", *found.lines(), sep="\n  ")
    assert found.precision >= 0.995
    assert found.recall >= 0.95


def test_other_ways_do_worse(known: Postings) -> None:
    pairs = labelled()
    best = ours(known, halves(pairs)["held out"])
    for name, least, found in peers(known, pairs):
        print(f"\n{name}, from {least:.2f}", *found.lines(), sep="\n  ")
        assert found.f1 < best.f1


def test_what_is_the_same_is_found_in_a_store(known: Postings) -> None:
    same = shared = 0
    for pair in labelled():
        left, right = read(known[pair.left]), read(known[pair.right])
        if judge(left, right).verdict == Verdict.SAME:
            same += 1
            shared += bool({*blocks(left.features)} & {*blocks(right.features)})
            assert likely(left.features, right.features)
    low, high = wilson(shared, same)
    print(f"\n{shared} of {same} share a key (95%: {low:.4f} to {high:.4f})")
    assert shared / same >= 0.98
