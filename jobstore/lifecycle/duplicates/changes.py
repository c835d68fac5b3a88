"""Where two texts say something else in the same place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz.distance import Indel, Levenshtein

from jobstore.lifecycle.duplicates.titles import spelled
from jobstore.lifecycle.duplicates.vocabulary import (
    BOARD_LINES,
    CONTACT,
    ESTIMATED,
    LABELS,
    LASTING,
    LEVELS,
    PAY,
    PER,
    SIZES,
    TEAMS,
    UNTELLING,
    YEARS,
)

LONGEST = 4_000
"""Words of a text that are aligned: memory grows with the product of both lengths."""

# A longer passage is another text, not another word.
_LONGEST_CHANGE = 12
_LONGEST_NAME = 3
_LONGEST_NAMED = 5
_BEFORE = 6
_BEHIND = 6
_ASKED = 4
BETWEEN = 4
"""Equal words that part two passages."""
_LETTERS = 5
"""A shorter word is another one with another letter."""
_MANY_LETTERS = 8
_HOST = 3
_STEM = 4
_DIGITS = "0123456789"
_LEAST_PAY = 1_000
_ENDING = 3

_ID = re.compile(r"[0-9]{5,}")
# Two digits behind are cents, unless they are the thousands of another amount.
_AMOUNT = re.compile(r"\b([0-9]{1,3}(?: [0-9]{3}\b)+|[0-9]+)(?: [0-9]{2}\b(?! [0-9]{3}\b))?")


class Change(NamedTuple):
    """Two short passages that stand in the same place, and the words around the first.

    ``ends`` is true where both texts end with them.
    """

    left: list[str]
    right: list[str]
    behind: list[str]
    before: list[str]
    ends: bool


Spot = tuple[int, int, int, int]
"""Where a passage begins and ends in each of two texts."""


def spots(left: Sequence[str], right: Sequence[str]) -> list[Spot]:
    """Return the places where two texts differ, in their order."""
    found = (
        (each.src_start, each.src_end, each.dest_start, each.dest_end)
        for each in Indel.opcodes(left[:LONGEST], right[:LONGEST])
        if each.tag != "equal"
    )
    return merged(found, 1)


def merged(found: Iterable[Spot], between: int) -> list[Spot]:
    """Return places as one that fewer than ``between`` equal words part."""
    kept: list[Spot] = []
    for each in found:
        if kept and each[0] - kept[-1][1] < between:
            kept[-1] = (kept[-1][0], each[1], kept[-1][2], each[3])
        else:
            kept.append(each)
    return kept


def changes(left: Sequence[str], right: Sequence[str], found: Iterable[Spot]) -> Iterator[Change]:
    """Yield the short passages that stand in the same place of two texts."""
    for start, end, other_start, other_end in found:
        if not 0 < end - start <= _LONGEST_CHANGE or not (
            0 < other_end - other_start <= _LONGEST_CHANGE
        ):
            continue
        one, other = [*left[start:end]], [*right[other_start:other_end]]
        # A board may have lost the space between two words.
        if "".join(one) != "".join(other):
            before = [*left[max(0, start - _BEFORE) : start]]
            ends = end == len(left) and other_end == len(right)
            yield Change(one, other, [*left[end : end + _BEHIND]], before, ends)


def reworded(found: Iterable[Change], ignored: Collection[str]) -> int:
    """Return how many passages name something else in the midst of equal text, whatever it is: a
    language, a shift, a street, a date.

    The passages are those that at least :data:`BETWEEN` equal words part. Words that name nothing,
    the ``ignored`` ones, other spellings and forms of a word, what boards write themselves, how to
    get in touch, and sizes such as millions tell nothing. Nor does a passage that one text lacks,
    or that both have in another order.
    """
    named = []
    for each in found:
        # At the beginning boards have lines of their own.
        most = _LONGEST_NAMED if each.before else _LONGEST_NAME
        if _is_of_board(each):
            continue
        one, other = (_named(words, ignored) for words in each[:2])
        if max(len(each.left), len(each.right)) > most:
            # Of longer ones numbers tell, the rest is wording.
            one, other = ([word for word in words if word.isdecimal()] for words in (one, other))
        left, right = _without_alike(one, other), _without_alike(other, one)
        if left and right and not _are_sizes(left, right, each.behind):
            named.append((left, right))
    return sum((right, left) not in named for left, right in named)


def _named(words: Sequence[str], ignored: Collection[str]) -> list[str]:
    return [
        word
        for given in words
        for word in ([given] if given.isdecimal() else spelled([given]))
        if word not in UNTELLING and word not in ignored
    ]


def _without_alike(words: Sequence[str], others: Sequence[str]) -> list[str]:
    return [word for word in words if not any(_are_alike(word, other) for other in others)]


def _are_alike(one: str, other: str) -> bool:
    """Tell whether two words are spellings or forms of one word, or one is glued to a heading or
    to a number: ``modelling`` and ``modeling``, ``tasks`` and ``tasked``, ``skills2``."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if short in long and len(short) > 1 and not short.isdecimal():
        rest = long.replace(short, "", 1)
        if rest in UNTELLING or rest.isdecimal():
            return True
    if one.isdecimal() or other.isdecimal():
        return False
    if len(short) >= _LETTERS and Levenshtein.distance(one, other, score_cutoff=1) <= 1:
        # Another letter in a short word makes another name of it.
        return len(short) != len(long) or len(short) >= _MANY_LETTERS
    letters = enumerate(zip(short, long, strict=False))
    stem = next((at for at, (left, right) in letters if left != right), len(short))
    return stem >= _STEM and len(long) - stem <= _ENDING


def _is_of_board(change: Change) -> bool:
    around = {*change.before, *change.left, *change.right, *change.behind}
    if around & BOARD_LINES or around & ESTIMATED:
        return True
    if CONTACT.intersection((*change.left, *change.right)) or "com" in change.behind[:_HOST]:
        return True
    left, right = "".join(change.left), "".join(change.right)
    # Texts are cut where a board likes, and lose the space between two words.
    if change.ends and (left.startswith(right) or right.startswith(left)):
        return True
    stem, other_stem = left.rstrip(_DIGITS), right.rstrip(_DIGITS)
    glued = len(stem) >= _LETTERS and _are_alike(stem, other_stem)
    if glued and (stem == left or other_stem == right):
        return True
    # One amount of pay may be written as a range.
    one, other = amounts(change.left), amounts(change.right)
    return min(one + other, default=0) >= _LEAST_PAY and _agree(one, other)


def _are_sizes(left: Sequence[str], right: Sequence[str], behind: Sequence[str]) -> bool:
    """Tell whether two numbers say how large something is, as of a company's 34,000 employees."""
    if not all(word.isdecimal() for word in (*left, *right)):
        return False
    after = behind[:1] == ["000"] and not _is_term_or_pay(behind)
    return after or bool(SIZES.intersection(behind[:1]))


def telling(change: Change) -> bool:
    """Tell whether a change is one by which the openings of one company differ.

    That is another number of years or months, a pay that contradicts the other, another number of
    at least four digits that is no year of our time, as of requisitions, another level, or another
    name of a team or of a shift. A pay that a board has estimated tells nothing.
    """
    if max(map(len, change[:2])) <= _LONGEST_NAME and (
        TEAMS.intersection(change.behind[:1]) or LABELS.intersection(change.before[-1:])
    ):
        return True
    one, other = LEVELS.intersection(change.left), LEVELS.intersection(change.right)
    if one and other and one != other:
        return True
    left, right = _numbers(change.left), _numbers(change.right)
    if not left or not right or left & right:
        return False
    behind = change.behind[:_ASKED]
    around = [*change.left, *behind, *change.right, *behind]
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
    return all((left, right)) and any(
        min(many) <= min(few) and max(few) <= max(many)
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
    return {*_ID.findall(" ".join(words))}


def years(words: Sequence[str]) -> set[str]:
    """Return the numbers of years that a text asks for: numbers of one or two digits before
    "years", but for amounts "per year"."""
    return {
        number
        for at, word in enumerate(words)
        if word in YEARS and words[at - 1] not in PER
        for number in words[max(0, at - _ASKED + 1) : at]
        # "0-1 years" may have lost its dash.
        if number.isdecimal() and len(number) <= 2 and not number.startswith("0")
    }
