"""What changed between two versions, as far as it can be told at once."""

from __future__ import annotations

import random

from jobstore.derived.differences import differences


def test_long_texts_are_told_by_what_differs() -> None:
    before = [f"word{number % 900}" for number in range(4_000)]
    after = [*before[:2_000], "new", *before[2_000:]]
    (found,) = differences({"description": (" ".join(before), " ".join(after))})
    assert [(each.removed, each.added) for each in found.pieces] == [("", "new")]


def test_a_text_of_few_words_is_not_compared_for_seconds() -> None:
    chosen = random.Random(1)
    before, after = (" ".join(chosen.choices(("a", "b"), k=4_000)) for _ in range(2))
    (found,) = differences({"description": (before, after)})
    assert (found.is_long, found.pieces) == (True, ())
