"""Groups of postings that are one opening, from what is said of pairs of them.

In a group by the rules each posting is the same as each other one. So a chain joins nothing: where
A is B and B is C, but A is not C, one of them stays out. What a person joined is one posting here.
The order in which pairs were found does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Id = bytes
Pair = tuple[Id, Id]


def ordered(one: Id, other: Id) -> Pair:
    """Return a pair with its lower id first."""
    return min(one, other), max(one, other)


def grouped(
    seen: Mapping[Id, int],
    same: Iterable[Pair],
    joined: Iterable[Pair] = (),
    parted: Iterable[Pair] = (),
) -> list[list[Id]]:
    """Return the groups of at least two, each in the order of ``seen``.

    ``seen`` is a number for each posting, such as when it was first seen. ``same``: pairs by the
    rules; ``joined`` and ``parted``: those that a person said are the same, and are not.
    """
    order = [id for _, id in sorted((at, id) for id, at in seen.items())]
    rank = {id: number for number, id in enumerate(order)}
    found = _Groups(rank, _ordered(parted, rank))
    for pair in sorted(_ordered(joined, rank)):
        found.join(*pair)
    known = _ordered(same, rank)
    linked = {frozenset(found.units[each] for each in pair) for pair in known}
    for left, right in sorted(known):
        one, other = ({found.units[each] for each in found.of(id)} for id in (left, right))
        if all(a == b or frozenset((a, b)) in linked for a in one for b in other):
            found.join(left, right, whole=False)
    return [[order[number] for number in group] for group in found.every()]


def _ordered(pairs: Iterable[Pair], rank: Mapping[Id, int]) -> set[tuple[int, int]]:
    """Return pairs of known postings by their numbers, the lower one first."""
    numbers = ((rank[one], rank[other]) for one, other in pairs if one in rank and other in rank)
    return {(min(pair), max(pair)) for pair in numbers if pair[0] != pair[1]}


class _Groups:
    """Numbers in groups; ``units`` tells what a person joined, by its lowest number."""

    def __init__(self, numbers: Mapping[Id, int], parted: Collection[tuple[int, int]]) -> None:
        self._parted = parted
        self._of = {number: [number] for number in numbers.values()}
        self.units = {number: number for number in numbers.values()}

    def of(self, number: int) -> list[int]:
        return self._of[number]

    def join(self, left: int, right: int, *, whole: bool = True) -> None:
        """Make one group of two, unless somebody parted two in them."""
        one, other = self._of[left], self._of[right]
        pairs = ((min(a, b), max(a, b)) for a in one for b in other)
        if one is other or any(pair in self._parted for pair in pairs):
            return
        group = sorted((*one, *other))
        for number in group:
            self._of[number] = group
            if whole:
                self.units[number] = group[0]

    def every(self) -> list[list[int]]:
        """Return the groups of at least two, in their order."""
        return [each for number, each in sorted(self._of.items()) if each[0] == number < each[-1]]
