"""What two postings have in common, as figures and as the reasons that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import add

from rapidfuzz import fuzz

from jobstore.lifecycle.duplicates.changes import Change, changes, requisitions, telling, years
from jobstore.lifecycle.duplicates.companies import same_company
from jobstore.lifecycle.duplicates.evidence import Kind, Reason
from jobstore.lifecycle.duplicates.features import Read
from jobstore.lifecycle.duplicates.places import Where, place_words, where
from jobstore.lifecycle.duplicates.texts import containment
from jobstore.lifecycle.duplicates.titles import near_names, same_names, spelled
from jobstore.lifecycle.duplicates.vocabulary import ESTIMATING, JOB_BOARDS

_ALIKE = 75
"""Words of titles are alike from this ratio on, of 100."""
_BETWEEN = 3
"""Words that may stand between those of a title."""
_SPECIFIC = 4
"""Words of a title that few other openings of a company have."""
_APART = 1.2
"""Salaries contradict each other where the least of one is above the most of the other by this."""
_SANE = 1_000
"""Below it a yearly salary is a mistake of its source."""


@dataclass(frozen=True, slots=True)
class _Said:
    """How to say a comparison: where it speaks for one opening, against it, or for neither."""

    speaks_for: bool | None
    sentence: str


_WHERE = {
    Where.SAME: _Said(True, "Both are in the same place."),
    Where.UNSURE: _Said(None, "The places cannot be compared."),
    Where.NEAR: _Said(False, "They are in two cities of one region."),
    Where.APART: _Said(False, "They are in different places."),
}


class Comparison:
    """Two postings side by side; each figure is computed when it is asked for."""

    def __init__(self, left: Read, right: Read) -> None:
        # The order must not matter.
        self._left, self._right = sorted((left, right), key=lambda each: (each.words, id(each)))
        self._one, self._other = self._left.features, self._right.features

    @cached_property
    def same_address(self) -> bool:
        """Whether both have an address in common."""
        return bool({*self._one.addresses} & {*self._other.addresses})

    @cached_property
    def one_source(self) -> bool:
        """Whether one source gave both an id."""
        return self._one.source == self._other.source

    @cached_property
    def numbered(self) -> bool:
        """Whether that source numbers its openings itself."""
        return self.one_source and self._one.source not in JOB_BOARDS

    @cached_property
    def same_company(self) -> bool:
        """Whether the companies' names are the same, or one is a longer form of the other."""
        return same_company(self._one.company, self._other.company)

    @cached_property
    def same_spelling(self) -> bool:
        """Whether the companies' names are written alike, legal forms included."""
        return self._left.company == self._right.company

    @cached_property
    def same_title(self) -> bool:
        """Whether both titles have the same words that name the job."""
        return same_names(self._one.title, self._other.title, self._ignored)

    @cached_property
    def near_title(self) -> bool:
        """Whether one title has all words of the other, or the titles are spelled alike."""
        one, other = self._one.title, self._other.title
        if near_names(one, other, self._ignored):
            return True
        left, right = one.names - other.names, other.names - one.names
        return _spelled_alike(left, right) and _spelled_alike(right, left)

    @cached_property
    def named_in_texts(self) -> bool:
        """Whether both texts say, in one place, all that only one title says."""
        one, other = (
            each.title.names.difference(self._ignored, self._one.company, self._other.company)
            for each in (self._one, self._other)
        )
        short, long = sorted((one, other), key=len)
        if not short <= long or short == long:
            return True
        return all(_says(each.words, long - short) for each in (self._left, self._right))

    @cached_property
    def same_level(self) -> bool:
        """Whether both titles say the same about how senior the job is."""
        return self._one.title.levels == self._other.title.levels

    @cached_property
    def where(self) -> Where:
        """How the places stand to each other."""
        return where(self._one.places, self._other.places)

    @cached_property
    def _places(self) -> set[str]:
        return place_words(self._one.places + self._other.places)

    @cached_property
    def _ignored(self) -> set[str]:
        """Words of titles that do not name the job: places, and a company where all of it is
        said, as in "Baker - Acme Ltd"."""
        names = (*self._one.title.names, *self._other.title.names)
        companies = (self._one.company, self._other.company)
        return self._places.union(*(each for each in companies if {*each} <= {*names}))

    @cached_property
    def specific(self) -> bool:
        """Whether both titles name the same job in at least four words."""
        return self.same_title and len(self._one.title.names - self._ignored) >= _SPECIFIC

    @cached_property
    def letters(self) -> int:
        """The letters and digits of the shorter text."""
        return min(self._one.length, self._other.length)

    @cached_property
    def contained(self) -> float:
        """The share of the shorter text that is in the longer one."""
        short, long = sorted((self._left.letters, self._right.letters), key=len)
        return containment(short, long)

    @cached_property
    def shared(self) -> float:
        """The share of both texts together that both have."""
        common = self.contained * self.letters
        return common / (self._one.length + self._other.length - common or 1)

    @cached_property
    def _changes(self) -> list[Change]:
        return list(changes(self._left.words, self._right.words))

    @cached_property
    def replaced(self) -> float:
        """The share of the shorter text whose words are others in the longer one."""
        found = sum(min(len(each.left), len(each.right)) for each in self._changes)
        return found / (min(len(self._left.words), len(self._right.words)) or 1)

    @cached_property
    def telling(self) -> int:
        """How many changes of the text are such as the openings of one company differ by."""
        return sum(map(telling, self._changes)) + self._contradict(years) + self._renumbered()

    def _contradict(self, numbers: Callable[[Sequence[str]], set[str]]) -> bool:
        """Tell whether each text has such numbers that the other does not have."""
        one, other = numbers(self._left.words), numbers(self._right.words)
        return bool(one - other and other - one)

    def _renumbered(self) -> bool:
        """Tell whether both texts have long numbers, and none in common."""
        one, other = requisitions(self._left.words), requisitions(self._right.words)
        return bool(one and other and not one & other)

    @cached_property
    def other_kind(self) -> bool:
        """Whether both say a kind of employment or of workplace, and another one."""
        return any(
            one and other and not one & other
            for one, other in zip(self._left.kinds, self._right.kinds, strict=True)
        )

    @cached_property
    def salaries_differ(self) -> bool | None:
        """Whether the salaries contradict each other; ``None`` where one states none of its own."""
        if ESTIMATING & {self._one.source, self._other.source}:
            return None
        one, other = self._one.salary, self._other.salary
        if one is None or other is None or min(one[1], other[1]) < _SANE:
            return None
        if None not in (self._one.currency, self._other.currency) and (
            self._one.currency != self._other.currency
        ):
            return None
        return max(one[0], other[0]) > _APART * min(one[1], other[1])

    def reasons(self) -> Iterator[Reason]:
        """Yield a reason for each thing that was compared."""
        if self.same_address:
            yield Reason(Kind.ADDRESS, True, "Both have the same address.")
        if self.one_source:
            own = "; it gives each opening one id" if self.numbered else ""
            yield Reason(Kind.BOARD, False, f"One source gave both an id of their own{own}.")
        yield self._text()
        if self.telling:
            yield Reason(
                Kind.CHANGE,
                False,
                "The texts name another number of years, level, team, pay or requisition.",
                {"changes": self.telling},
            )
        yield self._title()
        yield Reason(
            Kind.COMPANY,
            True if self.same_company else None,
            "The company is the same."
            if self.same_company
            else "The companies have different names; one may be an agency or renamed.",
        )
        said = _WHERE[self.where]
        yield Reason(Kind.PLACE, said.speaks_for, said.sentence)
        if self.salaries_differ is not None:
            sentence = "contradict each other" if self.salaries_differ else "go together"
            yield Reason(Kind.SALARY, not self.salaries_differ, f"The salaries {sentence}.")

    def _text(self) -> Reason:
        if not self.letters:
            return Reason(Kind.TEXT, None, "One of them has no text.", {"letters": 0})
        return Reason(
            Kind.TEXT,
            self.contained >= CLOSE,
            f"{self.contained:.0%} of the shorter text is in the longer one.",
            {
                "contained": self.contained,
                "shared": self.shared,
                "replaced": self.replaced,
                "letters": self.letters,
            },
        )

    def _title(self) -> Reason:
        if not self.same_level:
            return Reason(Kind.TITLE, False, "The titles say different levels.")
        if self.same_title:
            return Reason(Kind.TITLE, True, "The titles name the same job.")
        if self.near_title:
            return Reason(Kind.TITLE, None, "The titles are alike.")
        return Reason(Kind.TITLE, False, "The titles name different jobs.")


def _says(text: Sequence[str], names: frozenset[str]) -> bool:
    """Tell whether a text has all these words in one place, a few others between them."""
    width = len(names) + _BETWEEN
    text = spelled(text)
    # In texts a name like "PumpWorks" is parted.
    pairs = [*map(add, text, text[1:]), ""]
    both = enumerate(zip(text, pairs, strict=False))
    starts = (at for at, said in both if names.intersection(said))
    return any(names <= {*text[at : at + width], *pairs[at : at + width]} for at in starts)


def _spelled_alike(words: Collection[str], others: Collection[str]) -> bool:
    return all(any(fuzz.ratio(word, other) >= _ALIKE for other in others) for word in words)


CLOSE = 0.75
"""From this share of the shorter text on two texts are versions of one."""
