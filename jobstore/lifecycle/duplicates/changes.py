"""Where two texts say something else in the same place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.distance import Indel

from jobstore.lifecycle.duplicates.vocabulary import (
    ESTIMATED,
    LABELS,
    LASTING,
    LEVELS,
    PAY,
    PER,
    TEAMS,
    YEARS,
)

LONGEST = 4_000
"""Words of a text that are aligned: memory grows with the product of both lengths."""

# A longer passage is another text, not another word.
_LONGEST_CHANGE = 12
_LONGEST_NAME = 3
_BEHIND = 4


_ID = re.compile(r"[0-9]{5,}")
# Two digits behind are cents, unless they are the thousands of another amount.
_AMOUNT = re.compile(r"\b([0-9]{1,3}(?: [0-9]{3}\b)+|[0-9]+)(?: [0-9]{2}\b(?! [0-9]{3}\b))?")


class Change(NamedTuple):
    """Two short passages that stand in the same place, and the words around the first."""

    left: list[str]
    right: list[str]
    behind: list[str]
    before: list[str]


def changes(left: Sequence[str], right: Sequence[str]) -> Iterator[Change]:
    """Yield the short passages that stand in the same place of two texts and differ."""
    left, right = left[:LONGEST], right[:LONGEST]
    for start, end, other_start, other_end in _differing(left, right):
        one, other = [*left[start:end]], [*right[other_start:other_end]]
        if (
            one
            and other
            and max(len(one), len(other)) <= _LONGEST_CHANGE
            # A board may have lost the space between two words.
            and "".join(one) != "".join(other)
        ):
            before = [*left[max(0, start - 1) : start]]
            yield Change(one, other, [*left[end : end + _BEHIND]], before)


def _differing(left: Sequence[str], right: Sequence[str]) -> list[list[int]]:
    found: list[list[int]] = []
    for code in Indel.opcodes(left, right):
        if code.tag == "equal":
            continue
        if found and found[-1][1] == code.src_start and found[-1][3] == code.dest_start:
            found[-1][1], found[-1][3] = code.src_end, code.dest_end
        else:
            found.append([code.src_start, code.src_end, code.dest_start, code.dest_end])
    return found


def telling(change: Change) -> bool:
    """Tell whether a change is one by which the openings of one company differ.

    That is another number of years or months, a pay that contradicts the other, another number of
    at least four digits that is no year of our time, as of requisitions, another level, or another
    name of a team or of a shift. A pay that a board has estimated tells nothing.
    """
    if max(map(len, change[:2])) <= _LONGEST_NAME and (
        TEAMS.intersection(change.behind[:1]) or LABELS.intersection(change.before)
    ):
        return True
    one, other = LEVELS.intersection(change.left), LEVELS.intersection(change.right)
    if one and other and one != other:
        return True
    left, right = _numbers(change.left), _numbers(change.right)
    if not left or not right or left & right:
        return False
    around = [*change.left, *change.behind, *change.right, *change.behind]
    if any(before in PER and word in YEARS for before, word in pairwise(around)):
        estimated = ESTIMATED.intersection(around)
        return not estimated and not _agree(amounts(change.left), amounts(change.right))
    if YEARS.intersection(around):
        return True
    if len(left) == len(right) == 1 and _is_term_or_pay(change.behind):
        return True
    return any(map(_is_id, left)) and any(map(_is_id, right))


def _agree(left: Sequence[int], right: Sequence[int]) -> bool:
    """Tell whether two amounts or ranges are the same, or one is within the other."""
    return any(
        min(many, default=0) <= min(few, default=-1) and max(few) <= max(many)
        for few, many in ((left, right), (right, left))
    )


def amounts(words: Sequence[str]) -> list[int]:
    """Return the whole amounts in a text: ``60 000 00`` are the words of 60,000.00."""
    return [int(found[1].replace(" ", "")) for found in _AMOUNT.finditer(" ".join(words))]


def _is_term_or_pay(behind: Sequence[str]) -> bool:
    """Tell whether a number stands before months, or is an amount of pay: of 35.00 and 60,000 what
    is behind the mark is a word of its own."""
    if LASTING.intersection(behind[:1]):
        return True
    after = [*behind[1:]] if behind[:1] in (["00"], ["000"]) else []
    return bool(after) and (after[0].isdecimal() or after[0] in PAY)


def _numbers(words: Sequence[str]) -> set[str]:
    return {word for word in words if word.isdecimal()}


def _is_id(number: str) -> bool:
    return len(number) > 4 or (len(number) == 4 and not "1900" <= number < "2100")


def requisitions(words: Sequence[str]) -> set[str]:
    """Return the numbers of at least five digits in a text, such as those of requisitions."""
    return {found[0] for word in words if (found := _ID.search(word))}


def years(words: Sequence[str]) -> set[str]:
    """Return the numbers of years that a text asks for: numbers of one or two digits before
    "years", but for amounts "per year"."""
    return {
        number
        for at, word in enumerate(words)
        if word in YEARS and words[at - 1] not in PER
        for number in words[max(0, at - _BEHIND + 1) : at]
        # "0-1 years" may have lost its dash.
        if number.isdecimal() and len(number) <= 2 and not number.startswith("0")
    }
