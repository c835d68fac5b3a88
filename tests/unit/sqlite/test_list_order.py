"""Places: sorted by label is sorted by time, whatever the order of arrival."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore.engines.sqlite.writing import list_order
from jobstore.engines.sqlite.writing.list_order import Slot, find_slot

DAY = 86_400_000_000
TODAY = 20_513 * DAY  # in 2026


class Shelf:
    """Nothing but the columns that places are chosen from."""

    def __init__(self) -> None:
        self.conn = sqlite3.connect(":memory:")
        self.conn.execute("CREATE TABLE posting (place INTEGER PRIMARY KEY, listed_at, listed_tie)")
        self.conn.execute("CREATE UNIQUE INDEX listed ON posting (listed_at, listed_tie)")
        self.arrivals: list[tuple[int, int]] = []
        self.moves = 0

    def close(self) -> None:
        self.conn.close()

    def put(self, listed_at: int) -> Slot:
        """Insert as the writer does; a move to a place that is taken fails."""
        while not isinstance(found := find_slot(self.conn, listed_at), Slot):
            assert found
            for old, new in found:
                moved = self.conn.execute(
                    "UPDATE posting SET place = ? WHERE place = ?", (new, old)
                ).rowcount
                assert moved == 1
                self.moves += 1
        self.conn.execute(
            "INSERT INTO posting VALUES (?, ?, ?)", (found.place, listed_at, found.tie)
        )
        self.arrivals.append((listed_at, len(self.arrivals)))
        return found

    def take(self, index: int) -> None:
        """Remove one of the postings, by its rank."""
        self.conn.execute(
            "DELETE FROM posting WHERE place ="
            " (SELECT place FROM posting ORDER BY place LIMIT 1 OFFSET ?)",
            (index,),
        )

    def check(self) -> None:
        """Assert that places are in order, all of them positive, and room for more."""
        rows = self.conn.execute("SELECT place, listed_at, listed_tie FROM posting ORDER BY place")
        found = rows.fetchall()
        assert [row[1:] for row in found] == sorted(row[1:] for row in found)
        assert all(0 < row[0] < 2**62 for row in found)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with closing(Shelf()) as made:
        yield made


@pytest.mark.parametrize(
    "time",
    [
        lambda n: TODAY + n * 1_000_000,
        lambda n: TODAY - n * 1_000_000,
        lambda n: TODAY,
        lambda n: TODAY + n,
        lambda n: TODAY - n,
        lambda n: TODAY + (n if n % 2 else -n),
        lambda n: TODAY + n % 7,
        lambda n: TODAY + (n % 2) * DAY - n,
        lambda n: 631_152_000_000_000 - n,  # at the lower end of the labels
        lambda n: 631_152_000_000_000 + (n * 7919) % 100,
    ],
    ids=[
        "one a second",
        "one a second, backwards",
        "all at once",
        "one a microsecond",
        "one a microsecond, backwards",
        "outwards from the middle",
        "a few times",
        "two days, backwards",
        "before the first day",
        "the first microseconds",
    ],
)
def test_any_order_of_arrival_is_put_in_order_with_few_moves(
    shelf: Shelf, time: Callable[[int], int]
) -> None:
    number = 2000
    for n in range(number):
        shelf.put(time(n))

    shelf.check()
    # Making room is paid for by the insertions before it.
    assert shelf.moves < 12 * number


def test_a_dense_crowd_between_two_neighbours_is_spread_out(shelf: Shelf) -> None:
    shelf.put(TODAY)
    shelf.put(TODAY + 2_000_000)
    generator = random.Random(7)
    for _ in range(3000):
        shelf.put(TODAY + 1 + generator.randrange(1_999_999))

    shelf.check()
    assert 0 < shelf.moves < 12 * 3000


def test_equal_times_are_neighbours_in_order_of_arrival(shelf: Shelf) -> None:
    slots = [shelf.put(TODAY + 5) for _ in range(50)]

    assert [slot.tie for slot in slots] == list(range(50))
    assert all(after.place - before.place == 1 for before, after in pairwise(slots))


def test_times_of_a_day_leave_midnight_its_own_places(shelf: Shelf) -> None:
    noon = shelf.put(TODAY + DAY // 2)
    midnights = [shelf.put(TODAY) for _ in range(1000)]
    next_day = shelf.put(TODAY + DAY)

    assert midnights[-1].place < noon.place < next_day.place
    assert shelf.moves == 0


def test_labels_stay_near_each_other(shelf: Shelf) -> None:
    for n in range(1000):
        shelf.put(TODAY + n)

    low, high = shelf.conn.execute("SELECT min(place), max(place) FROM posting").fetchone()
    assert high - low < 2**30


@settings(max_examples=60)
@given(
    works=st.lists(
        st.tuples(
            st.sampled_from([TODAY, TODAY + 1, TODAY + DAY, TODAY - DAY // 2])
            | st.integers(TODAY - 20, TODAY + 20),
            st.booleans(),
        ),
        max_size=120,
    ),
    gap=st.sampled_from([1, 2, 16]),
    natural=st.sampled_from([1, 2, 1000]),
)
def test_scarce_places_are_shared_out_without_a_collision(
    works: list[tuple[int, bool]], gap: int, natural: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, closing(Shelf()) as shelf:
        patch.setattr(list_order, "_GAP", gap)
        patch.setattr(list_order, "_natural", lambda listed_at: natural)
        for listed_at, remove in works:
            shelf.put(listed_at)
            if remove:
                shelf.take(listed_at % 5)
        shelf.check()


@pytest.mark.parametrize(
    "time",
    [
        # Groups that arrived together without a date, then single ones dated between them.
        lambda n: TODAY + (n // 512) * 1_000_000 if n < 20_000 else TODAY + 19_000_000 + n,
        lambda n: TODAY + (n // 512) * 1_000_000 if n < 20_000 else TODAY + (n * 7919) % 39_000_000,
        # ... and groups between groups.
        lambda n: TODAY + (n // 512) * 1_000_000 + (n >= 20_000) * -19_500_000,
    ],
    ids=["into one gap", "into all gaps", "groups between groups"],
)
def test_no_single_posting_makes_a_crowd_move(shelf: Shelf, time: Callable[[int], int]) -> None:
    worst = 0
    for n in range(22_000):
        before = shelf.moves
        shelf.put(time(n))
        worst = max(worst, shelf.moves - before)

    shelf.check()
    assert worst <= 3000
