"""Runs of numbers without a gap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobstore.operations.archiving.runs import Runs

SPANS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), max_size=30)


@given(SPANS, st.integers(1, 70), st.integers(0, 10))
def test_runs_cover_what_was_added_and_nothing_else(
    spans: list[tuple[int, int]], first: int, more: int
) -> None:
    runs, added = Runs(), set()
    for begin, length in spans:
        runs.add(begin, begin + length)
        added |= {*range(begin, begin + length + 1)}
    assert runs.cover(first, first + more) == (added >= {*range(first, first + more + 1)})


def test_no_number_is_always_covered() -> None:
    assert Runs().cover(5, 4)
    assert not Runs().cover(5, 5)
