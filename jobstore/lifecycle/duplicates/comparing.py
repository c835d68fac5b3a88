"""What two postings have in common, as figures and as the reasons that follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import add

from rapidfuzz import fuzz

from jobstore.lifecycle.duplicates.changes import (
    BETWEEN,
    Change,
    Spot,
    changes,
    merged,
    reworded,
    spots,
    telling,
)
from jobstore.lifecycle.duplicates.companies import namesakes, same_company
from jobstore.lifecycle.duplicates.evidence import Kind, Reason
from jobstore.lifecycle.duplicates.features import Read
from jobstore.lifecycle.duplicates.places import ANYWHERE, Where, place_words, where
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
_LEVELS_APART = 2
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
        self._one, self._other = self._left.facts, self._right.facts

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
    def namesakes(self) -> bool:
        """Whether one name is the other with a word more that names another company."""
        return namesakes(self._one.company, self._other.company)

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
    def long_enough(self) -> bool:
        """Whether the shorter text says enough to tell openings apart."""
        return self.letters >= self._needed()

    def _needed(self) -> int:
        surer = self.same_title and self.contained >= VERY_CLOSE
        whole = self.specific and self.contained >= WHOLE
        if self.namesakes:
            return ENOUGH if whole else _ENOUGH_OF_NAMESAKES
        if not self.same_company:
            return ENOUGH if surer else _ENOUGH_ELSEWHERE
        if whole and not self.one_source:
            return _EXCERPT
        return LEAST if surer else ENOUGH

    @cached_property
    def contained(self) -> float:
        """The share of the shorter text that is in the longer one."""
        if not self.letters:
            return 0.0
        short, long = sorted((self._left, self._right), key=lambda each: each.facts.length)
        return containment(short.runs, long.distinct_runs)

    @property
    def aligned(self) -> bool:
        """Whether it is worth to look where the texts differ."""
        return self.contained >= CLOSE

    @cached_property
    def shared(self) -> float:
        """The share of both texts together that both have."""
        common = self.contained * self.letters
        return common / (self._one.length + self._other.length - common or 1)

    @cached_property
    def _spots(self) -> list[Spot]:
        return spots(self._left.words, self._right.words)

    @cached_property
    def _changes(self) -> list[Change]:
        return [*changes(self._left.words, self._right.words, self._spots)]

    @cached_property
    def replaced(self) -> float:
        """The share of the shorter text whose words are others in the longer one."""
        found = sum(min(len(each.left), len(each.right)) for each in self._changes)
        return found / (min(len(self._left.words), len(self._right.words)) or 1)

    @cached_property
    def telling(self) -> int:
        """How many changes of the text are such as the openings of one company differ by."""
        one, other = self._left, self._right
        contradict = bool(one.years - other.years and other.years - one.years)
        numbers = one.requisitions, other.requisitions
        renumbered = all(numbers) and not numbers[0] & numbers[1]
        return sum(map(telling, self._changes)) + contradict + renumbered

    @cached_property
    def reworded(self) -> int:
        """How many passages name something else in the midst of equal text."""
        passages = merged(self._spots, BETWEEN)
        named = (*self._one.company, *self._other.company, *self._places)
        return reworded(changes(self._left.words, self._right.words, passages), {*named})

    @cached_property
    def other_kind(self) -> str | None:
        """In which kind of employment or workplace both differ, if they do: in words."""
        for one, other in zip(self._left.kinds, self._right.kinds, strict=True):
            if one and other and not one & other:
                return " against ".join(sorted(", ".join(sorted(each)) for each in (one, other)))
        levels = self._left.level, self._right.level
        if None not in levels and abs((levels[0] or 0) - (levels[1] or 0)) >= _LEVELS_APART:
            return "stated levels that are far apart"
        return None

    @cached_property
    def remote_apart(self) -> bool:
        """Whether one is done from anywhere, and the other in a place."""
        both = (self._one.places, self._other.places)
        remote = [any(each.city == ANYWHERE for each in given) for given in both]
        return all(both) and remote[0] != remote[1]

    @cached_property
    def salaries_differ(self) -> bool | None:
        """Whether the salaries contradict each other, or meet; ``None`` where one states none of
        its own, or they only come near."""
        if ESTIMATING & {self._one.source, self._other.source}:
            return None
        one, other = self._one.salary, self._other.salary
        if one is None or other is None or min(one[1], other[1]) < _SANE:
            return None
        if None not in (self._one.currency, self._other.currency) and (
            self._one.currency != self._other.currency
        ):
            return None
        if max(one[0], other[0]) <= min(one[1], other[1]):
            return False
        return True if max(one[0], other[0]) > _APART * min(one[1], other[1]) else None

    def reasons(self) -> Iterator[Reason]:
        """Yield a reason for each thing that was compared."""
        if self.same_address:
            yield Reason(Kind.ADDRESS, True, "Both have the same address.")
        if self.one_source:
            own = "; it gives each opening one id" if self.numbered else ""
            yield Reason(Kind.BOARD, False, f"One source gave both an id of their own{own}.")
        yield self._text()
        if self.letters and not self.long_enough:
            sentence = "The text is too short to tell."
            yield Reason(Kind.LENGTH, None, sentence, {"letters": self.letters})
        if self.aligned and (self.telling or self.reworded):
            sentence = (
                "The texts name another number of years, level, team, pay or requisition."
                if self.telling
                else "The texts name something else in one place of the same sentence."
            )
            yield Reason(Kind.CHANGE, False, sentence, {"changes": self.telling + self.reworded})
        if self.other_kind:
            yield Reason(Kind.EMPLOYMENT, False, f"They differ: {self.other_kind}.")
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
                **({"replaced": self.replaced} if self.aligned else {}),
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


ENOUGH = 400
"""Letters and digits from which on a text tells openings apart."""
CLOSE = 0.75
"""From this share of the shorter text on two texts are versions of one."""
VERY_CLOSE = 0.88
"""The share of the shorter text where titles are only alike, or the text is short."""
WHOLE = 0.965
"""From here on the shorter text is in the longer one as a whole."""
_ENOUGH_ELSEWHERE = 600
"""The same where the companies have different names."""
_ENOUGH_OF_NAMESAKES = 1_000
"""The same where one name is part of the other, which may be another company's."""
LEAST = 250
"""A shorter text says too little, unless another board has it as a whole under a specific title."""
_EXCERPT = 200
"""Then so much is enough, as boards show of a text in their lists."""
